"""The results that a study has learned from, kept from one proposal to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile

from archbo.data import History, Observation, State, TrialRecord
from archbo.problem import Problem

_OVER = (State.FINISHED, State.FAILED, State.DELETED)


class Past:
    """The results of the first trials, up to the first that goes on or may go on.

    They cost nothing again when the next proposal is made.

    Attributes:
        history: of these results.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._known: list[TrialRecord] = []
        self.history = History(problem)

    def extend(
        self, records: Sequence[TrialRecord], observed: Callable[[TrialRecord], Observation]
    ) -> int:
        """Learn what is new, and give how many trials are over: nothing of them will be new.

        Of what was deleted nothing is learned.

        Args:
            records: all trials; those of the last call, or others.
            observed: turns a trial into a result.
        """
        known = self._known
        same = len(known) <= len(records) and all(map(_is, known, records))
        if not same:
            self._known, self.history = [], History(self._problem)
        start = len(self._known)
        new = list(takewhile(lambda record: record.state in _OVER, records[start:]))
        self.history.add([observed(r) for r in new if r.state is not State.DELETED])
        self._known += new
        return len(self._known)


def _is(a: TrialRecord, b: TrialRecord) -> bool:
    return a is b
