import numpy as np
import pytest
from scipy.stats import rankdata

import archbo as ab
from archbo.acquisition import ThompsonSampling
from archbo.encodings import Encoder, weisfeiler_lehman_to
from archbo.methods import bananas, nas_bowl
from archbo.methods.published import subtree_structures
from archbo.spaces.moves import sample

CELL = ab.EdgeCell(nodes=4, ops=["none", "skip_connect", "conv_1x1", "conv_3x3", "avg_pool_3x3"])
MIXED = ab.Space(cell=CELL, act=ab.Choice(["relu", "gelu"]), rate=ab.Float(0, 1))


def depth(arch):
    """Convolutions on the longest way: what both methods' views of a cell show."""
    best = {0: 0}
    for source, target, op in arch.value:
        if op != "none":
            length = best.get(source, -99) + (op == "conv_3x3")
            best[target] = max(best.get(target, -99), length)
    return float(best.get(3, -1))


def encoded(space, rows=40):
    compiled = space.compiled
    reference = sample(compiled, np.random.default_rng(0), rows)
    return Encoder(compiled, reference, None, weisfeiler_lehman_to(3)).reference


@pytest.mark.parametrize("name", ["bananas", "nas-bowl"])
def test_a_published_method_learns_and_predicts(name):
    if name == "bananas":
        pytest.importorskip("torch")
    opt = ab.Optimizer(CELL, maximize="depth", seed=0, method=name)
    archs = list({a.id: a for a in (CELL.sample(seed) for seed in range(60))}.values())
    opt.tell(archs, [depth(arch) for arch in archs])
    proposal = opt.propose()
    assert proposal.origin == "model"
    assert proposal.architecture.id not in {arch.id for arch in archs}
    unseen = [CELL.sample(seed) for seed in range(100, 160)]
    mean, sd = opt.predict(unseen)
    truth = np.array([depth(arch) for arch in unseen])
    assert np.corrcoef(rankdata(mean), rankdata(truth))[0, 1] > 0.6
    assert (sd > 0).all()


def test_bananas_is_made_of_the_published_parts():
    pytest.importorskip("torch")
    method = bananas()
    assert (method.surrogate.members, method.surrogate.depth, method.surrogate.width) == (5, 10, 20)
    assert method.surrogate.loss == "percentage"
    assert method.surrogate.block == method.encoding.name
    assert method.encoding.one_hot
    assert method.acquisition == ThompsonSampling(independent=True)


def test_nas_bowl_has_a_subtree_kernel_for_each_depth():
    kernels = subtree_structures(encoded(CELL))
    assert len(kernels) == 4
    assert nas_bowl().kernel is subtree_structures
    repeated = {kernel.names for kernel in kernels}
    assert len(repeated) == 1  # an amplitude, and nothing else to fit


def test_what_the_graphs_do_not_show_multiplies_the_subtree_kernel():
    reference = encoded(MIXED)
    for kernel in subtree_structures(reference):
        assert any("rate" in name or "numbers" in name for name in kernel.names)
        theta = kernel.prior.mean
        covariance = kernel.covariance(theta, kernel.distances(reference, reference))
        assert np.linalg.eigvalsh(covariance).min() > -1e-8


def test_a_space_without_graphs_has_its_default_structures():
    space = ab.Space(rate=ab.Float(0, 1), act=ab.Choice(["relu", "gelu"]))
    assert len(subtree_structures(encoded(space))) == 1
    assert ab.Optimizer(space, method="nas-bowl").ask()
