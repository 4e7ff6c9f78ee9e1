"""Ensembles of small neural networks, trained side by side. Needs PyTorch.

Notation: m members, n rows, d inputs, v vertices, w width of a hidden layer, o outputs.
    parameters  [m i o], [m 1 o]  weights and biases of each layer, all members in one tensor
Nothing is drawn by PyTorch: initial weights come from a NumPy generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from archbo.arrays import Array, Float, Int, Rng
from archbo.errors import MissingExtraError
from archbo.kernels.blocks import Encoded
from archbo.surrogates.base import Posterior
from archbo.surrogates.observations import Observations, read

try:
    import torch
    from torch import Tensor
except ImportError as error:
    raise MissingExtraError(
        "surrogates of neural networks need PyTorch", hint="pip install 'archbo[torch]'"
    ) from error

Forward = Callable[[Sequence[Tensor], Tensor], Tensor]
"""Parameters and an input to the outputs of all members, [m n o]."""

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Outputs [m n o], observations [n] and weights [m n] to one number."""

_LEAST_SD = 0.01  # that a member may claim, in units of the standardised objective
_FLOOR = 1e-6  # of the variance: members that agree to the last digit would leave none
_FOLDED = 4  # from so many rows on, each member leaves some out
_TRUSTED = 5  # the members' own variance counts as much as so many rows that were left out
_BATCH = 2048  # rows that are predicted at a time, so that memory stays small


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """PyTorch on one thread: so small tensors gain nothing, and sums keep their order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def layers(rng: Rng, members: int, sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
    """Weights and biases of layers with so many inputs and outputs; the last one is linear.

    Source: He et al. 2015 (https://arxiv.org/abs/1502.01852), equation 10.
    """
    found = []
    for k, (inputs, outputs) in enumerate(sizes):
        scale = np.sqrt((1 if k == len(sizes) - 1 else 2) / max(1, inputs))
        found.append(scale * rng.standard_normal((members, inputs, outputs)))
        found.append(np.zeros((members, 1, outputs)))
    return [torch.tensor(x, dtype=torch.float32) for x in found]


def perceptron(parameters: Sequence[Tensor], x: Tensor) -> Tensor:
    """All members' fully connected networks, [m n d] or [n d] to [m n o]."""
    h = x if x.ndim == 3 else x.expand(len(parameters[0]), *x.shape)
    for k in range(0, len(parameters), 2):
        h = torch.baddbmm(parameters[k + 1], h, parameters[k])
        if k + 2 < len(parameters):
            h = torch.relu(h)
    return h


def moments(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of each member from its two outputs, [m n] each."""
    sd = _LEAST_SD + torch.nn.functional.softplus(outputs[..., 1])
    return outputs[..., 0], sd * sd


def normal_loss(outputs: Tensor, z: Tensor, weights: Tensor) -> Tensor:
    """Negative log likelihood of normal distributions, each row's times its sd.

    The factor keeps members from explaining hard rows by their variance alone: Seitzer et al. 2022
    (https://arxiv.org/abs/2203.09168), beta = 1/2.
    """
    mean, variance = moments(outputs)
    each = 0.5 * ((z - mean) ** 2 / variance + variance.log())
    return (weights * each * variance.detach().sqrt()).sum()


def percentage_loss(outputs: Tensor, z: Tensor, weights: Tensor) -> Tensor:
    """Absolute error by the distance from just above the best: the good rows count most.

    White et al. 2021 (https://arxiv.org/abs/1910.11858), section 4, whose bound is a global one.
    """
    bound = z.max() + 1
    return (weights * (outputs[..., 0] - z).abs() / (bound - z)).sum()


@dataclass(frozen=True)
class Training:
    """How an ensemble is trained: AdamW on all rows at once, its rate falling to 0 as a cosine."""

    steps: int
    rate: float
    decay: float

    def __call__(
        self,
        forward: Forward,
        parameters: list[Tensor],
        x: Tensor,
        prior: Tensor,
        loss: Callable[[Tensor], Tensor],
    ) -> list[Tensor]:
        """Trained parameters.

        Args:
            forward: the network.
            parameters: where it starts.
            x: the input.
            prior: [m n o] added to the outputs.
            loss: of the outputs; a sum over members.
        """
        with torch.enable_grad():
            trained = [p.clone().requires_grad_() for p in parameters]
            adam = torch.optim.AdamW(
                trained, lr=self.rate, weight_decay=self.decay, foreach=True, betas=(0.9, 0.99)
            )
            for step in range(self.steps):
                adam.param_groups[0]["lr"] = (
                    self.rate * 0.5 * (1 + np.cos(np.pi * step / self.steps))
                )
                adam.zero_grad()
                torch.autograd.backward(loss(forward(trained, x) + prior))
                adam.step()
        return [p.detach() for p in trained]


@dataclass(frozen=True)
class Ensemble:
    """Trained members.

    Attributes:
        forward: the network.
        parameters: trained.
        frozen: parameters of the random networks that are added; none if empty.
        scale: of these.
        shift, spread: what shifts and scales the input.
        heads: 2 if a member gives mean and variance, 1 if a mean alone.
        block, axes: that it reads.
        widening: what the variance is multiplied by.
    """

    forward: Forward
    parameters: list[Tensor] = field(repr=False)
    frozen: list[Tensor] = field(repr=False)
    scale: float
    shift: Array = field(repr=False)
    spread: Array = field(repr=False)
    heads: int
    block: str
    axes: int
    widening: float = 1.0

    @classmethod
    def train(
        cls,
        known: Observations,
        forward: Forward,
        sizes: Sequence[tuple[int, int]],
        rng: Rng,
        *,
        members: int,
        training: Training,
        loss: Loss,
        scale: float,
        bootstrap: bool,
        calibrate: bool,
        heads: int,
        block: str,
        standardise: bool,
    ) -> Ensemble:
        """Train members on observations; all but `known` and `rng` are settings.

        To calibrate, each member leaves out a part of the rows, which tell how far off it is.
        """
        axes, n = known.X.ndim, len(known.z)
        shift, spread = np.zeros(1), np.ones(1)
        if standardise:
            # A rare column is not blown up: most of those are of little consequence.
            shift, spread = known.X.mean(axis=0), np.maximum(known.X.std(axis=0), 1.0)
        start = layers(rng, members, sizes)
        frozen = layers(rng, members, sizes) if scale else []
        drawn = np.ones((members, n))
        if bootstrap:  # Rubin 1981: weights instead of a sample, so that no row is left out
            drawn = rng.exponential(size=(members, n))
        left_out = np.full(n, -1)  # by which member
        if calibrate and members > 1 and n >= _FOLDED:
            left_out = rng.permutation(n) % members
        weights = drawn * known.repeats * (left_out != np.arange(members)[:, None])
        weights = weights / weights.sum(axis=1, keepdims=True)
        with one_torch_thread():
            w, z = _tensor(weights), _tensor(known.z)
            x = _tensor((known.X - shift) / spread)
            prior = _prior(forward, frozen, scale, x)
            trained = training(forward, start, x, prior, lambda outputs: loss(outputs, z, w))
        ensemble = cls(forward, trained, frozen, scale, shift, spread, heads, block, axes)
        return ensemble if left_out[0] < 0 else ensemble._calibrated(known, left_out)

    def _calibrated(self, known: Observations, left_out: Int[Array, " n"]) -> Ensemble:
        """With the variance widened to what the rows that a member has not seen ask for."""
        means, variances = self._members(known.X)
        n = len(known.z)
        off = (known.z - means[left_out, np.arange(n)]) ** 2 / self._total(means, variances)
        return replace(self, widening=float((off.sum() + _TRUSTED) / (n + _TRUSTED)))

    def predict(self, encoded: Encoded) -> Posterior:
        """The members' mean, and the variance by the law of total variance over them."""
        means, variances = self._members(read(encoded, self.block, axes=self.axes))
        return Posterior(means.mean(axis=0), self.widening * self._total(means, variances))

    def sample(self, encoded: Encoded, rng: Rng, m: int) -> Float[Array, "m c"]:
        """Draws of the objective: a normal of the members' mean and covariance, and their noise."""
        means, variances = self._members(read(encoded, self.block, axes=self.axes))
        k, c = means.shape
        weights = rng.standard_normal((m, k)) / np.sqrt(k)
        noise = np.sqrt(variances.mean(axis=0) + _FLOOR) * rng.standard_normal((m, c))
        moved = weights @ (means - means.mean(axis=0)) + noise
        return means.mean(axis=0) + np.sqrt(self.widening) * moved

    @staticmethod
    def _total(means: Float[Array, "k c"], variances: Float[Array, "k c"]) -> Float[Array, " c"]:
        return variances.mean(axis=0) + means.var(axis=0) + _FLOOR

    def _members(self, X: Float[Array, "c ..."]) -> tuple[Float[Array, "k c"], Float[Array, "k c"]]:
        """Mean and variance by each member."""
        X = (X - self.shift) / self.spread
        found = []
        with one_torch_thread(), torch.no_grad():
            for at in range(0, max(1, len(X)), _BATCH):
                x = _tensor(X[at : at + _BATCH])
                outputs = self.forward(self.parameters, x)
                outputs = outputs + _prior(self.forward, self.frozen, self.scale, x)
                mean = outputs[..., 0]
                variance = moments(outputs)[1] if self.heads == 2 else torch.zeros_like(mean)
                found.append(torch.stack([mean, variance]).numpy().astype(float))
        means, variances = np.concatenate(found, axis=2)
        return means, variances


def _prior(forward: Forward, frozen: list[Tensor], scale: float, x: Tensor) -> Tensor:
    """The first output of fixed random networks, scaled: Osband et al. 2018."""
    if not frozen:
        return torch.zeros(1)
    with torch.no_grad():
        outputs = scale * forward(frozen, x)
        outputs[..., 1:] = 0
    return outputs


def _tensor(x: Array) -> Tensor:
    return torch.tensor(x, dtype=torch.float32)
