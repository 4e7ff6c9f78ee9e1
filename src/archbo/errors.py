"""Every error that archbo raises on purpose.

ArchboError
├── SpaceError            a search space that makes no sense            (also ValueError)
│   └── ArchitectureError a value that is no member of its space        (also ValueError)
├── ProblemError          objectives, features, constraints, settings   (also ValueError)
│   └── InfeasibleError   no architecture meets the constraints
├── ObservationError      a result that cannot be learned from          (also ValueError)
├── ExhaustedError        every architecture of the space was proposed
├── NumericalError        a matrix that stays singular                  (also ArithmeticError)
├── StoreError            the database cannot be used as asked
│   ├── SchemaError       written by a newer version
│   ├── MismatchError     the stored study is not the program's
│   ├── UnavailableError  it cannot be reached or written now
│   └── ConflictError     another driver of the study was quicker
├── ProgramError          a program without a study in it
├── PeerError             another library, run beside ours, failed
├── DataError             a benchmark's files are missing, damaged or something else
├── TrainingError         a training went wrong, or trial was misused
├── ExportError           a network that cannot be written in this form (also ValueError)
└── MissingExtraError     an optional package is not installed          (also ImportError)
Stopped                   not an error: the study ends this training here
"""

from collections.abc import Iterable
from difflib import get_close_matches


class ArchboError(Exception):
    """The base of all: what was found where, what is allowed, and what to do.

    Args:
        message: what was found, and what is allowed.
        path: the part it is about, such as `space.head.mlp.width`.
        hint: what to do about it, a sentence.
    """

    def __init__(self, message: str, *, path: str = "", hint: str = "") -> None:
        super().__init__(message, path, hint)
        self.message = message
        self.path = path
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.path}: {self.message}" if self.path else self.message
        if not self.hint:
            return text
        return f"{text} {self.hint}" if text.endswith((".", "?", "!")) else f"{text}. {self.hint}"

    def __reduce__(self) -> tuple[object, ...]:
        return (_restore, (type(self), self.message, self.path, self.hint))


def _restore(kind: type[ArchboError], message: str, path: str, hint: str) -> ArchboError:
    """Rebuild an error that crossed a process boundary."""
    return kind(message, path=path, hint=hint)


class SpaceError(ArchboError, ValueError):
    """A search space that makes no sense."""


class ArchitectureError(SpaceError):
    """A value that is no member of its space."""


class ProblemError(ArchboError, ValueError):
    """Objectives, features, constraints or settings that make no sense."""


class InfeasibleError(ProblemError):
    """No architecture meets the constraints."""


class ObservationError(ArchboError, ValueError):
    """A result that cannot be learned from, such as NaN."""


class ExhaustedError(ArchboError):
    """Every architecture of a finite space has been proposed."""


class NumericalError(ArchboError, ArithmeticError):
    """A covariance matrix that stays singular, or numbers that are not finite."""


class StoreError(ArchboError):
    """The database cannot be used as asked."""


class SchemaError(StoreError):
    """The database was written by a newer version of archbo."""


class MismatchError(StoreError):
    """The stored study is not the one that the program describes."""


class UnavailableError(StoreError):
    """The database cannot be reached or written now; later it may be."""


class ConflictError(StoreError):
    """Another driver of the study was quicker: read what has changed."""


class ProgramError(ArchboError):
    """A program that holds no study, or more than one."""


class PeerError(ArchboError):
    """Another library's optimizer, run in a process beside ours, failed."""


class DataError(ArchboError):
    """Files of a benchmark that are missing, damaged, or something else."""


class TrainingError(ArchboError):
    """A training that went wrong, or a trial that was misused."""


class ExportError(ArchboError, ValueError):
    """A network that cannot be written in the form that is asked for."""


class MissingExtraError(ArchboError, ImportError):  # type: ignore[misc] # its path may be None
    """An optional package is not installed; the hint is the command that installs it."""


class Stopped(Exception):  # noqa: N818 - control flow, as StopIteration
    """Raised by `trial.report` where the study ends this training; let it pass."""


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint for a misspelt name.

    >>> nearest("conv_3x4", ["conv_3x3", "skip"])
    "Did you mean 'conv_3x3'?"
    >>> nearest("zzz", ["conv_3x3", "skip"])
    "Known: 'conv_3x3', 'skip'."
    """
    names = [str(n) for n in names]
    close = get_close_matches(str(name), names, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    shown = ", ".join(repr(n) for n in names[:12])
    return f"Known: {shown}{', …' if len(names) > 12 else ''}." if names else ""
