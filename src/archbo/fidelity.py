"""How far trainings go: up to so many epochs or steps, or with so much of something else."""

from __future__ import annotations

from abc import ABC
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite
from numbers import Real
from operator import itemgetter
from typing import Any, ClassVar, TypeAlias, cast

from archbo.errors import ProblemError, nearest

_ROUNDING = 1e-9  # relative: 81 / 3**4 is a rung of 1 to 81
_POINTS = 33  # of a function: lines between them are within 1% of a square from 1 to 100

Points: TypeAlias = tuple[tuple[float, float], ...]
Cost: TypeAlias = Callable[[float], float] | Mapping[float, float] | Sequence[Sequence[float]]


class FidelityRange(ABC):
    """From the cheapest training that tells anything to a full one.

    Attributes:
        kind: how it is called in JSON.
        name: what is counted, such as "epochs".
        low, high: the levels of the cheapest and of a full training.
        levels: the only ones that a search trains to, ascending from low to high; None for any.
        cost: pairs of a level and its cost, ascending from low to high; None where it is
            proportional to the level.
        continued: whether a training can be paused at a level and continued to a higher one; else a
            training of each level is one of its own.
        whole: whether levels are whole numbers.
        counted: whether a training counts the levels as it goes, as `trial.epochs`.
    """

    kind: ClassVar[str]
    name: str
    low: float
    high: float
    levels: tuple[float, ...] | None
    cost: Cost | None
    continued: bool
    whole: bool
    counted: ClassVar[bool]

    def rungs(self, eta: float = 3.0) -> tuple[float, ...]:
        """The levels, ascending up to a full training; where any may be, they grow by a factor.

        >>> Epochs(1, 81).rungs(), Epochs(1, 100).rungs(), Fidelity("data", 0.2, 1.0).rungs(2)
        ((1, 3, 9, 27, 81), (1, 4, 11, 33, 100), (0.25, 0.5, 1.0))
        >>> Epochs(4, 108, levels=(4, 12, 36, 108)).rungs(2)
        (4, 12, 36, 108)

        Raises:
            ProblemError: if the factor is not above 1.
        """
        check_eta(eta, "fidelity.rungs")
        if self.levels is not None:
            return self.levels
        found: list[float] = []
        level = float(self.high)
        while level >= self.low * (1 - _ROUNDING):
            found.append(round(level) if self.whole else level)
            level /= eta
        return tuple(sorted(set(found)))

    def factors(self, eta: float = 3.0) -> tuple[float, ...]:
        """How many trainings up to each rung but the last cost as much as one up to the next.

        Of so many that reach a rung one goes on, so that all rungs cost about the same. Where
        neither levels nor a cost are given, that is the factor from rung to rung.

        >>> Epochs(1, 100).factors(), Epochs(12, 200, levels=(12, 36, 200)).factors()
        ((3.0, 3.0, 3.0, 3.0), (3.0, 5.555555555555555))

        Raises:
            ProblemError: if the factor is not above 1.
        """
        rungs = self.rungs(eta)
        if self.levels is None and self.cost is None:
            return (float(eta),) * (len(rungs) - 1)
        return tuple(self.share(above) / self.share(below) for below, above in pairwise(rungs))

    def level(self, value: Any, path: str = "fidelity") -> float:
        """A level of the range; of a training of its own, one of the levels if these are given.

        Raises:
            ProblemError: if the value is none.
        """
        number = isinstance(value, Real) and not isinstance(value, bool)
        whole = not self.whole or (number and float(value).is_integer())
        if not (number and whole and self.low <= value <= self.high):
            what = "a whole number" if self.whole else "a number"
            raise ProblemError(
                f"{self.name} must be {what} from {self.low} to {self.high}, got {value!r}",
                path=path,
            )
        if self.levels is not None and not self.continued and value not in self.levels:
            raise ProblemError(
                f"{self.name} must be one of {_listed(self.levels)}, got {value!r}", path=path
            )
        return int(value) if self.whole else float(value)

    def short(self, level: float | None) -> float | None:
        """A level; None where it is that of a full training."""
        return None if level is None or level >= self.high else level

    def share(self, level: float | None) -> float:
        """What a training up to a level costs, in full trainings.

        Between the levels of a known cost lie straight lines, and below the lowest it is
        proportional to the level.

        >>> Epochs(1, 80).share(20), Epochs(1, 80, cost={1: 3.0, 21: 5.0, 80: 10.0}).share(11)
        (0.25, 0.4)
        """
        if level is None or level >= self.high:
            return 1.0
        if self.cost is None:
            return level / self.high
        points = cast(Points, self.cost)
        k = bisect_left(points, level, key=itemgetter(0))
        (left, less), (right, more) = points[k - 1] if k else (0.0, 0.0), points[k]
        return (less + (more - less) * (level - left) / (right - left)) / points[-1][1]

    def __str__(self) -> str:
        """In words.

        >>> print(Epochs(1, 81), "|", Epochs(1, 81, continued=False), "|", Fidelity("data", 0.1, 1))
        1 to 81 epochs, continued | 1 to 81 epochs, each level afresh | data 0.1 to 1
        >>> print(Epochs(1, 9, levels=(1, 3, 9), cost=lambda level: 1 + level))
        1, 3, 9 epochs, continued, costs 0.2 to 1
        """
        span = f"{self.low:g} to {self.high:g}" if self.levels is None else _listed(self.levels)
        costs = "" if self.cost is None else f", costs {self.share(self.low):.2g} to 1"
        if not self.counted:
            return f"{self.name} {span}{costs}"
        how = "continued" if self.continued else "each level afresh"
        return f"{span} {self.name}, {how}{costs}"

    def to_dict(self) -> dict[str, Any]:
        """In JSON form."""
        own: dict[str, Any] = {"kind": self.kind, "low": self.low, "high": self.high}
        own |= {"continued": self.continued} if self.counted else {"name": self.name}
        if self.levels is not None:
            own["levels"] = list(self.levels)
        if self.cost is not None:
            own["cost"] = [list(point) for point in cast(Points, self.cost)]
        return own

    def _tabulated(self) -> Points | None:
        """The cost as pairs: a study stores no functions."""
        cost = self.cost
        if callable(cost):
            cost = [(level, cost(level)) for level in self.levels or self._spread()]
        elif isinstance(cost, Mapping):
            cost = list(cost.items())
        return None if cost is None else _parse_points(cost, self.low, self.high)

    def _spread(self) -> list[float]:
        """Some levels from low to high, each so many times the one before."""
        ratio = self.high / self.low
        inner = [self.low * ratio ** (k / (_POINTS - 1)) for k in range(1, _POINTS - 1)]
        between = {round(level) if self.whole else _rounded(level) for level in inner}
        return [self.low, *sorted(between - {self.low, self.high}), self.high]


