"""What a study's trials say, drawn: each figure is a pure function of its info."""

from __future__ import annotations

from collections.abc import Sequence

from archbo.data import State, TrialRecord
from archbo.views.axes import (
    BOTTOM,
    HEIGHT,
    RIGHT,
    WIDTH,
    frame,
    keys,
    mark,
    mark_size,
    padded,
    typical,
    x_scale,
    y_scale,
)
from archbo.views.chart import Chart
from archbo.views.infos import (
    CalibrationInfo,
    HistoryInfo,
    StudyInfo,
    number,
)

FAILED_STRIP = 26.0  # pixels for the failed trials under the others
DECADES = 30.0  # a range with this ratio is better read on a logarithmic scale


def history_figure(info: HistoryInfo, study: StudyInfo) -> str:
    """The same as `history_chart`, for a page."""
    return history_chart(info, study).html


def history_chart(info: HistoryInfo, study: StudyInfo) -> Chart:
    """Every trial's value, and the incumbent as a line of steps."""
    done = [t for t in info.trials if t.state is State.FINISHED and t.value is not None]
    failed = [t for t in info.trials if t.state is State.FAILED]
    if not done and not failed:
        return Chart("No trial has finished yet.")
    values = [t.value for t in done if t.value is not None] or [0.0]
    numbers = [t.number for t in info.trials]
    x = x_scale(min(numbers) - 0.5, max(numbers) + 0.5)
    y = y_scale(*typical(values, maximize=study.maximize), room=FAILED_STRIP if failed else 6.0)
    elements = [*frame(x, y, across="trial", up=study.objective, whole=True)]
    if info.steps:
        path = f"M{x(info.steps[0].number):.1f} {y(info.steps[0].value):.1f}"
        path += "".join(f"H{x(s.number):.1f}V{y(s.value):.1f}" for s in info.steps[1:])
        elements.append(f'<path class="line" d="{path}H{WIDTH - RIGHT}"/>')
    size = mark_size(len(done))
    leaders = {s.number for s in info.steps}
    for trial in done:
        value = trial.value if trial.value is not None else 0.0
        classes = ["leader"] * (trial.number in leaders)
        classes += ["clipped"] * (not y.low <= value <= y.high)
        elements.append(
            mark(
                x(trial.number),
                y(value),
                trial.origin,
                _tip(trial, study),
                trial.number,
                size=size,
                more=" ".join(classes),
            )
        )
    strip = HEIGHT - BOTTOM - 10
    elements += [
        mark(x(t.number), strip, "failed", f"Trial {t.number} failed: {t.error}", t.number)
        for t in failed
    ]
    best = f"The best is {number(info.steps[-1].value)}." if info.steps else ""
    kinds = list(dict.fromkeys(t.origin for t in done)) + ["failed"] * bool(failed)
    label = f"{study.objective} of {len(done)} finished trials, {len(failed)} failed. {best}"
    return Chart(label, tuple(elements), tuple(keys(kinds)))


def calibration_figure(info: CalibrationInfo, study: StudyInfo) -> str:
    """The same as `calibration_chart`, for a page."""
    return calibration_chart(info, study).html


def calibration_chart(info: CalibrationInfo, study: StudyInfo) -> Chart:
    """What was predicted against what came, with one standard deviation to each side."""
    if not info.points:
        return Chart("No finished trial had a prediction: the start design is not predicted.")
    ends = [p.mean for p in info.points] + [p.value for p in info.points]
    low, high = padded(typical(ends, maximize=study.maximize))
    x, y = x_scale(low, high), y_scale(low, high)
    elements = [
        *frame(x, y, across=f"predicted {study.objective}", up=f"observed {study.objective}"),
        f'<path class="diagonal" d="M{x.start:g} {y.start:g}L{x.end:g} {y.end:g}"/>',
    ]
    size = mark_size(len(info.points))
    for p in info.points:
        left, right = x(p.mean - p.sd), x(p.mean + p.sd)
        elements.append(f'<path class="bar" d="M{left:.1f} {y(p.value):.1f}H{right:.1f}"/>')
    for p in info.points:
        inside = low <= p.mean <= high and low <= p.value <= high
        tip = (
            f"Trial {p.number}: predicted {number(p.mean, digits=4)} ± {number(p.sd, digits=2)}, "
            f"observed {number(p.value)}"
        )
        more = "" if inside else "clipped"
        elements.append(mark(x(p.mean), y(p.value), p.origin, tip, p.number, size=size, more=more))
    label = f"Predicted against observed {study.objective} of {len(info.points)} trials"
    kinds = list(dict.fromkeys(p.origin for p in info.points))
    return Chart(label, tuple(elements), tuple(keys(kinds)))


def feature_figure(records: Sequence[TrialRecord], feature: str, study: StudyInfo) -> str:
    """The same as `feature_chart`, for a page."""
    return feature_chart(records, feature, study).html


def feature_chart(records: Sequence[TrialRecord], feature: str, study: StudyInfo) -> Chart:
    """Every trial's value against something that was known before its training."""
    points = [
        (t.features[feature], t.value, t)
        for t in records
        if t.value is not None and feature in t.features
    ]
    if not points:
        return Chart("No trial has finished yet.")
    known = [amount for amount, _, _ in points]
    low, high = min(known), max(known)
    log = low > 0 and high > DECADES * low
    x = x_scale(low / 1.2, high * 1.2, log=True) if log else x_scale(*padded(known))
    y = y_scale(*typical([value for _, value, _ in points], maximize=study.maximize))
    elements = [*frame(x, y, across=feature, up=study.objective)]
    size = mark_size(len(points))
    for amount, value, trial in points:
        tip = f"{_tip(trial, study)}; {feature} {number(amount, digits=4)}"
        more = "" if y.low <= value <= y.high else "clipped"
        at = x(amount), y(value)
        elements.append(mark(*at, trial.origin, tip, trial.number, size=size, more=more))
    label = f"{study.objective} against {feature} of {len(points)} trials"
    kinds = list(dict.fromkeys(t.origin for _, _, t in points))
    return Chart(label, tuple(elements), tuple(keys(kinds)))


def _tip(trial: TrialRecord, study: StudyInfo) -> str:
    value = "" if trial.value is None else number(trial.value)
    words = f"Trial {trial.number}: {study.objective} {value}, from {trial.origin}"
    if trial.prediction is None:
        return words
    mean, sd = trial.prediction
    return f"{words}; predicted {number(mean, digits=4)} ± {number(sd, digits=2)}"
