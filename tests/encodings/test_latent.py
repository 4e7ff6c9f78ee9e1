"""The latent space of graphs: it reconstructs, it is smooth, it is the same each time."""

import numpy as np
import pytest
from scipy.stats import spearmanr

import archbo as ab
from archbo.arrays import stream
from archbo.encodings import Latent
from archbo.encodings.frames import Frame
from archbo.errors import ProblemError
from archbo.spaces.moves import mutate, sample

torch = pytest.importorskip("torch")

from archbo.encodings import autoencoder  # noqa: E402 - needs PyTorch

CELL = ab.NodeCell(6, 8, ["conv", "pool"])
REFERENCE = sample(CELL.compiled, stream(0, "reference"), 400)
ROWS = sample(CELL.compiled, stream(1, "rows"), 200)
FRAME = Frame.of(CELL.compiled, REFERENCE)


def filled(rows):
    return FRAME.fill(CELL.compiled.graphs(rows), len(rows))


@pytest.fixture(scope="module")
def model():
    adjacency, places = filled(REFERENCE)
    shape = autoencoder.Shape.of(adjacency, places, FRAME.kinds)
    return autoencoder.train(shape, adjacency, places, autoencoder.Training(16, 48, 3, 40, 0.01, 0))


def test_unseen_networks_are_reconstructed_far_above_chance(model):
    adjacency, places = filled(ROWS)
    edges, labels = model.reconstruct(model.embed(adjacency, places))
    pairs, open_ = model.shape.pairs, model.shape.open
    linked = adjacency[:, pairs[:, 0], pairs[:, 1]] > 0
    usual = np.maximum(linked.mean(axis=0), 1 - linked.mean(axis=0)).mean()
    assert (edges == linked).mean() > 0.95 > usual + 0.1
    truth = places[:, open_]
    commonest = np.mean([np.bincount(column + 1).max() for column in truth.T]) / len(truth)
    assert (labels == truth).mean() > 0.9 > commonest + 0.1


def test_mutants_are_nearer_than_other_networks(model):
    near = mutate(CELL.compiled, ROWS, stream(2, "mutants"))
    own, theirs = model.embed(*filled(ROWS)), model.embed(*filled(near))
    apart = np.linalg.norm(own - np.roll(own, 1, axis=0), axis=1)
    assert np.linalg.norm(own - theirs, axis=1).mean() < 0.7 * apart.mean()


def test_distances_follow_those_of_what_the_graphs_contain(model):
    own = model.embed(*filled(ROWS))
    adjacency, places = filled(ROWS)
    whole = np.concatenate([adjacency.reshape(200, -1), places], axis=1)
    pairs = np.triu_indices(200, 1)
    latent = np.linalg.norm(own[pairs[0]] - own[pairs[1]], axis=1)
    assert spearmanr(latent, (whole[pairs[0]] != whole[pairs[1]]).sum(axis=1)).statistic > 0.4


def test_several_cells_and_decisions_are_encoded_together():
    space = ab.Space(a=CELL, b=ab.EdgeCell(3, ["none", "x", "y"]), lr=ab.Float(0, 1))
    rows = sample(space.compiled, stream(0, "rows"), 50)
    found = Latent(4, epochs=1).prepare(space.compiled, rows)(rows)
    assert found.shape == (50, 5)
    assert np.array_equal(found[:, -1], rows.values[:, -1])
    other = space.compiled.rows(np.roll(rows.values, 1, axis=0))
    assert not np.array_equal(Latent(4, epochs=1).prepare(space.compiled, rows)(other), found)


def test_training_leaves_the_settings_of_pytorch(model):
    before, state = torch.get_num_threads(), torch.random.get_rng_state()
    Latent(2, width=4, epochs=1).prepare(CELL.compiled, ROWS)
    assert torch.get_num_threads() == before
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dimensions": 0}, "dimensions must be at least 1, got 0"),
        ({"spread": 0.0}, r"spread must be positive, got 0\.0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ProblemError, match=message):
        Latent(**settings)
