"""The search space as a map: where the search went, and what it found there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from archbo.data import State, TrialRecord
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
from archbo.views.infos import HistoryInfo, StudyInfo, history_info, mean, number
from archbo.views.places import Places

MOST_MARKS = 2000
TONES = 6


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
    records: Sequence[TrialRecord],
    study: StudyInfo,
    *,
    places: Places | None = None,
    history: HistoryInfo | None = None,
) -> MapInfo:
    """Place a study's architectures; the same records give the same map.

    Args:
        records: all trials.
        study: what they are of.
        places: those of the study's trials, as far as they are known from an earlier map.
        history: of the records, where it is known.
    """
    groups: defaultdict[str, list[TrialRecord]] = defaultdict(list)
    for record in sorted(records, key=lambda r: r.number):
        if record.state is not State.DELETED:
            groups[record.architecture_id].append(record)
    places = Places(study.space) if places is None else places
    at = places([group[0] for group in groups.values()])
    spots = tuple(_spot(x, y, group) for (x, y), group in zip(at, groups.values(), strict=True))
    position = {spot.architecture_id: k for k, spot in enumerate(spots)}
    history = history_info(records, study) if history is None else history
    leaders = [position[step.architecture_id] for step in history.steps]
    path = [k for i, k in enumerate(leaders) if i == 0 or k != leaders[i - 1]]
    return MapInfo(places.ground, spots, tuple(path), places.share)


def _spot(x: float, y: float, group: Sequence[TrialRecord]) -> Spot:
    values = [r.value for r in group if r.state is State.FINISHED and r.value is not None]
    return Spot(
        x,
        y,
        group[0].number,
        group[0].architecture_id,
        mean(values) if values else None,
        any(r.state is State.RUNNING for r in group),
    )


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
