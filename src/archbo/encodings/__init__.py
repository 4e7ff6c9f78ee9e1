"""Rows and graphs as arrays."""

from __future__ import annotations

from archbo.encodings.base import Encode, Encoding
from archbo.encodings.encoder import Encoder
from archbo.errors import ProblemError

__all__ = ["Encode", "Encoder", "Encoding", "default_encoding"]


def default_encoding(block: str) -> Encoding:
    """What a surrogate that reads a block is given unless the user says otherwise.

    Raises:
        ProblemError: if no encoding gives the block.
    """
    raise ProblemError(
        f"the surrogate reads the block {block!r}, which no encoding gives",
        hint="Give encoding=, one whose name that is.",
    )
