"""Laws of encodings: what every encoding must keep, for those who write one.

Each law takes an encoding and a space, and raises AssertionError where the encoding breaks it.
`check` goes through all of them:

    from archbo.testing.encodings import check

    def test_my_encoding_keeps_the_laws():
        check(MyEncoding(...), space)
"""

from __future__ import annotations

import numpy as np

from archbo.arrays import Array, stream
from archbo.encodings import Encoding
from archbo.kernels.blocks import join_rows
from archbo.spaces import Part, Rows
from archbo.spaces.moves import sample

_REFERENCE = 40
_ROWS = 6
_MANY = 300  # random members, of which some are the same network in small spaces


def check(encoding: Encoding, space: Part) -> None:
    """All laws."""
    for law in LAWS:
        law(encoding, space)


def is_a_value(encoding: Encoding, space: Part) -> None:  # noqa: ARG001
    """Equal to itself, hashable, named; its text says its settings."""
    assert isinstance(encoding, Encoding), "it has no name or no prepare"
    assert encoding == encoding, "not equal to itself"
    assert hash(encoding) == hash(encoding)
    assert encoding.name, "its block has no name"
    assert "object at 0x" not in repr(encoding), "its text changes from run to run"


def gives_numbers(encoding: Encoding, space: Part) -> None:
    """Finite float64, or multisets of uint64; the first axis is the rows', also without rows."""
    rows = _rows(space, _ROWS)
    for count in (_ROWS, 1, 0):
        found = _encode(encoding, space, rows.take(slice(0, count)))
        assert len(found) == count, f"{count} rows give {len(found)}"
        assert found.ndim >= 2, "an axis is missing"
        assert found.dtype in (np.float64, np.uint64), f"numbers of type {found.dtype}"
        assert np.isfinite(found.astype(float)).all(), "not finite"


def depends_on_its_arguments_alone(encoding: Encoding, space: Part) -> None:
    """Prepared again it gives the same, to the last bit."""
    rows = _rows(space, _ROWS)
    first, again = (_encode(encoding, space, rows) for _ in range(2))
    assert np.array_equal(first, again), "prepared again it gives something else"


def looks_at_rows_by_themselves(encoding: Encoding, space: Part) -> None:
    """A row's encoding does not depend on the rows beside it, to the last bit."""
    rows = _rows(space, _ROWS)
    encode = encoding.prepare(space.compiled, _rows(space, _REFERENCE, "reference"))
    whole = {"found": encode(rows)}
    single = {"found": encode(rows.take([0]))}
    for i in range(1, _ROWS):
        single = dict(join_rows(single, {"found": encode(rows.take([i]))}))
    same = np.array_equal(_ordered(whole["found"]), _ordered(single["found"]))
    assert same, "rows depend on others"


def leaves_its_arguments(encoding: Encoding, space: Part) -> None:
    """Neither the reference nor the rows are changed."""
    rows, reference = _rows(space, _ROWS), _rows(space, _REFERENCE, "reference")
    given = [rows.values, rows.active, reference.values, reference.active]
    before = [x.copy() for x in given]
    encoding.prepare(space.compiled, reference)(rows)
    for x, y in zip(given, before, strict=True):
        assert np.array_equal(x, y), "an argument was changed"


LAWS = (
    is_a_value,
    leaves_its_arguments,
    gives_numbers,
    depends_on_its_arguments_alone,
    looks_at_rows_by_themselves,
)
"""All laws; that of the arguments early, since breaking it spoils what the others see."""


def equal_networks_look_equal(encoding: Encoding, space: Part) -> None:
    """Architectures with the same id have the same encoding. Only those of graphs keep this."""
    rows = _rows(space, _MANY)
    found = _ordered(_encode(encoding, space, rows))
    first: dict[str, int] = {}
    for i, key in enumerate(space.compiled.ids(rows)):
        k = first.setdefault(key, i)
        assert np.array_equal(found[i], found[k]), f"rows {k} and {i} are the same network"


def _ordered(found: Array) -> Array:
    """Multisets in one order and without padding; anything else as it is."""
    if found.dtype != np.uint64:
        return found
    found = np.sort(found, axis=1)[:, ::-1]
    return found[:, found.any(axis=0)]


def _rows(space: Part, count: int, name: str = "rows") -> Rows:
    return sample(space.compiled, stream(0, name), count)


def _encode(encoding: Encoding, space: Part, rows: Rows) -> Array:
    return encoding.prepare(space.compiled, _rows(space, _REFERENCE, "reference"))(rows)
