"""What people ask of a study that runs, as its run takes notice of it.

Requests are read from the store, once a second at most. Of several runs each pauses and stops; what
is to be trained is trained once, by the run that stores its trial first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from archbo.data import Proposal, State, TrialRecord
from archbo.errors import SpaceError
from archbo.problem import Problem
from archbo.store import StoredStudy
from archbo.store.records import Answer
from archbo.store.requests import Asked, Request, Requests
from archbo.study.proposing import ASKED

_LOOK_SECONDS = 1.0
_AT_ONCE = (Asked.PAUSE, Asked.GO_ON, Asked.STOP)


class Wish(NamedTuple):
    """What somebody wants trained, and the key of the request that its trial answers."""

    proposal: Proposal
    request: int


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

    def next(self, problem: Problem, records: Sequence[TrialRecord]) -> Wish | None:
        """What to train now; None for nothing that is asked for.

        What failed is tried again as a trial of its own: what others followed from stays as it was.
        A wish whose trial could not be stored comes again with a later look.
        """
        while self._open:
            request = self._open.pop(0)
            found = _wanted(request, problem, records)
            if isinstance(found, Proposal):
                return Wish(found, request.key)
            self._refuse(request, found)
        return None

    def _refuse(self, request: Request, why: str) -> None:
        self._patiently(lambda: self._requests.answer(request.key, Answer.REFUSED, why))


def _wanted(request: Request, problem: Problem, records: Sequence[TrialRecord]) -> Proposal | str:
    """What a request is for, or why it is refused."""
    if request.kind is Asked.RETRY:
        record = next((r for r in records if r.number == request.trial), None)
        if record is None or record.state is not State.FAILED:
            return "there is no such failed trial"
        plain = record.architecture
    else:
        plain = request.architecture
    try:
        arch = problem.space.architecture(plain)
    except SpaceError as error:
        return str(error)
    if not problem.feasible(arch.rows)[0]:
        return "it does not meet the constraints"
    return Proposal(arch, ASKED)
