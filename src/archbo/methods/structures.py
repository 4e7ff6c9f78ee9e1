"""Kernel structures: what could make two networks alike. The search averages over them.

Each structure is a sum of terms, each term a product over blocks of an encoding. The context
(options and numbers that the graph view does not show) multiplies every term: what is known of a
cell says little about it under other settings, unless the fit finds that they do not matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import mul

import numpy as np

from archbo.arrays import Array, Float
from archbo.encodings import Flat, ShortestPaths
from archbo.kernels import (
    RBF,
    Additive,
    Encoded,
    GroupedHamming,
    Hamming,
    HistogramRBF,
    Isotropic,
    IsotropicMatern52,
    Kernel,
    Matern52,
    Scaled,
    Sum,
    structure,
)

_CONTEXT = ("context", "numbers")

MANY = 16
"""From so many columns on, they share length scales: one for each would say more of what the few
results happened to be than of the space."""


ENCODINGS = (ShortestPaths(), Flat(name="flat"))
"""What the default structures read beside the blocks that every search has: fine detail."""

_FINE_FROM = 10
"""From so many trained networks on, structures of fine detail have the same odds as the others."""


def prior_odds(structures: int, fine: int, n: int) -> Float[Array, " k"]:
    """Relative prior weights of structures of which the last `fine` compare fine detail.

    After a handful of trainings these know little beyond what was trained, and their evidence is
    too weak to say so.

    Args:
        structures: how many there are.
        fine: how many of them, the last ones.
        n: how many networks were trained.
    """
    odds = np.ones(structures)
    odds[structures - fine :] = min(1.0, n / _FINE_FROM) ** 3
    return odds


def default_structures(reference: Encoded, *, told: bool = False) -> list[Kernel]:
    """The structures that the blocks of a space allow, each a different view of likeness.

    Decisions plus neighbourhoods of radius 0 and 1; operation counts times shape and features, or,
    where there are none, counts, and decisions alone; and, where the reference has `ENCODINGS`,
    pairs of operations by their distance, and all columns together. A pool has no decisions: its
    graphs and features are all there is.

    Args:
        reference: the encoding of random members, which scales each block.
        told: whether a user's features are among the features. They are worth a structure of their
            own; shape alone misleads where size is not what counts.
    """
    if "wl0" not in reference:
        return [structure(_term(reference, ["options", *_CONTEXT, "features", "constant"]))]
    decided = any(name in reference for name in ("options", "sizes", *_CONTEXT))
    decisions = [_term(reference, ["options", "sizes", *_CONTEXT])] if decided else []
    near = _term(reference, ["wl0+wl1", *_CONTEXT])
    counted = _term(reference, ["wl0", "features", *_CONTEXT])
    alone = decisions
    if "features" in reference:
        alone = [_term(reference, ["features", *_CONTEXT])] if told else []
    further = [_chosen(reference, e.name) for e in ENCODINGS if e.name in reference]
    return [structure(*decisions, near), structure(counted), *map(structure, [*alone, *further])]


def grouped_structures(reference: Encoded, groups: Mapping[str, Sequence[int]]) -> list[Kernel]:
    """The structures for spaces of many decisions: those of one group share a length scale.

    Decisions and neighbourhoods plus features; decisions and neighbourhoods times features; and a
    sum of effects of single decisions, of operation counts and of features. The evidence finds how
    far the objective is such a sum.

    Args:
        reference: the encoding of random members, which scales each block.
        groups: of the options and of the context: which group each decision is of.
    """

    def term(*names: str) -> list[Kernel]:
        """The product over those blocks that exist, if any does."""
        factors = [_shared(reference, name, groups) for name in names if _exists(reference, name)]
        return [reduce(mul, factors)] if factors else []

    near = ("options", "sizes", "wl0+wl1", *_CONTEXT)
    effects = [Additive(name, tuple(of)) for name, of in groups.items() if of]
    others = [*term("sizes"), *term("numbers"), *term("wl0"), *term("features")]
    additive = Sum((*map(Scaled, others), *effects))
    if "features" not in reference:
        return [structure(*term(*near)), additive]
    plus = structure(*term(*near), *term("features", *_CONTEXT))
    return [plus, structure(*term(*near, "features")), additive]


def deep_wl_structures(reference: Encoded) -> list[Kernel]:
    """A structure for each depth of refinement: wl0, wl0 and wl1, …; the evidence weighs them.

    The deepest is the last of the blocks `wl0`, `wl1`, … that follow each other: every search has
    three, `weisfeiler_lehman_to` encodes more. A space without graphs has its default structures.

    Args:
        reference: the encoding of random members, which scales each block.
    """
    levels: list[str] = []
    while (name := f"wl{len(levels)}") in reference:
        levels.append(name)
    depths = ["+".join(levels[: k + 1]) for k in range(len(levels))]
    found: list[Kernel] = [structure(_term(reference, [depth, *_CONTEXT])) for depth in depths]
    return found or default_structures(reference)


def encoded_structures(reference: Encoded, names: Sequence[str]) -> list[Kernel]:
    """One structure for encodings that the user chose: a sum of a kernel of each.

    Multisets say nothing of the context, so it multiplies them; columns bring it with them.

    Args:
        reference: the encoding of random members, which scales each block.
        names: of the blocks.
    """
    return [structure(*(_chosen(reference, name) for name in names))]


def _chosen(reference: Encoded, name: str) -> Kernel:
    if np.issubdtype(reference[name].dtype, np.unsignedinteger):
        beside = [_kernel(reference, block) for block in _CONTEXT if block in reference]
        return reduce(mul, beside, HistogramRBF.of((name,), reference))
    return IsotropicMatern52.of(name, reference)


def _term(reference: Encoded, names: list[str]) -> Kernel:
    """The product of the kernels of those blocks that exist."""
    return reduce(mul, [_kernel(reference, name) for name in names if _exists(reference, name)])


def _exists(reference: Encoded, name: str) -> bool:
    return name.split("+")[0] in reference


def _shared(reference: Encoded, name: str, groups: Mapping[str, Sequence[int]]) -> Kernel:
    if name in groups:
        return GroupedHamming.of(name, groups[name], reference)
    if name == "features" and reference[name].shape[1] >= MANY:
        return Isotropic.of(name, reference)
    return _kernel(reference, name)


def _kernel(reference: Encoded, name: str) -> Kernel:
    if name.startswith("wl"):
        return HistogramRBF.of(tuple(name.split("+")), reference)
    if name in ("features", "constant"):
        return RBF.of(name, reference)
    if name in ("options", "context"):
        return Hamming.of(name, reference)
    return Matern52.of(name, reference)
