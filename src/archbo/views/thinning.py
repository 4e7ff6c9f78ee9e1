"""Figures of many trials: where marks would lie on each other, one of them is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from archbo.arrays import Array
from archbo.data import State, TrialRecord
from archbo.views.axes import typical
from archbo.views.infos import CalibrationInfo, HistoryInfo, StudyInfo

MOST_MARKS = 1000
"""In one figure, about; the page with it stays small, and the browser quick."""

_FINEST = 256  # places along an axis: closer ones could not be told apart
_CLIP = 1e300  # the difference of two is finite


def thinned_history(info: HistoryInfo, study: StudyInfo, *, most: int = MOST_MARKS) -> HistoryInfo:
    """The same incumbents and fewer trials, if there are many.

    Every trial that became the incumbent stays; of the others the newest at each place of the
    figure, and so the extremes.
    """
    if len(info.trials) <= most:
        return info
    leaders = {step.number for step in info.steps}
    done = [t for t in info.trials if t.value is not None and t.state is State.FINISHED]
    failed = [t for t in info.trials if t.state is State.FAILED]
    shown = [t for t in done if t.number in leaders][-most // 2 :]
    if done:
        low, high = typical([_value(t) for t in done], maximize=study.maximize)
        points = [(t.number, min(max(_value(t), low), high)) for t in done]
        shown += [done[i] for i in spread_out(points, most)]
    shown += [failed[i] for i in spread_out([(t.number, 0.0) for t in failed], most // 8)]
    ends = (info.trials[0], info.trials[-1])  # the axis goes from the first to the last
    return HistoryInfo(_in_order([*shown, *ends]), info.steps)


def thinned_calibration(
    info: CalibrationInfo, study: StudyInfo, *, most: int = MOST_MARKS // 2
) -> CalibrationInfo:
    """The same shares and fewer points, if there are many."""
    if len(info.points) <= most:
        return info
    ends = [p.mean for p in info.points] + [p.value for p in info.points]
    low, high = typical(ends, maximize=study.maximize)
    points = [(min(max(p.mean, low), high), min(max(p.value, low), high)) for p in info.points]
    kept = spread_out(points, most)
    return info._replace(points=tuple(info.points[i] for i in kept))


def thinned_feature(
    trials: Sequence[TrialRecord], feature: str, study: StudyInfo, *, most: int
) -> Sequence[TrialRecord]:
    """Fewer of the trials that have a value and a feature, if they are many."""
    known = [t for t in trials if t.value is not None and feature in t.features]
    if len(known) <= most:
        return known
    low, high = typical([_value(t) for t in known], maximize=study.maximize)
    amounts = np.array([t.features[feature] for t in known])
    if (amounts > 0).all():
        amounts = np.log(amounts)  # what spans decades is drawn so
    values = [min(max(_value(t), low), high) for t in known]
    points = list(zip(amounts.tolist(), values, strict=True))
    return [known[i] for i in spread_out(points, most)]


def spread_out(points: Sequence[tuple[float, float]], most: int) -> list[int]:
    """The positions of at most so many points that cover the others: of each place the last.

    >>> spread_out([(0, 0), (0, 1e-9), (1, 1)], most=2)
    [1, 2]
    """
    if len(points) <= most:
        return list(range(len(points)))
    at = np.clip(np.nan_to_num(np.array(points, dtype=float)), -_CLIP, _CLIP)
    low, high = at.min(axis=0), at.max(axis=0)
    unit = (at - low) / np.where(high > low, high - low, 1.0)
    places = _FINEST
    while len(kept := _last_of_each(unit, places)) > most:
        places = int(places / 1.25)
    return kept


def _last_of_each(unit: Array, places: int) -> list[int]:
    """Of the points in each cell of a grid the last, ascending."""
    cells = np.minimum((unit * places).astype(np.int64), places - 1)
    keys = (cells[:, 0] * places + cells[:, 1])[::-1]
    _, first = np.unique(keys, return_index=True)
    return sorted((len(keys) - 1 - first).tolist())


def _value(trial: TrialRecord) -> float:
    return trial.value if trial.value is not None else 0.0


def _in_order(trials: Iterable[TrialRecord]) -> tuple[TrialRecord, ...]:
    return tuple(sorted({t.number: t for t in trials}.values(), key=lambda t: t.number))
