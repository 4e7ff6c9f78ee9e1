import numpy as np
import pytest

from archbo.graphs.views import Remembered, view
from archbo.spaces import Chain, Choice, EdgeCell, Int, NodeCell, Space
from archbo.spaces.moves import sample

CELL = EdgeCell(nodes=4, ops=["none", "skip_connect", "conv"])
SPACES = {
    "edge cell": CELL,
    "node cell": NodeCell(max_nodes=5, max_edges=6, ops=["conv", "pool"]),
    "chain": Chain(Choice(["a", "b", "c"]), length=(1, 20)),
    "shared chain": Chain(Space(a=Choice([1, 2]), b=Int(1, 4)), length=(1, 6), shared=True),
    "nested chain": Chain(Chain(Int(1, 3), length=(1, 3)), length=(1, 3)),
    "two cells, one optional": Space(a=CELL, b=Choice({"none": None, "cell": CELL})),
}


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_views_are_those_of_the_pruned_graphs(space):
    rows = sample(space.compiled, np.random.default_rng(0), 100)
    for _ in range(2):  # found, then remembered
        views = space.compiled.views(rows)
        for path, batch in space.compiled.graphs(rows).items():
            np.testing.assert_array_equal(views[path].colours, view(batch).colours)
            np.testing.assert_array_equal(views[path].shape, view(batch).shape)


def test_each_row_is_computed_once():
    asked: list[int] = []

    def doubled(values):
        asked.append(len(values))
        return (2 * values,)

    remembered = Remembered(doubled)
    values = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]])
    for _ in range(2):
        np.testing.assert_array_equal(remembered(values)[0], 2 * values)
    np.testing.assert_array_equal(remembered(values[:0])[0], values[:0])
    assert asked == [2]
