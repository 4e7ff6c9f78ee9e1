"""Each law of encodings catches an encoding that breaks it, and a good one passes all."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import numpy as np
import pytest

import archbo as ab
from archbo.encodings import OneHot
from archbo.testing.encodings import check, equal_networks_look_equal

CELL = ab.EdgeCell(nodes=3, ops=["none", "skip_connect", "conv"])
CALLS = count()


@dataclass(frozen=True)
class Spoiled:
    """A good encoding whose columns are spoiled."""

    spoil: Callable
    name: str = "spoiled"

    def prepare(self, space, reference):
        encode = OneHot().prepare(space, reference)
        return lambda rows: self.spoil(encode(rows), rows)


def emptied(columns, rows):
    rows.values[:] = 0
    return columns


BROKEN = {
    "unnamed": (Spoiled(lambda x, rows: x, name=""), "its block has no name"),
    "single": (Spoiled(lambda x, rows: x.astype(np.float32)), "numbers of type float32"),
    "infinite": (Spoiled(lambda x, rows: np.full(x.shape, np.inf)), "not finite"),
    "restless": (Spoiled(lambda x, rows: x + next(CALLS)), "prepared again it gives"),
    "ranked": (Spoiled(lambda x, rows: x + np.arange(len(x))[:, None]), "rows depend on others"),
    "emptied": (Spoiled(emptied), "an argument was changed"),
    "object": (object(), "it has no name or no prepare"),
}


def test_a_good_encoding_passes():
    check(Spoiled(lambda x, rows: x), CELL)


@pytest.mark.parametrize("name", BROKEN)
def test_each_law_is_seen_to_be_broken(name):
    encoding, message = BROKEN[name]
    with pytest.raises(AssertionError, match=message):
        check(encoding, CELL)


def test_encodings_of_decisions_tell_equal_networks_apart():
    with pytest.raises(AssertionError, match="are the same network"):
        equal_networks_look_equal(OneHot(), CELL)
