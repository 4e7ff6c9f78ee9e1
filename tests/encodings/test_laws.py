"""All encodings keep the laws, in all kinds of spaces."""

import pytest

from archbo.encodings import (
    Adjacency,
    Counts,
    Flat,
    Graphs,
    HierarchicalWL,
    Joined,
    Latent,
    OneHot,
    PathMultiset,
    Paths,
    Projection,
    ShortestPaths,
    Statistics,
    WeisfeilerLehman,
)
from archbo.testing.encodings import LAWS, equal_networks_look_equal

OF_GRAPHS = [
    Paths(),
    Paths(one_hot=False, truncate=5),
    Counts(rounds=0, most=3),
    Statistics(),
    Joined(Counts(), Statistics()),
    PathMultiset(most=3),
    ShortestPaths(),
    WeisfeilerLehman(4),
]
OF_VERTICES = [Adjacency(), Adjacency(one_hot=False, truncate=7), Graphs()]
OF_DECISIONS = [OneHot(), Flat(most=4), Projection(dimensions=5)]
OF_DERIVATIONS = [HierarchicalWL(), HierarchicalWL(levels=(1, 9), rounds=0)]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize(
    "encoding", OF_GRAPHS + OF_VERTICES + OF_DECISIONS + OF_DERIVATIONS, ids=repr
)
def test_each_encoding_keeps_each_law(encoding, law, space):
    law(encoding, space)


@pytest.mark.parametrize("encoding", OF_GRAPHS, ids=repr)
def test_equal_networks_are_encoded_equally(encoding, space):
    equal_networks_look_equal(encoding, space)


@pytest.mark.parametrize("encoding", OF_VERTICES, ids=repr)
def test_equal_node_cells_are_encoded_equally(encoding, node_cell):
    equal_networks_look_equal(encoding, node_cell)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_latent_encoding_keeps_each_law(law, space):
    pytest.importorskip("torch")
    law(Latent(dimensions=3, width=8, epochs=1), space)
