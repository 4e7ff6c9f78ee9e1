"""What an encoding is: rows of a space to one array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from archbo.arrays import Array
from archbo.spaces import CompiledSpace, Rows

Encode = Callable[[Rows], Array]
"""Rows to an array whose first axis is theirs."""


@runtime_checkable
class Encoding(Protocol):
    """The settings of an encoding: a frozen dataclass that is prepared once for a space.

    What it prepares gives floating-point columns [n d], which any surrogate can read; multisets of
    unsigned 64-bit labels [n w] padded with 0, which kernels of histograms compare; or an array of
    three axes for a surrogate made for it.
    """

    @property
    def name(self) -> str:
        """The block of an encoded batch that holds its columns."""
        ...

    def prepare(self, space: CompiledSpace, reference: Rows) -> Encode:
        """Get ready to encode rows of a space.

        Args:
            space: the compiled space.
            reference: random rows of it, to learn columns and scales from.
        """
        ...
