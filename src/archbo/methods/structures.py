"""Kernel structures: what could make two networks alike. The search averages over them.

Each structure is a sum of terms, each term a product over blocks of an encoding. The context
(options and numbers that the graph view does not show) multiplies every term: what is known of a
cell says little about it under other settings, unless the fit finds that they do not matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import mul

import numpy as np

from archbo.kernels import (
    RBF,
    Encoded,
    Hamming,
    HistogramRBF,
    Isotropic,
    Kernel,
    Matern52,
    structure,
)


def default_structures(reference: Encoded) -> list[Kernel]:
    """The structures that the blocks of a space allow, each a different view of likeness.

    Decisions plus neighbourhoods of radius 0 and 1; operation counts times shape and features;
    shape and features alone, or, where all graphs have one shape, decisions alone.

    Args:
        reference: the encoding of random members, which scales each block.
    """
    context = ["context", "numbers"]
    if "wl0" not in reference:
        return [structure(_term(reference, ["options", *context, "features", "constant"]))]
    decisions = _term(reference, ["options", "sizes", *context])
    near = _term(reference, ["wl0+wl1", *context])
    counted = _term(reference, ["wl0", "features", *context])
    found: list[Kernel] = [structure(decisions, near), structure(counted)]
    alone = _term(reference, ["features", *context]) if "features" in reference else decisions
    return [*found, structure(alone)]


def encoded_structures(reference: Encoded, names: Sequence[str]) -> list[Kernel]:
    """One structure for encodings that the user chose: a sum of a kernel of each.

    Args:
        reference: the encoding of random members, which scales each block.
        names: of the blocks.
    """
    return [structure(*(_chosen(reference, name) for name in names))]


def _chosen(reference: Encoded, name: str) -> Kernel:
    if np.issubdtype(reference[name].dtype, np.unsignedinteger):
        return HistogramRBF.of((name,), reference)
    return Isotropic.of(name, reference)


def _term(reference: Encoded, names: list[str]) -> Kernel:
    """The product of the kernels of those blocks that exist."""
    factors = [_kernel(reference, name) for name in names if name.split("+")[0] in reference]
    return reduce(mul, factors)


def _kernel(reference: Encoded, name: str) -> Kernel:
    if name.startswith("wl"):
        return HistogramRBF.of(tuple(name.split("+")), reference)
    if name in ("features", "constant"):
        return RBF.of(name, reference)
    if name in ("options", "context"):
        return Hamming.of(name, reference)
    return Matern52.of(name, reference)
