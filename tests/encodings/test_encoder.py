from functools import reduce

import numpy as np
import pytest

import archbo as ab
from archbo.arrays import stream
from archbo.encodings import Encoder
from archbo.kernels.blocks import join_rows
from archbo.kernels.blocks import rows as take
from archbo.spaces.moves import sample

CELL = ab.EdgeCell(nodes=4, ops=["none", "skip_connect", "conv_1x1", "conv_3x3", "avg_pool_3x3"])
MIXED = ab.Space(
    cell=CELL,
    channels=ab.Int(4, 32, log=True),
    head=ab.Choice({"linear": None, "mlp": ab.Space(width=ab.Int(16, 256, log=True))}),
    lr=ab.Float(1e-4, 1e-1, log=True),
    fixed=ab.Choice(["only"]),
)


def encoder(space, user=None):
    return Encoder(space.compiled, sample(space.compiled, stream(0, "reference"), 300), user)


def test_blocks_follow_what_the_graph_view_shows():
    found = encoder(MIXED).encode(MIXED.sample(0).rows)
    assert {name: block.shape[1] for name, block in found.items()} == {
        "options": 6, "options.active": 6, "context": 1, "context.active": 1,
        "numbers": 3, "numbers.active": 3, "wl0": 8, "wl1": 8, "wl2": 8, "features": 4,
    }  # fmt: skip


def test_sizes_in_a_chain_are_numbers_and_its_length_is_shown():
    layer = ab.Space(op=ab.Choice(["a", "b"]), width=ab.Int(16, 256))
    found = encoder(ab.Chain(layer, length=(1, 3))).encode(ab.Chain(layer, (1, 3)).sample(0).rows)
    assert found["options"].shape[1] == 3
    assert found["sizes"].shape[1] == 1
    assert found["numbers"].shape[1] == 3


def test_a_space_of_numbers_alone_has_no_other_blocks():
    space = ab.Space(x=ab.Float(0, 1), y=ab.Int(1, 5))
    assert set(encoder(space).encode(space.sample(0).rows)) == {"numbers", "numbers.active"}


@pytest.mark.parametrize("space", [CELL, MIXED, ab.NodeCell(5, 7, ["a", "b"])], ids=str)
def test_rows_are_encoded_independently_of_each_other(space):
    code = encoder(space)
    rows = sample(space.compiled, stream(1, "rows"), 20)
    whole = code.encode(rows)
    single = reduce(join_rows, [code.encode(rows.take([i])) for i in range(20)])
    for name, block in whole.items():
        assert np.array_equal(block, single[name]), name
    some = take(whole, np.array([3, 5]))
    assert all(np.array_equal(some[name], whole[name][[3, 5]]) for name in whole)


def test_known_rows_are_encoded_as_any_others_however_they_grow():
    code = encoder(MIXED)
    rows = sample(MIXED.compiled, stream(1, "rows"), 12)
    for part in (slice(0, 5), slice(0, 12), slice(0, 12), slice(3, 9), slice(0, 0), slice(0, 2)):
        found, expected = code.known(rows.take(part)), code.encode(rows.take(part))
        assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_equal_networks_have_equal_graph_blocks():
    code = encoder(CELL)
    by_id: dict[str, list[int]] = {}
    rows = sample(CELL.compiled, stream(2, "rows"), 2000)
    for i, key in enumerate(CELL.compiled.ids(rows)):
        by_id.setdefault(key, []).append(i)
    found = code.encode(rows)
    twins = [group for group in by_id.values() if len(group) > 1]
    assert twins
    for group in twins:
        for name in ("wl0", "wl1", "wl2"):
            multisets = np.sort(found[name][group], axis=1)
            assert (multisets == multisets[0]).all()
        assert np.allclose(found["features"][group], found["features"][group[0]])


def test_user_features_come_first_logged_where_they_span_ratios_and_standardised():
    def user(rows):
        return np.stack([10.0 ** rows.values[:, 0], np.full(len(rows), 7.0)], axis=1)

    code = encoder(CELL, user)
    reference = code.reference["features"]
    assert reference.shape[1] == 5  # the constant one is left out
    assert np.allclose(reference.mean(axis=0), 0)
    assert np.allclose(reference.std(axis=0), 1)
    rows = sample(CELL.compiled, stream(1, "rows"), 50)
    correlation = np.corrcoef(code.encode(rows)["features"][:, 0], rows.values[:, 0])[0, 1]
    assert correlation == pytest.approx(1)


def test_a_feature_that_is_not_finite_counts_as_average():
    code = encoder(CELL, lambda rows: rows.values[:, :1])
    broken = Encoder(CELL.compiled, sample(CELL.compiled, stream(0, "reference"), 300),
                     lambda rows: rows.values[:, :1])  # fmt: skip
    broken._user_features = lambda rows: np.full((len(rows), 1), np.nan)
    rows = sample(CELL.compiled, stream(1, "rows"), 5)
    assert (broken.encode(rows)["features"][:, 0] == 0).all()
    assert (broken.encode(rows)["features"][:, 1:] == code.encode(rows)["features"][:, 1:]).all()


def test_columns_that_say_the_same_are_encoded_once():
    code = encoder(CELL, lambda rows: np.stack([rows.values[:, 0], 2 * rows.values[:, 0]], axis=1))
    assert code.reference["features"].shape[1] == 5
