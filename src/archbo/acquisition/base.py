"""What an acquisition function is: what a model expects to the worth of training each row next."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, runtime_checkable

from archbo.arrays import Array, Float, Rng
from archbo.errors import ProblemError
from archbo.kernels.blocks import Encoded
from archbo.surrogates.base import Posterior, SupportsJoint, SupportsSampling, Surrogate


class Averaging(Enum):
    """How the scores of several models become one."""

    LOGS = "logs"
    """Scores are logs of gains, which are averaged."""
    VALUES = "values"
    """Scores are averaged as they are."""
    DRAW = "draw"
    """One model is drawn by its weight, and scores for all."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """All that an acquisition may look at: one model, and what it is asked about.

    Attributes:
        posterior: of the c candidates, each by itself.
        best: the largest posterior mean at known rows, in units of the transformed objective.
        candidates: the c rows.
        known: the rows that were trained, are in training, or were chosen just now.
        model: fitted to what was trained; the other known rows are believed in.
        rng: for those that draw.
    """

    posterior: Posterior
    best: float
    candidates: Encoded = field(repr=False)
    known: Encoded = field(repr=False)
    model: Surrogate = field(repr=False)
    rng: Rng = field(repr=False)


@runtime_checkable
class Acquisition(Protocol):
    """The settings of an acquisition function, as a frozen dataclass that is called."""

    @property
    def averaging(self) -> Averaging:
        """How the scores of several models become one."""
        ...

    @property
    def pool_wide(self) -> bool:
        """Whether a row's score depends on the candidates beside it: then none are added later."""
        ...

    def __call__(self, outlook: Outlook) -> Float[Array, " c"]:
        """The score of each candidate; larger is better.

        Raises:
            ProblemError: if the model cannot do what is needed.
        """
        ...


def joint_model(outlook: Outlook, acquisition: object) -> SupportsJoint:
    """The model, where it knows how rows vary together.

    Raises:
        ProblemError: if it does not, naming the acquisition that needs it.
    """
    if isinstance(outlook.model, SupportsJoint):
        return outlook.model
    raise ProblemError(
        f"{type(acquisition).__name__} needs to know how architectures vary together, and "
        f"{type(outlook.model).__name__} does not say",
        path="acquisition",
        hint="Use it with Gaussian processes (no surrogate=), or take LogExpectedImprovement().",
    )


def sampling_model(outlook: Outlook, acquisition: object) -> SupportsSampling:
    """The model, where functions can be drawn from it.

    Raises:
        ProblemError: if they cannot, naming the acquisition that needs them.
    """
    if isinstance(outlook.model, SupportsSampling):
        return outlook.model
    raise ProblemError(
        f"{type(acquisition).__name__} draws functions, and none can be drawn from "
        f"{type(outlook.model).__name__}",
        path="acquisition",
        hint="ThompsonSampling(independent=True) draws each architecture by itself.",
    )
