"""How far trainings go: up to so many epochs or steps, or with so much of something else."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from numbers import Real
from typing import Any, ClassVar

from archbo.errors import ProblemError, nearest

_ROUNDING = 1e-9  # relative: 81 / 3**4 is a rung of 1 to 81


class FidelityRange(ABC):
    """From the cheapest training that tells anything to a full one.

    Attributes:
        kind: how it is called in JSON.
        name: what is counted, such as "epochs".
        low, high: the levels of the cheapest and of a full training.
        continued: whether a training can be paused at a level and continued to a higher one; else a
            training of each level is one of its own.
        whole: whether levels are whole numbers.
        counted: whether a training counts the levels as it goes, as `trial.epochs`.
    """

    kind: ClassVar[str]
    name: str
    low: float
    high: float
    continued: bool
    whole: bool
    counted: ClassVar[bool]

    def rungs(self, eta: float = 3.0) -> tuple[float, ...]:
        """Levels that grow by a factor, ascending up to a full training.

        >>> Epochs(1, 81).rungs(), Epochs(1, 100).rungs(), Fidelity("data", 0.2, 1.0).rungs(2)
        ((1, 3, 9, 27, 81), (1, 4, 11, 33, 100), (0.25, 0.5, 1.0))

        Raises:
            ProblemError: if the factor is not above 1.
        """
        check_eta(eta, "fidelity.rungs")
        found: list[float] = []
        level = float(self.high)
        while level >= self.low * (1 - _ROUNDING):
            found.append(round(level) if self.whole else level)
            level /= eta
        return tuple(sorted(set(found)))

    def level(self, value: Any, path: str = "fidelity") -> float:
        """A level of the range.

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
        return int(value) if self.whole else float(value)

    def short(self, level: float | None) -> float | None:
        """A level; None where it is that of a full training."""
        return None if level is None or level >= self.high else level

    def share(self, level: float | None) -> float:
        """What a training of a level costs, in full trainings."""
        return 1.0 if level is None else min(level / self.high, 1.0)

    def __str__(self) -> str:
        """In words.

        >>> print(Epochs(1, 81), "|", Epochs(1, 81, continued=False), "|", Fidelity("data", 0.1, 1))
        1 to 81 epochs, continued | 1 to 81 epochs, each level afresh | data 0.1 to 1
        """
        if not self.counted:
            return f"{self.name} {self.low:g} to {self.high:g}"
        how = "continued" if self.continued else "each level afresh"
        return f"{self.low:g} to {self.high:g} {self.name}, {how}"

    def to_dict(self) -> dict[str, Any]:
        """In JSON form."""
        own = {"low": self.low, "high": self.high}
        more = {"continued": self.continued} if self.counted else {"name": self.name}
        return {"kind": self.kind, **own, **more}


@dataclass(frozen=True)
class _Counted(FidelityRange):
    """Whole numbers, which a training counts as it goes."""

    counted: ClassVar[bool] = True
    low: int
    high: int
    continued: bool = field(default=True, kw_only=True)

    @property
    def name(self) -> str:  # type: ignore[override]
        """What is counted."""
        return self.kind

    @property
    def whole(self) -> bool:  # type: ignore[override]
        """Always."""
        return True

    def __post_init__(self) -> None:
        for end in (self.low, self.high):
            if type(end) is not int or end < 1:
                raise ProblemError(
                    f"{self.kind} are whole numbers from 1, got {end!r}", path="fidelity"
                )
        if type(self.continued) is not bool:
            raise ProblemError(
                f"continued must be True or False, got {self.continued!r}", path="fidelity"
            )
        _check_order(self.low, self.high)


@dataclass(frozen=True)
class Epochs(_Counted):
    """From `low` to `high` epochs.

    Args:
        low, high: epochs of the cheapest training that tells anything, and of a full one.
        continued: whether a training is paused and continued; False where a training of fewer
            epochs has its own schedule, and starts afresh each time.

    Raises:
        ProblemError: unless 1 <= low < high.
    """

    kind: ClassVar[str] = "epochs"


@dataclass(frozen=True)
class Steps(_Counted):
    """From `low` to `high` optimizer steps; `trial.report(step, …)` counts them.

    Args:
        low, high, continued: as those of `Epochs`.

    Raises:
        ProblemError: unless 1 <= low < high.
    """

    kind: ClassVar[str] = "steps"


@dataclass(frozen=True)
class Fidelity(FidelityRange):
    """From little to all of something that makes a training dear, such as a share of the data.

    `train` reads it as `trial.fidelity`; a training of each level is one of its own.

    Args:
        name: what it is, such as "data_fraction".
        low, high: of the cheapest training that tells anything, and of a full one.

    Raises:
        ProblemError: unless 0 < low < high, or if it has no name.
    """

    kind: ClassVar[str] = "fidelity"
    counted: ClassVar[bool] = False
    name: str
    low: float
    high: float

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ProblemError(
                f"expected a name, got {self.name!r}",
                path="fidelity",
                hint='Say ab.Fidelity("data_fraction", 0.1, 1.0).',
            )
        for end in (self.low, self.high):
            number = isinstance(end, Real) and not isinstance(end, bool) and isfinite(end)
            if not number or end <= 0:
                raise ProblemError(
                    f"{self.name} must be a positive number, got {end!r}", path="fidelity"
                )
        _check_order(self.low, self.high)

    @property
    def continued(self) -> bool:  # type: ignore[override]
        """Never."""
        return False

    @property
    def whole(self) -> bool:  # type: ignore[override]
        """Whether both ends are."""
        return isinstance(self.low, int) and isinstance(self.high, int)


def check_eta(eta: float, path: str = "") -> None:
    """Refuse a factor from rung to rung that is not above 1.

    Raises:
        ProblemError: with the path of the setting.
    """
    if not (isinstance(eta, Real) and isfinite(eta) and eta > 1):
        raise ProblemError(f"eta must be a number above 1, got {eta!r}", path=path)


def _check_order(low: float, high: float) -> None:
    if low >= high:
        raise ProblemError(
            f"the low end must be below the high one, got {low!r} and {high!r}", path="fidelity"
        )


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
        hint = nearest(str(kind), kinds)
        raise ProblemError(f"no fidelity {kind!r}", path="fidelity", hint=hint)
    try:
        return kinds[kind](**own)
    except TypeError as error:
        raise ProblemError(str(error), path="fidelity") from error