@dataclass(frozen=True)
class _Counted(FidelityRange):
    """Whole numbers, which a training counts as it goes."""

    counted: ClassVar[bool] = True
    low: int
    high: int
    continued: bool = field(default=True, kw_only=True)
    levels: tuple[int, ...] | None = field(default=None, kw_only=True)
    cost: Cost | None = field(default=None, kw_only=True)

    @property
    def name(self) -> str:  # type: ignore[override]
        """What is counted."""
        return self.kind

    @property
    def whole(self) -> bool:  # type: ignore[override]
        """Always."""
        return True

    def __post_init__(self) -> None:
        levels = _parse_levels(self.levels)
        for level in (self.low, self.high, *(levels or ())):
            if type(level) is not int or level < 1:
                raise ProblemError(
                    f"{self.kind} are whole numbers from 1, got {level!r}", path="fidelity"
                )
        if type(self.continued) is not bool:
            raise ProblemError(
                f"continued must be True or False, got {self.continued!r}", path="fidelity"
            )
        _check_order(self.low, self.high, levels)
        object.__setattr__(self, "levels", levels)
        object.__setattr__(self, "cost", self._tabulated())


@dataclass(frozen=True)
class Epochs(_Counted):
    """From `low` to `high` epochs.

    Args:
        low, high: epochs of the cheapest training that tells anything, and of a full one.
        continued: whether a training is paused and continued; False where a training of fewer
            epochs has its own schedule, and starts afresh each time.
        levels: the only epochs that a search trains to, such as (4, 12, 36, 108); between them a
            training still reports as it goes. By default the method chooses.
        cost: what a training up to a level costs, in any unit: a function such as
            `lambda epochs: 5 + epochs`, or costs at some levels, such as {1: 6.0, 81: 86.0}. A
            function is asked at the levels, or at up to 33 of them. By default it is proportional.

    Raises:
        ProblemError: unless 1 <= low < high, and the levels ascend from low to high; if a cost is
            not positive, falls, or is not known from low to high.
    """

    kind: ClassVar[str] = "epochs"


@dataclass(frozen=True)
class Steps(_Counted):
    """From `low` to `high` optimizer steps; `trial.report(step, …)` counts them.

    Args:
        low, high, continued, levels, cost: as those of `Epochs`.

    Raises:
        ProblemError: as of `Epochs`.
    """

    kind: ClassVar[str] = "steps"


