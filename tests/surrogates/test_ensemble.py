"""Members trained side by side against each one trained alone, and the laws."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from archbo.surrogates import DeepEnsemble, networks  # noqa: E402 - after the check for PyTorch
from archbo.testing.surrogates import SurrogateLaws, fit  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.random((25, 3))
Z = X @ [1.0, -2.0, 0.5]


class TestEnsemble(SurrogateLaws):
    widens = True

    @pytest.fixture
    def learner(self):
        return DeepEnsemble(members=4, width=32, steps=40)


class TestBananas(SurrogateLaws):
    @pytest.fixture
    def learner(self):
        return replace(DeepEnsemble.bananas(), members=3, steps=40)


class TestBootstrapped(SurrogateLaws):
    @pytest.fixture
    def learner(self):
        return DeepEnsemble(members=3, width=32, steps=80, bootstrap=True, prior=0.0)


def test_members_are_trained_as_each_alone():
    training = networks.Training(steps=20, rate=0.01, decay=0.01)
    start = networks.layers(np.random.default_rng(1), 3, [(3, 8), (8, 2)])
    x, z = torch.tensor(X, dtype=torch.float32), torch.tensor(Z, dtype=torch.float32)
    weights = torch.full((3, 25), 1 / 25)
    none = torch.zeros(1)
    together = training(
        networks.perceptron, start, x, none, lambda out: networks.normal_loss(out, z, weights)
    )
    for k in range(3):
        first, second = torch.nn.Linear(3, 8), torch.nn.Linear(8, 2)
        net = torch.nn.Sequential(first, torch.nn.ReLU(), second)
        with torch.no_grad():
            for layer, W, b in ((first, *start[:2]), (second, *start[2:])):
                layer.weight.copy_(W[k].T)
                layer.bias.copy_(b[k, 0])
        adam = torch.optim.AdamW(net.parameters(), lr=0.01, weight_decay=0.01, betas=(0.9, 0.99))
        rate = torch.optim.lr_scheduler.CosineAnnealingLR(adam, 20)
        for _ in range(20):
            adam.zero_grad()
            out = net(x)
            sd = 0.01 + torch.nn.functional.softplus(out[:, 1])
            loss = torch.nn.functional.gaussian_nll_loss(out[:, 0], z, sd**2, reduction="none")
            (loss * sd.detach()).mean().backward()
            adam.step()
            rate.step()
        alone = [first.weight.T, first.bias[None], second.weight.T, second.bias[None]]
        for a, b in zip(together, alone, strict=True):
            np.testing.assert_allclose(a[k].numpy(), b.detach().numpy(), atol=2e-4)


def test_the_variance_is_the_total_one_over_members():
    model = fit(DeepEnsemble(members=4, width=8, steps=5, calibrate=False), {"encoding": X}, Z)
    x = torch.tensor((X - model.shift) / model.spread, dtype=torch.float32)
    outputs = networks.perceptron(model.parameters, x)
    outputs[..., :1] += model.scale * networks.perceptron(model.frozen, x)[..., :1]
    mean, variance = (a.numpy().astype(float) for a in networks.moments(outputs))
    found = model.predict({"encoding": X})
    np.testing.assert_allclose(found.mean, mean.mean(axis=0), atol=1e-5)
    total = np.mean(variance + mean**2, axis=0) - mean.mean(axis=0) ** 2
    np.testing.assert_allclose(found.variance, total, rtol=1e-3)


def test_the_variance_is_widened_to_the_error_on_what_members_left_out():
    noisy = Z + RNG.standard_normal(25)
    model = fit(DeepEnsemble(), {"encoding": X}, noisy)
    sure = replace(model, widening=1.0)
    assert model.widening > 2  # ten members that follow the noise agree on most of it
    posterior, other = model.predict({"encoding": X}), sure.predict({"encoding": X})
    np.testing.assert_allclose(posterior.variance, model.widening * other.variance)
    there = RNG.random((500, 3))
    truth = there @ [1.0, -2.0, 0.5]
    found = model.predict({"encoding": there})
    inside = np.abs(truth - found.mean) < 1.645 * found.sd
    assert inside.mean() > 0.8


def test_errors_count_by_how_near_the_observation_is_to_the_best():
    outputs = torch.tensor([[[0.5], [0.5], [0.5]]])
    z, weights = torch.tensor([0.0, 1.0, 2.0]), torch.ones(1, 3)
    # the bound is 3: errors .5, .5 and 1.5 by the distances 3, 2 and 1
    expected = 0.5 / 3 + 0.5 / 2 + 1.5 / 1
    assert float(networks.percentage_loss(outputs, z, weights)) == pytest.approx(expected)


def test_training_leaves_the_state_of_pytorch_alone():
    before = torch.get_num_threads(), torch.get_rng_state()
    fit(DeepEnsemble(members=2, width=4, steps=2), {"encoding": X}, Z).predict({"encoding": X})
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])
