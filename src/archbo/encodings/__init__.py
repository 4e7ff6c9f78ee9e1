"""Rows and graphs as arrays."""

from __future__ import annotations

from archbo.encodings.adjacency import Adjacency
from archbo.encodings.base import Encode, Encoding
from archbo.encodings.dense import Graphs
from archbo.encodings.encoder import Encoder
from archbo.encodings.flat import Counts, Flat, Joined, OneHot, Statistics
from archbo.encodings.hierarchy import HierarchicalWL
from archbo.encodings.latent import Latent
from archbo.encodings.multisets import ShortestPaths, WeisfeilerLehman, weisfeiler_lehman_to
from archbo.encodings.paths import PathMultiset, Paths
from archbo.encodings.projection import Projection
from archbo.errors import ProblemError

__all__ = [
    "Adjacency",
    "Counts",
    "Encode",
    "Encoder",
    "Encoding",
    "Flat",
    "Graphs",
    "HierarchicalWL",
    "Joined",
    "Latent",
    "OneHot",
    "PathMultiset",
    "Paths",
    "Projection",
    "ShortestPaths",
    "Statistics",
    "WeisfeilerLehman",
    "default_encoding",
    "weisfeiler_lehman_to",
]


def default_encoding(block: str) -> Encoding:
    """What a surrogate that reads a block is given unless the user says otherwise.

    Raises:
        ProblemError: if no encoding gives the block.
    """
    if block == "encoding":
        return Flat()
    if block == "graphs":
        return Graphs()
    raise ProblemError(
        f"the surrogate reads the block {block!r}, which no encoding gives",
        hint="Give encoding=, one whose name that is.",
    )
