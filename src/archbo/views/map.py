"""The search space as a map: where the search went, and what it found there.

Architectures stand near each other where their decisions, their operations with their neighbours,
and the shapes of their graphs are alike. The two axes are those along which a random sample of the
space differs most, so a place keeps its meaning, and every mark its place, while a search goes on.

Source: de Silva and Tenenbaum 2004, "Sparse multidimensional scaling using landmark points"; for
the Euclidean distances here, that is the principal components of the landmarks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import NamedTuple

import numpy as np

from archbo.arrays import Array
from archbo.data import State, TrialRecord
from archbo.encodings.columns import commonest
from archbo.encodings.decisions import one_hot
from archbo.encodings.graphs import counts, salted
from archbo.spaces import CompiledSpace, Rows
from archbo.spaces.moves import sample
from archbo.views.axes import (
    BOTTOM,
    DOT,
    HEIGHT,
    LEFT,
    RIGHT,
    SHAPES,
    TOP,
    WIDTH,
    Key,
    Scale,
    mark,
    mark_size,
    padded,
)
from archbo.views.chart import Chart
from archbo.views.infos import StudyInfo, history_info, number

LANDMARKS = 400
FEWEST = 24  # landmarks, whatever they cost
MOST_ENTRIES = 2**25  # numbers held at once
MOST_COLOURS = 256
MOST_MARKS = 2000
TONES = 6
TINY = 1e-9  # of a variance: rounding


class Spot(NamedTuple):
    """An architecture on the map.

    Attributes:
        x: its place along the first axis; no unit.
        y: its place along the second axis.
        trial: the number of its first trial.
        architecture_id: which it is.
        value: the mean of its finished trials; None where none has finished.
        running: whether a trial of it is running now.
    """

    x: float
    y: float
    trial: int
    architecture_id: str
    value: float | None
    running: bool


class MapInfo(NamedTuple):
    """A study's architectures in two dimensions.

    Attributes:
        ground: (x, y) of a random sample of the space.
        spots: the distinct architectures of the study, in the order of their first trials.
        path: positions in `spots` of the incumbents, in the order in which they led.
        share: how much of the differences within the space the two axes show, from 0 to 1.
    """

    ground: tuple[tuple[float, float], ...]
    spots: tuple[Spot, ...]
    path: tuple[int, ...]
    share: float


def map_info(
    records: Sequence[TrialRecord], study: StudyInfo, *, landmarks: int = LANDMARKS
) -> MapInfo:
    """Place a study's architectures; the same records give the same map.

    Args:
        records: all trials.
        study: what they are of.
        landmarks: how many random members of the space span the map; fewer where each is large.
    """
    groups: defaultdict[str, list[TrialRecord]] = defaultdict(list)
    for record in sorted(records, key=lambda r: r.number):
        if record.state is not State.DELETED:
            groups[record.architecture_id].append(record)
    space = study.space.compiled
    size = max(1, _size(space))
    landmarks = min(landmarks, max(FEWEST, MOST_ENTRIES // size))
    plane = _Plane(space, sample(space, np.random.default_rng(0), landmarks))
    members = [study.space.architecture(group[0].architecture) for group in groups.values()]
    chunk = max(1, min(1024, MOST_ENTRIES // size))
    places = [
        plane(space.encode(members[start : start + chunk]))
        for start in range(0, len(members), chunk)
    ]
    at = np.concatenate([np.zeros((0, 2)), *places])
    spots = tuple(
        _spot(float(x), float(y), group) for (x, y), group in zip(at, groups.values(), strict=True)
    )
    position = {spot.architecture_id: k for k, spot in enumerate(spots)}
    leaders = [position[step.architecture_id] for step in history_info(records, study).steps]
    path = [k for i, k in enumerate(leaders) if i == 0 or k != leaders[i - 1]]
    ground = tuple((float(x), float(y)) for x, y in plane.landmarks)
    return MapInfo(ground, spots, tuple(path), plane.share)


def _size(space: CompiledSpace) -> int:
    """About how many numbers the graphs and the decisions of one member take."""
    one = sample(space, np.random.default_rng(0), 1)
    vertices = max((seen.colours.shape[2] for seen in space.views(one).values()), default=0)
    return int(vertices**2 + one_hot(space, one).shape[1])


def _spot(x: float, y: float, group: Sequence[TrialRecord]) -> Spot:
    values = [r.value for r in group if r.state is State.FINISHED and r.value is not None]
    return Spot(
        x,
        y,
        group[0].number,
        group[0].architecture_id,
        fmean(values) if values else None,
        any(r.state is State.RUNNING for r in group),
    )


class _Plane:
    """The two directions in which landmarks differ most; a call gives the places of rows [n 2]."""

    def __init__(self, space: CompiledSpace, rows: Rows) -> None:
        self._columns = _columns(space, rows)
        found = self._columns(rows)
        self._centre = found.mean(axis=0)
        found = found - self._centre
        # the smaller of two equivalent eigenproblems: a space may have many more columns than this
        values, vectors = np.linalg.eigh(found @ found.T)
        order = np.argsort(-values)[:2]
        kept = np.maximum(values[order], 0.0)
        axes = (found.T @ vectors[:, order]) / np.sqrt(np.where(kept > TINY, kept, np.inf))
        self._axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
        total = float(np.maximum(values, 0.0).sum())
        self.share = float(kept.sum() / total) if total else 1.0
        self.landmarks = self._placed(found)

    def __call__(self, rows: Rows) -> Array:
        return self._placed(self._columns(rows) - self._centre)

    def _placed(self, centred: Array) -> Array:
        places = centred @ self._axes
        return np.pad(places, ((0, 0), (0, 2 - places.shape[1])))


def _columns(space: CompiledSpace, reference: Rows) -> Callable[[Rows], Array]:
    """Columns in which Euclidean distances tell how different two members are.

    Decisions, coloured operations and shapes of graphs count alike: the direction in which the
    reference differs most in each has a variance of 1, so that none of them rules the map.

    Source: Escofier and Pagès 1994, "Multiple factor analysis (AFMULT package)".
    """
    colours, _ = commonest(_multisets(space, reference), MOST_COLOURS)
    vocabulary = np.sort(colours)

    def blocks(rows: Rows) -> list[Array]:
        shapes = [seen.shape for seen in space.views(rows).values()]
        found = [one_hot(space, rows), counts(_multisets(space, rows), vocabulary)[0]]
        nothing = np.zeros((len(rows), 1))  # a space may have nothing that differs
        return [*found, *shapes, nothing]

    weights = []
    for block in blocks(reference):
        centred = block - block.mean(axis=0)
        largest = float(np.linalg.eigvalsh(centred @ centred.T)[-1])
        weights.append(np.sqrt(len(block) / largest) if largest > TINY else 0.0)
    return lambda rows: np.concatenate(
        [weight * block for weight, block in zip(weights, blocks(rows), strict=True)], axis=1
    )


def _multisets(space: CompiledSpace, rows: Rows) -> Array:
    """The colours of operations alone and with their neighbours, [n w]."""
    levels = [
        salted(seen.colours[:, level], path)
        for path, seen in space.views(rows).items()
        for level in (0, 1)
    ]
    return np.concatenate([np.zeros((len(rows), 0), dtype=np.uint64), *levels], axis=1)


def map_figure(info: MapInfo, study: StudyInfo, *, most: int = MOST_MARKS) -> str:
    """The same as `map_chart`, for a page."""
    return map_chart(info, study, most=most).html


def map_chart(info: MapInfo, study: StudyInfo, *, most: int = MOST_MARKS) -> Chart:
    """The map: the space as a ground of dots, architectures by value, the path of the incumbents.

    Colours are by rank, in six groups of equal size, since values crowd near the best.

    Args:
        info: what is drawn.
        study: what it is of.
        most: about so many architectures get a mark, evenly chosen.
    """
    if not info.spots:
        return Chart("No trial has begun yet.")
    places = [*info.ground, *((spot.x, spot.y) for spot in info.spots)]
    x = Scale(*_wide(padded([a for a, _ in places])), LEFT - 40, WIDTH - RIGHT)
    y = Scale(*_wide(padded([b for _, b in places])), HEIGHT - BOTTOM + 30, TOP - 20)
    dots = "".join(f"M{x(a):.1f} {y(b):.1f}h0" for a, b in info.ground)
    elements = [f'<path class="ground" d="{dots}"/>']
    shown = _thinned(info, most)
    tones = _tones(info, study)
    size = mark_size(len(shown))
    leading = set(info.path)
    for k in sorted(shown, key=lambda k: (k in leading, tones.get(k, TONES))):
        spot = info.spots[k]
        tone = f"v{tones[k]}" if k in tones else ""
        kind = "running" if spot.running else "spot" if k in tones else "failed"
        elements.append(_marked(spot, kind, tone, x, y, size, study))
    if len(info.path) > 1:
        steps = "L".join(f"{x(info.spots[k].x):.1f} {y(info.spots[k].y):.1f}" for k in info.path)
        elements.append(f'<path class="line" d="M{steps}"/>')
    for k in info.path:
        elements.append(_marked(info.spots[k], "spot leader", f"v{tones[k]}", x, y, 1.15, study))
    label = f"A map of {len(info.spots)} architectures in the space, coloured by {study.objective}"
    return Chart(label, tuple(elements), tuple(_keys(info, study, tones)))


def _marked(
    spot: Spot, kind: str, tone: str, x: Scale, y: Scale, size: float, study: StudyInfo
) -> str:
    shape = {"running": SHAPES["running"], "failed": SHAPES["failed"]}.get(kind, DOT)
    if spot.value is not None:
        words = f"Trial {spot.trial}: {study.objective} {number(spot.value)}"
    else:
        words = f"Trial {spot.trial}: {'running' if spot.running else 'no result'}"
    return mark(x(spot.x), y(spot.y), kind, words, spot.trial, size=size, more=tone, shape=shape)


def _keys(info: MapInfo, study: StudyInfo, tones: dict[int, int]) -> list[Key]:
    """The worst and the best tone with their values, then what else there is."""
    found = []
    ends = sorted({min(tones.values()), max(tones.values())}) if tones else []
    for tone in ends if len(ends) > 1 else ():
        own = [info.spots[k].value for k in tones if tones[k] == tone]
        values = [value for value in own if value is not None]
        if (tone == ends[0]) == study.maximize:
            bound = f"at most {number(max(values), digits=3)}"
        else:
            bound = f"at least {number(min(values), digits=3)}"
        found.append(Key(f"mark v{tone}", DOT, bound))
    if len(info.path) > 1:
        found.append(Key("series s0", "M-7 0H7", "the incumbents"))
    if any(spot.running for spot in info.spots):
        found.append(Key("mark running", SHAPES["running"], "running"))
    if any(spot.value is None and not spot.running for spot in info.spots):
        found.append(Key("mark failed", SHAPES["failed"], "no result"))
    return [*found, Key("ground", "M0 0h0", "the space")]


def _thinned(info: MapInfo, most: int) -> list[int]:
    """Which spots are drawn: all but of very many, evenly left out; never the running ones."""
    step = -(-len(info.spots) // most)
    kept = set(range(0, len(info.spots), step)) | set(info.path)
    return sorted(kept.union(k for k, spot in enumerate(info.spots) if spot.running))


def _tones(info: MapInfo, study: StudyInfo) -> dict[int, int]:
    """Each finished spot's group by rank, the best the last."""
    valued = [(spot.value, k) for k, spot in enumerate(info.spots) if spot.value is not None]
    ordered = sorted(valued, key=lambda pair: pair[0] if study.maximize else -pair[0])
    few = max(TONES - len(ordered), 0)
    groups = max(len(ordered), TONES)
    return {k: TONES * (rank + few) // groups for rank, (_, k) in enumerate(ordered)}


def _wide(ends: tuple[float, float]) -> tuple[float, float]:
    low, high = ends
    return (low, high) if high > low else (low - 1.0, high + 1.0)
