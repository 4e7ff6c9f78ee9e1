"""The graph network against sums over neighbours by hand, and the laws on random graphs."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from archbo.errors import ProblemError  # noqa: E402 - after the check for PyTorch
from archbo.surrogates import GraphNeuralNetwork, networks  # noqa: E402
from archbo.surrogates.gnn import _forward  # noqa: E402
from archbo.testing.surrogates import SurrogateLaws, fit  # noqa: E402

V, L = 5, 3


def graphs(rng, n):
    """Random directed graphs and how many vertices of the last label feed one of the first."""
    edges = np.triu(rng.random((n, V, V)) < 0.5, 1).astype(float)
    labels = np.eye(L)[rng.integers(L, size=(n, V))]
    return np.concatenate([edges, labels], axis=2), np.einsum(
        "nu,nuv,nv->n", labels[:, :, 2], edges, labels[:, :, 0]
    ) + labels[:, :, 1].sum(axis=1)


class TestGraphNeuralNetwork(SurrogateLaws):
    @pytest.fixture
    def learner(self):
        return GraphNeuralNetwork(members=2, width=8, rounds=2, steps=50)

    @pytest.fixture
    def draw(self):
        def rows(rng, n):
            X, truth = graphs(rng, n)
            return {"graphs": X}, truth

        return rows


def parameters(members=2, width=4, rounds=2):
    sizes = [(L, width), *[(3 * width, width), (width, width)] * rounds, (2 * width, width)]
    return networks.layers(np.random.default_rng(1), members, [*sizes, (width, 2)])


def test_messages_are_sums_over_the_vertices_that_feed_and_that_are_fed():
    X, _ = graphs(np.random.default_rng(0), 3)
    layers = parameters()
    found = _forward(layers, torch.tensor(X, dtype=torch.float32), vertices=V).numpy()

    def dense(k, h, member):
        return h @ layers[k][member].numpy() + layers[k + 1][member, 0].numpy()

    for member in range(2):
        for g in range(3):
            edges, labels = X[g, :, :V], X[g, :, V:]
            h = np.maximum(dense(0, labels, member), 0)
            for k in (2, 6):
                into = [sum((h[u] for u in range(V) if edges[u, v]), 0 * h[0]) for v in range(V)]
                out = [sum((h[u] for u in range(V) if edges[v, u]), 0 * h[0]) for v in range(V)]
                into = [s / max(1, edges[:, v].sum()) ** 0.5 for v, s in enumerate(into)]
                out = [s / max(1, edges[v].sum()) ** 0.5 for v, s in enumerate(out)]
                joined = np.concatenate([h, into, out], axis=1)
                h = (h + dense(k + 2, np.maximum(dense(k, joined, member), 0), member)) / 2**0.5
            pooled = np.concatenate([h.mean(axis=0), h.sum(axis=0) / V])
            expected = dense(12, np.maximum(dense(10, pooled, member), 0), member)
            np.testing.assert_allclose(found[member, g], expected, rtol=1e-3, atol=1e-5)


def test_the_order_of_vertices_and_free_places_do_not_change_a_graph():
    X, _ = graphs(np.random.default_rng(0), 4)
    layers, order = parameters(), np.array([3, 0, 4, 2, 1])
    first = _forward(layers, torch.tensor(X, dtype=torch.float32), vertices=V)
    moved = np.concatenate([X[:, order][:, :, order], X[:, order, V:]], axis=2)
    second = _forward(layers, torch.tensor(moved, dtype=torch.float32), vertices=V)
    np.testing.assert_allclose(first.numpy(), second.numpy(), rtol=1e-4, atol=1e-5)


def test_the_direction_of_an_edge_counts():
    X, _ = graphs(np.random.default_rng(0), 1)
    turned = np.concatenate([X[:, :, :V].transpose(0, 2, 1), X[:, :, V:]], axis=2)
    first, second = (
        _forward(parameters(), torch.tensor(x, dtype=torch.float32), vertices=V).numpy()
        for x in (X, turned)
    )
    assert np.abs(first - second).max() > 1e-3


def test_a_block_without_labels_is_refused():
    with pytest.raises(ProblemError, match=r"has the shape \[2, 4, 4\], a graph neural network"):
        fit(GraphNeuralNetwork(), {"graphs": np.zeros((2, 4, 4))}, np.zeros(2))
