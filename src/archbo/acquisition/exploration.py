"""Optimism and chance: the upper confidence bound and Thompson sampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from archbo.acquisition.base import Averaging, Outlook, sampling_model
from archbo.arrays import Array, Float
from archbo.errors import ProblemError


@dataclass(frozen=True, slots=True)
class UpperConfidenceBound:
    """What the objective may well reach: mean + beta sd.

    Source: Srinivas et al. 2010, with a constant beta (https://arxiv.org/abs/0912.3995).

    Attributes:
        beta: how many standard deviations; larger explores more.

    Raises:
        ProblemError: if beta is negative.
    """

    beta: float = 2.0
    averaging: ClassVar[Averaging] = Averaging.VALUES
    pool_wide: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.beta >= 0:
            raise ProblemError(f"beta must not be negative, got {self.beta}")

    def __call__(self, outlook: Outlook) -> Float[Array, " c"]:
        return outlook.posterior.mean + self.beta * outlook.posterior.sd


@dataclass(frozen=True, slots=True)
class ThompsonSampling:
    """A function drawn from the posterior: its best candidate is the one to train.

    Source: Thompson 1933.

    Attributes:
        independent: whether each candidate is drawn by itself, which any surrogate can do
            (White et al. 2021, section 4, https://arxiv.org/abs/1910.11858).
    """

    independent: bool = False
    averaging: ClassVar[Averaging] = Averaging.DRAW
    pool_wide: ClassVar[bool] = True

    def __call__(self, outlook: Outlook) -> Float[Array, " c"]:
        posterior, rng = outlook.posterior, outlook.rng
        if self.independent:
            return posterior.mean + posterior.sd * rng.standard_normal(len(posterior.mean))
        return sampling_model(outlook, self).sample(outlook.candidates, rng, 1)[0]
