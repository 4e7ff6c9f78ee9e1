"""What people ask of a study that runs, as its run takes notice of it.

Requests are read from the store, once a second at most. Of several runs each pauses and stops; what
is to be done once is done by the run that answers it first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from archbo.data import Proposal, State, TrialRecord
from archbo.errors import SpaceError
from archbo.problem import Problem
from archbo.store import StoredStudy
from archbo.store.requests import Answer, Asked, Request, Requests
from archbo.study.proposing import ASKED

_LOOK_SECONDS = 1.0
_AT_ONCE = (Asked.PAUSE, Asked.GO_ON, Asked.STOP)


class Steering:
    """The requests to one run.

    Args:
        store: the study.
        patiently: does something with the database, again while it is away.

    Attributes:
        paused: whether the run is to begin nothing for now.
        stopped: whether it is to begin nothing more.
    """

    def __init__(
        self, store: StoredStudy, patiently: Callable[[Callable[[], object]], object]
    ) -> None:
        self.paused = False
        self.stopped = False
        self._requests = Requests(store)
        self._patiently = patiently
        self._since = self._requests.mark()
        self._looked = float("-inf")
        self._open: list[Request] = []

    def look(self) -> None:
        """Take notice of what is asked, if the last look is a while ago."""
        if time.monotonic() - self._looked >= _LOOK_SECONDS:
            self._patiently(self._read)
            self._looked = time.monotonic()

    def _read(self) -> None:
        self.paused, self.stopped = self._requests.standing(self._since)
        self._open = []
        for request in self._requests.open():
            if request.kind in _AT_ONCE:
                self._requests.answer(request.key, Answer.DONE)
            else:
                self._open.append(request)

    def next(self, problem: Problem, records: Sequence[TrialRecord]) -> Proposal | None:
        """What to train now; None for nothing that is asked for.

        What failed is tried again as a trial of its own: what others followed from stays as it was.
        """
        while self._open:
            request = self._open.pop(0)
            found, words = _wanted(request, problem, records)
            answer = Answer.REFUSED if found is None else Answer.DONE
            say = partial(self._requests.answer, request.key, answer, words)
            if self._patiently(say) and found is not None:
                return found
        return None


def _wanted(
    request: Request, problem: Problem, records: Sequence[TrialRecord]
) -> tuple[Proposal | None, str]:
    """What a request is for, or why it is refused."""
    if request.kind is Asked.RETRY:
        record = next((r for r in records if r.number == request.trial), None)
        if record is None or record.state is not State.FAILED:
            return None, "there is no such failed trial"
        plain = record.architecture
    else:
        plain = request.architecture
    try:
        arch = problem.space.architecture(plain)
    except SpaceError as error:
        return None, str(error)
    if not problem.feasible(arch.rows)[0]:
        return None, "it does not meet the constraints"
    return Proposal(arch, ASKED), f"trial {len(records)}"
