"""What a study's trials say, before anything is drawn: records to plain facts.

Everything that shows a study (the page, the command line) reads these, so they all agree.
Repeated trainings of one architecture count with their mean.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import PurePath
from statistics import StatisticsError, correlation, fmean
from typing import Any, NamedTuple

from archbo.data import State, TrialRecord
from archbo.fidelity import FidelityRange, fidelity_from_dict
from archbo.problem import Objective
from archbo.spaces import Architecture, Part, from_dict
from archbo.study.settings import check_settings

_LARGE = 10**15
READ = ("space", "objective", "direction")  # the settings that have a field of their own


class StudyInfo(NamedTuple):
    """What was searched, and how.

    Attributes:
        name: of the study, such as its file's.
        objective: what is optimised.
        maximize: whether more is better.
        space: where.
        facts: everything else that was set, by name, as text.
        fidelity: how far trainings go; None where each is a full one.
    """

    name: str
    objective: str
    maximize: bool
    space: Part
    facts: Mapping[str, str]
    fidelity: FidelityRange | None = None

    def better(self, value: float, than: float) -> bool:
        """Whether a value is strictly better than another."""
        return Objective(self.objective, self.maximize).better(value, than)


class Member(NamedTuple):
    """One distinct architecture of the study.

    Attributes:
        architecture: as it was first trained.
        value: the mean of its finished trials, in the objective's units.
        trials: their numbers.
        origin: where the first one came from.
        features: what was known before the training.
        seconds: of training, the mean; None where it was not measured.
    """

    architecture: Architecture
    value: float
    trials: tuple[int, ...]
    origin: str
    features: Mapping[str, float]
    seconds: float | None


class Step(NamedTuple):
    """From this trial on, this was the incumbent."""

    number: int
    value: float
    architecture_id: str


class HistoryInfo(NamedTuple):
    """All trials in their order, and the incumbents among them."""

    trials: tuple[TrialRecord, ...]
    steps: tuple[Step, ...]


class Judged(NamedTuple):
    """A prediction and what came of it."""

    number: int
    origin: str
    mean: float
    sd: float
    value: float


class CalibrationInfo(NamedTuple):
    """How good the predictions made before each training were.

    Attributes:
        points: every finished trial that had a prediction.
        within_one, within_two: the shares inside one and two standard deviations; a calibrated
            normal prediction has 68 and 95 percent. None without points.
        rank_correlation: Spearman's, between predicted and observed; None where undefined.
    """

    points: tuple[Judged, ...]
    within_one: float | None
    within_two: float | None
    rank_correlation: float | None


class Failure(NamedTuple):
    """One reason why trials failed, and which."""

    error: str
    trials: tuple[int, ...]


class CountsInfo(NamedTuple):
    """How many trials of each kind there are, and what they took.

    Attributes:
        states: number of trials by state; origins: by origin.
        architectures: how many distinct ones were trained.
        seconds: of training, all trials together.
    """

    states: Mapping[str, int]
    origins: Mapping[str, int]
    architectures: int
    seconds: float


def study_info(settings: Mapping[str, Any], *, name: str = "study") -> StudyInfo:
    """Read a study's stored settings.

    Args:
        settings: as stored: "space" in JSON form, "objective", "direction", and what else was set.
        name: what to call the study.

    Raises:
        StoreError: if no study has such settings.
        SpaceError: if the space is none, or has a part that only the study's program knows.
    """
    check_settings(settings, name)
    facts = {key: in_words(value) for key, value in settings.items() if key not in READ}
    for key in {"program", "files"} & facts.keys():
        facts[key] = PurePath(facts[key]).name  # a page is shown to others
    fidelity = None
    if settings.get("fidelity"):
        fidelity = fidelity_from_dict(settings["fidelity"])
        facts["fidelity"] = str(fidelity)
    if settings.get("start"):
        facts["start"] = f"{len(settings['start'])} given"
    return StudyInfo(
        name=name,
        objective=settings["objective"],
        maximize=settings["direction"] == "maximize",
        space=from_dict(settings["space"]),
        facts={key: words for key, words in facts.items() if words},
        fidelity=fidelity,
    )


def study_name(location: str) -> str:
    """What to call the study in a file or a database.

    >>> study_name("runs/digits.db"), study_name("postgresql://me@host/digits")
    ('digits', 'digits')
    """
    from archbo.store.urls import database_name, is_url  # brings SQLAlchemy

    name = database_name(location) if is_url(location) else location
    return PurePath(name).stem or name


def members(
    records: Sequence[TrialRecord], study: StudyInfo, *, limit: int | None = None
) -> list[Member]:
    """The distinct architectures that finished, the best first; at most `limit` of them."""
    groups: defaultdict[str, list[TrialRecord]] = defaultdict(list)
    for record in sorted(records, key=lambda r: r.number):
        if record.state is State.FINISHED and record.value is not None:
            groups[record.architecture_id].append(record)
    found = [
        (mean([r.value for r in group if r.value is not None]), group) for group in groups.values()
    ]
    found.sort(key=lambda item: (-item[0] if study.maximize else item[0], item[1][0].number))
    return [
        Member(
            architecture=study.space.architecture(group[0].architecture),
            value=value,
            trials=tuple(r.number for r in group),
            origin=group[0].origin,
            features=group[0].features,
            seconds=fmean(times) if (times := [r.seconds for r in group if r.seconds]) else None,
        )
        for value, group in found[:limit]
    ]


def history_info(records: Sequence[TrialRecord], study: StudyInfo) -> HistoryInfo:
    """Who led when: a step wherever the incumbent or its mean changed."""
    trials = tuple(sorted(records, key=lambda r: r.number))
    values: defaultdict[str, list[float]] = defaultdict(list)
    means: dict[str, float] = {}
    steps: list[Step] = []
    for trial in trials:
        if trial.state is not State.FINISHED or trial.value is None:
            continue
        values[trial.architecture_id].append(trial.value)
        means[trial.architecture_id] = mean(values[trial.architecture_id])
        leader = steps[-1].architecture_id if steps else trial.architecture_id
        if trial.architecture_id == leader:
            # its mean has changed, so another may lead now
            leader = (max if study.maximize else min)(means, key=means.__getitem__)
        elif study.better(means[trial.architecture_id], means[leader]):
            leader = trial.architecture_id
        if not steps or (leader, means[leader]) != (steps[-1].architecture_id, steps[-1].value):
            steps.append(Step(trial.number, means[leader], leader))
    return HistoryInfo(trials, tuple(steps))


def calibration_info(records: Sequence[TrialRecord]) -> CalibrationInfo:
    """Predicted against observed, for every finished trial that had a prediction."""
    points = tuple(
        Judged(r.number, r.origin, r.prediction.mean, r.prediction.sd, r.value)
        for r in sorted(records, key=lambda r: r.number)
        if r.prediction is not None and r.value is not None and r.state is State.FINISHED
    )
    if not points:
        return CalibrationInfo((), None, None, None)
    shares = [
        fmean(abs(p.value - p.mean) <= deviations * p.sd for p in points) for deviations in (1, 2)
    ]
    ranks = _rank_correlation([p.mean for p in points], [p.value for p in points])
    return CalibrationInfo(points, shares[0], shares[1], ranks)


def failures(records: Sequence[TrialRecord]) -> list[Failure]:
    """Why trials failed, the most frequent reason first."""
    reasons: defaultdict[str, list[int]] = defaultdict(list)
    for record in sorted(records, key=lambda r: r.number):
        if record.state is State.FAILED:
            reasons[record.error or "no reason recorded"].append(record.number)
    found = [Failure(error, tuple(numbers)) for error, numbers in reasons.items()]
    return sorted(found, key=lambda f: -len(f.trials))


def counts_info(records: Sequence[TrialRecord]) -> CountsInfo:
    """How many trials of each kind there are."""
    return CountsInfo(
        states={s.value: sum(r.state is s for r in records) for s in State},
        origins=dict(Counter(r.origin for r in records)),
        architectures=len({r.architecture_id for r in records}),
        seconds=sum(r.seconds or 0.0 for r in records),
    )


def mean(values: Sequence[float]) -> float:
    """Of at least one number; quick where there is but one, as with most of many networks."""
    return values[0] if len(values) == 1 else fmean(values)


def scalar_settings(architecture: Architecture) -> dict[str, str]:
    """The decisions that the drawing of an architecture does not show, by path."""
    drawn = set(architecture.graph.group)
    return dict(_leaves(architecture.to_dict(), "", drawn))


def one_line(architecture: Architecture) -> str:
    """An architecture in one line."""
    return repr(architecture).removeprefix("Architecture(").removesuffix(")")


def in_words(value: Any) -> str:
    """A stored setting as people read it; empty for nothing.

    >>> in_words({"features": ["params"], "seed": None, "noise": 0.25})
    'features params, noise 0.25'
    """
    if isinstance(value, Mapping):
        parts = [f"{k} {words}" for k, v in value.items() if (words := in_words(v))]
        return ", ".join(parts)
    if isinstance(value, list | tuple):
        return ", ".join(in_words(v) for v in value)
    return "" if value is None else number(value) if isinstance(value, float) else str(value)


def number(value: float, *, digits: int = 5) -> str:
    """A number as people read it.

    >>> [number(v) for v in (0.95312345, 1234567.0, 1234567.8, 12.0, 1e-9)]
    ['0.95312', '1,234,567', '1,234,568', '12', '1e-09']
    >>> number(2**2000)
    '1.1481e+602'
    """
    if isinstance(value, int) and abs(value) >= _LARGE:  # a space can have more than a double holds
        return f"{Decimal(value):.{digits}g}"
    if abs(value) < 1e15 and (float(value).is_integer() or abs(value) >= 10**digits):
        return f"{value:,.0f}"
    return f"{value:,.{digits}g}"


def duration(seconds: float) -> str:
    """A time span in its two largest units.

    >>> [duration(s) for s in (0.42, 12.3, 200, 3725, 200_000)]
    ['0.4 s', '12 s', '3 min 20 s', '1 h 2 min', '2 d 7 h']
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    left = round(seconds)
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def _leaves(value: Any, path: str, drawn: set[str]) -> Iterator[tuple[str, str]]:
    if path in drawn:
        return
    if not isinstance(value, Mapping):
        yield path or "value", number(value, digits=3) if isinstance(value, float) else str(value)
        return
    for name, inner in value.items():
        yield from _leaves(inner, f"{path}.{name}" if path else name, drawn)


def _rank_correlation(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Spearman's; None where it is undefined."""
    try:
        return correlation(_ranks(a), _ranks(b))
    except StatisticsError:  # fewer than two points, or one side constant
        return None


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 0, the mean rank where values are equal."""
    places: defaultdict[float, list[int]] = defaultdict(list)
    for place, value in enumerate(sorted(values)):
        places[value].append(place)
    means = {value: mean(held) for value, held in places.items()}
    return [means[value] for value in values]
