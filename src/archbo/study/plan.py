"""What a run trains, and how much of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Protocol

from archbo.data import Proposal, TrialRecord
from archbo.study.proposing import cost, propose
from archbo.study.session import Spending

if TYPE_CHECKING:
    from archbo.study.running import Running

_ROUNDING = 1e-9  # of a sum of shares


class Plan(Protocol):
    """What a run trains; all that it says follows from the trials so far."""

    def left(self, records: Sequence[TrialRecord]) -> int:
        """How many trials are still to begin."""
        ...

    def spending(self, records: Sequence[TrialRecord]) -> Spending | None:
        """What is spent of its budget, if it has one that is not a number of trials."""
        ...

    def next(self, records: Sequence[TrialRecord]) -> Proposal | None:
        """The one to begin now; None to wait for those in training.

        Raises:
            ExhaustedError: if there is none.
        """
        ...

    def owns(self, record: TrialRecord) -> bool:
        """Whether it goes on with a trial that was cut by the end of its driver."""
        ...


@dataclass(frozen=True, slots=True)
class Search:
    """Go on until the search has made `trials` trials, or has spent `budget` full trainings.

    A budget is for a study with a fidelity.
    """

    study: Running
    trials: int = 0
    budget: float | None = None

    def left(self, records: Sequence[TrialRecord]) -> int:
        spending = self.spending(records)
        if spending is None:
            return self.trials - sum(record.searched for record in records)
        return ceil(spending.budget - spending.spent - _ROUNDING)

    def spending(self, records: Sequence[TrialRecord]) -> Spending | None:
        fidelity = self.study.problem.fidelity
        if self.budget is None or fidelity is None:
            return None
        return Spending(sum(cost(fidelity, r) for r in records if r.searched), self.budget)

    def next(self, records: Sequence[TrialRecord]) -> Proposal | None:
        return propose(self.study, records)

    def owns(self, record: TrialRecord) -> bool:  # noqa: ARG002 - all of them
        return True