@dataclass(frozen=True)
class Fidelity(FidelityRange):
    """From little to all of something that makes a training dear, such as a share of the data.

    `train` reads it as `trial.fidelity`; a training of each level is one of its own.

    Args:
        name: what it is, such as "data_fraction".
        low, high: of the cheapest training that tells anything, and of a full one.
        levels: the only ones that a search trains with, such as (0.1, 0.3, 1.0). By default the
            method chooses.
        cost: as that of `Epochs`, such as `lambda fraction: 0.1 + fraction`.

    Raises:
        ProblemError: unless 0 < low < high; if it has no name; if levels or cost are none, as of
            `Epochs`.
    """

    kind: ClassVar[str] = "fidelity"
    counted: ClassVar[bool] = False
    name: str
    low: float
    high: float
    levels: tuple[float, ...] | None = field(default=None, kw_only=True)
    cost: Cost | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ProblemError(
                f"expected a name, got {self.name!r}",
                path="fidelity",
                hint='Say ab.Fidelity("data_fraction", 0.1, 1.0).',
            )
        levels = _parse_levels(self.levels)
        for level in (self.low, self.high, *(levels or ())):
            number = isinstance(level, Real) and not isinstance(level, bool) and isfinite(level)
            if not number or level <= 0:
                raise ProblemError(
                    f"{self.name} must be a positive number, got {level!r}", path="fidelity"
                )
        _check_order(self.low, self.high, levels)
        object.__setattr__(self, "levels", levels)
        object.__setattr__(self, "cost", self._tabulated())

    @property
    def continued(self) -> bool:  # type: ignore[override]
        """Never."""
        return False

    @property
    def whole(self) -> bool:  # type: ignore[override]
        """Whether both ends are, and the levels if these are given."""
        return all(isinstance(level, int) for level in (self.low, self.high, *(self.levels or ())))


def check_eta(eta: float, path: str = "") -> None:
    """Refuse a factor from rung to rung that is not above 1.

    Raises:
        ProblemError: with the path of the setting.
    """
    if not (isinstance(eta, Real) and isfinite(eta) and eta > 1):
        raise ProblemError(f"eta must be a number above 1, got {eta!r}", path=path)


def _parse_levels(levels: Any) -> tuple[Any, ...] | None:
    """Levels as a tuple: a list comes from JSON."""
    if levels is None:
        return None
    if not isinstance(levels, Sequence) or isinstance(levels, (str, bytes)):
        raise ProblemError(f"expected a list of levels, got {levels!r}", path="fidelity.levels")
    return tuple(levels)


def _check_order(low: float, high: float, levels: tuple[Any, ...] | None) -> None:
    if low >= high:
        raise ProblemError(
            f"the low end must be below the high one, got {low!r} and {high!r}", path="fidelity"
        )
    levels = (low, high) if levels is None else levels
    if any(above <= below for below, above in pairwise(levels)):
        raise ProblemError(f"levels must ascend, got {_listed(levels)}", path="fidelity.levels")
    if not levels or (levels[0], levels[-1]) != (low, high):
        raise ProblemError(
            f"levels must begin with {low} and end with {high}, got {_listed(levels) or 'none'}",
            path="fidelity.levels",
        )


def _parse_points(cost: Any, low: float, high: float) -> Points:
    """Pairs of a level and its cost, checked; rounded, so that they are the same everywhere."""
    path, hint = "fidelity.cost", f"Say cost=lambda level: … or cost={{{low}: …, {high}: …}}."
    try:
        points = sorted((level, spent) for level, spent in cost)
    except (TypeError, ValueError):
        raise ProblemError(
            f"expected pairs of numbers, got {cost!r}", path=path, hint=hint
        ) from None
    for level, spent in points:
        number = isinstance(spent, Real) and not isinstance(spent, bool) and isfinite(spent)
        if not number or spent <= 0:
            raise ProblemError(
                f"the cost at {level} must be a positive number, got {spent!r}", path=path
            )
    levels = [level for level, _ in points]
    if not points or (levels[0], levels[-1]) != (low, high) or len({*levels}) < len(levels):
        raise ProblemError(
            f"a cost goes from {low} to {high}, each level once, got {levels}", path=path, hint=hint
        )
    for (below, less), (above, more) in pairwise(points):
        if more < less:
            raise ProblemError(
                f"a longer training cannot cost less: {less} at {below}, {more} at {above}",
                path=path,
            )
    return tuple((level, _rounded(spent)) for level, spent in points)


def _rounded(number: float) -> float:
    return float(f"{number:.6g}")


def _listed(levels: Sequence[float]) -> str:
    return ", ".join(f"{level:g}" for level in levels)


def parse_fidelity(value: Any) -> FidelityRange | None:
    """The keyword of Study and Optimizer.

    Raises:
        ProblemError: if it is none.
    """
    if value is None or isinstance(value, FidelityRange):
        return value
    raise ProblemError(
        f"expected a fidelity, got {value!r}",
        path="fidelity",
        hint='Say ab.Epochs(1, 81), ab.Steps(…) or ab.Fidelity("data_fraction", 0.1, 1.0).',
    )


def fidelity_from_dict(plain: Mapping[str, Any]) -> FidelityRange:
    """A fidelity from its JSON form.

    Raises:
        ProblemError: if it is none.
    """
    kinds = {cls.kind: cls for cls in (Epochs, Steps, Fidelity)}
    kind, own = plain.get("kind"), {key: plain[key] for key in plain if key != "kind"}
    if kind not in kinds:
        near = nearest(str(kind), kinds)
        raise ProblemError(f"no fidelity {kind!r}", path="fidelity", hint=near)
    try:
        return kinds[kind](**own)
    except TypeError as error:
        raise ProblemError(str(error), path="fidelity") from error
