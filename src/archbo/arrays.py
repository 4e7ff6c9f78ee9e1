"""Array types, and random streams that depend on names, never on history.

Axis letters: n observations or rows, c candidates, d columns of an encoding, D decisions,
g graphs, v vertices, p hyperparameters or pending rows, m samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt64

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]
else:
    Array = np.ndarray

Rng = np.random.Generator

__all__ = ["Array", "Bool", "Float", "Int", "Rng", "UInt64", "one_thread", "stream"]


def stream(seed: int, *names: str | int) -> Rng:
    """A random generator for one purpose: the same seed and names give the same numbers.

    >>> float(stream(0, "propose", 17).random()) == float(stream(0, "propose", 17).random())
    True
    """
    text = "\0".join([str(seed), *(f"{type(n).__name__}:{n}" for n in names)])
    digest = blake2b(text.encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "little"))


@contextmanager
def one_thread() -> Iterator[None]:
    """Linear algebra on one thread: matrices of a few hundred rows gain nothing from more.

    On a busy machine several threads wait for each other, a hundred times longer than they work;
    and how many there are changes the last digits, so that a resumed search could differ.
    """
    with _controller().limit(limits=1):
        yield


@cache
def _controller() -> Any:
    """Finds the linear algebra libraries once: that takes longer than setting their threads."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
