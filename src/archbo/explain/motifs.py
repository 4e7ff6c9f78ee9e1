"""Motifs: small subgraphs whose presence goes with better or with worse networks.

All are of pruned graphs: what no signal passes does not count. A motif's effect compares networks
of the space and is no cause: what comes with the motif counts with it.
Source: motifs of a Weisfeiler-Lehman surrogate as explanations, Ru et al. 2021, section 3.3
(https://arxiv.org/abs/2006.07556); there the gradient of the mean, here a contrast of the space's
networks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from archbo.arrays import Array, Bool
from archbo.explain.landscape import Landscape
from archbo.explain.models import Model
from archbo.explain.names import Names
from archbo.explain.patterns import Pattern, patterns
from archbo.graphs.batch import GraphBatch
from archbo.graphs.labelled import LabelledGraph
from archbo.spaces import CompiledSpace

_ENTRIES = 30_000_000  # of all adjacency matrices together: bounds the memory
_FEWEST = 200  # networks whose graphs fit into that; with fewer nothing is said
_TRAINED = 3  # networks trained with a motif, and as many without it, to speak of it
_SURE = 0.977  # of a motif's direction: two standard deviations from no effect
_ALIKE = 0.9  # correlation from which two motifs come and go together: the surer one is told
_SHOWN = 12  # motifs that help, and as many that hurt


class Motif(NamedTuple):
    """One motif.

    Attributes:
        part: the path of the cell or chain that it is in, "" if that is the whole space.
        words: what it is.
        effect: how much better a typical network that has it is than a typical one that lacks it;
            see `Contrasts`.
        sd: of the effect, over functions from the posterior.
        certainty: probability that its direction is right.
        share: of the space's networks that have it.
        trained: how many of those that were trained have it.
        graph: to be drawn.
    """

    part: str
    words: str
    effect: float
    sd: float
    certainty: float
    share: float
    trained: int
    graph: LabelledGraph


class Contrast(NamedTuple):
    """A pattern's effect before it has a name.

    Attributes:
        path: of the part.
        pattern: what was looked for.
        has: [n] the networks of the sample that have it.
        effect, sd, certainty, trained: see `Motif`.
    """

    path: str
    pattern: Pattern
    has: Bool[Array, " n"]
    effect: float
    sd: float
    certainty: float
    trained: int


def motifs(landscape: Landscape, compiled: CompiledSpace, model: Model) -> tuple[Motif, ...]:
    """Those of which the results say something, those of the largest effect that is sure first.

    These were trained with and without at least three times, and their direction is certain to two
    standard deviations; of motifs that come and go together there is only the surest.
    """
    kept: list[Contrast] = []
    known = len(model.known)
    found = contrasts(landscape, compiled, model)
    for one in sorted(found, key=lambda c: 2 * c.sd - abs(c.effect)):
        same = [other for other in kept if (other.effect > 0) == (one.effect > 0)]
        tried = _TRAINED <= one.trained <= known - _TRAINED
        if one.certainty <= _SURE or not tried or len(same) == _SHOWN:
            continue
        if not any(_alike(one, other) for other in kept):
            kept.append(one)
    n = _sampled(landscape, compiled)
    rows, counts = landscape.rows.take(slice(0, n)), landscape.counts[:n]
    batches = compiled.graphs(rows)
    names = {path: Names(compiled, path, rows, batches[path]) for path in {c.path for c in kept}}
    told = []
    for c in kept:
        words, graph = names[c.path].describe(c.pattern)
        part = c.path.removeprefix("space").removeprefix(".")
        share = float(counts[c.has].sum() / counts.sum())
        told.append(Motif(part, words, c.effect, c.sd, c.certainty, share, c.trained, graph))
    return tuple(told)


def contrasts(landscape: Landscape, compiled: CompiledSpace, model: Model) -> list[Contrast]:
    """The effects of all patterns that are neither rare nor nearly everywhere.

    Of patterns that exactly the same networks have there is only the simplest.
    """
    n = _sampled(landscape, compiled)
    if n == 0:
        return []
    found = []
    trained = compiled.graphs(model.known)
    for path, batch in compiled.graphs(landscape.rows.take(slice(0, n))).items():
        different: dict[bytes, tuple[Pattern, Array]] = {}
        for pattern, has in patterns(batch, landscape.counts[:n]):
            different.setdefault(np.packbits(has).tobytes(), (pattern, has))
        if different:
            masks = np.stack([has for _, has in different.values()], axis=1)
            effects = landscape.contrasts(masks.astype(float), (~masks).astype(float), model)
            found += [
                Contrast(path, pattern, has, effect, sd, sure, _number(pattern, trained[path]))
                for (pattern, has), effect, sd, sure in zip(
                    different.values(), *(column.tolist() for column in effects), strict=True
                )
                if np.isfinite(sure)
            ]
    return found


def _sampled(landscape: Landscape, compiled: CompiledSpace) -> int:
    """Of so many of the landscape's networks the graphs fit into memory; 0 for too few."""
    rows = landscape.rows
    one = compiled.graphs(rows.take(slice(0, 1)))
    entries = sum(batch.labels.shape[1] ** 2 for batch in one.values())
    n = min(len(rows), _ENTRIES // max(entries, 1)) if one else 0
    return n if n >= min(_FEWEST, len(rows)) else 0


def _number(pattern: Pattern, batch: GraphBatch) -> int:
    return int(pattern.present(batch).sum())


def _alike(a: Contrast, b: Contrast) -> bool:
    return a.path == b.path and abs(float(np.corrcoef(a.has, b.has)[0, 1])) > _ALIKE
