"""What an acquisition function is: a posterior to the worth of training each row next."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from archbo.arrays import Array, Float
from archbo.surrogates.base import Posterior


@runtime_checkable
class Acquisition(Protocol):
    """A frozen callable; larger is better."""

    def __call__(self, posterior: Posterior) -> Float[Array, " c"]:
        """The score of each row."""
        ...


@runtime_checkable
class AcquisitionOver(Protocol):
    """Makes an acquisition that knows the best value so far, such as `LogExpectedImprovement`."""

    def __call__(self, best: float) -> Acquisition:
        """The acquisition over `best`, in units of the transformed objective."""
        ...
