"""What takes seconds to find out of a study: found out beside the pages, which never wait for it.

It is done in a process of its own, since a thread at work would make the pages wait for the
interpreter. It takes a small share of the time, one thing after another, however many studies there
are, and is ended where it takes too long.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from threading import Lock, Thread
from typing import Any, Generic, NamedTuple, TypeVar

from archbo.errors import ArchboError
from archbo.executors.process import interrupts_blocked
from archbo.views.dashboard.feed import Feed, Snapshot

T = TypeVar("T")

FIRST = 1.0  # seconds that a study is looked at before anything is found out
_REST = 10.0  # times as long as it took until it is done again
_LIMIT = 120.0  # seconds that it may take
_LOOK = 0.2  # seconds between two looks whether it is still wanted
_NICE = 10  # others go before it


class Beside(Generic[T]):
    """Something about one study, found out again when there is more to learn.

    Args:
        feed: the study.
        find: finds it out, given the study's location; a function that another process can load.
        trouble: what to know where that fails, given the reason, a sentence.
        known: what is known before.
        first: seconds that the study is looked at before anything is found out.
        limit: seconds that it may take.
    """

    def __init__(
        self,
        feed: Feed,
        find: Callable[[str], T],
        trouble: Callable[[str], T],
        *,
        known: T,
        first: float = FIRST,
        limit: float = _LIMIT,
    ) -> None:
        self._feed = feed
        self._find = find
        self._trouble = trouble
        self._known = known
        self._first = first
        self._limit = limit
        self._version = -1
        self._next: float | None = None
        self._turn = Lock()

    def ask(self, snapshot: Snapshot) -> T:
        """What is known now; what is new is found out meanwhile."""
        with self._turn:
            now = time.monotonic()
            if self._next is None:
                self._next = now + self._first
            if snapshot.version != self._version and now >= self._next:
                self._version, self._next = snapshot.version, float("inf")
                Thread(target=self._learn, name="archbo beside", daemon=True).start()
            return self._known

    def _learn(self) -> None:
        found, seconds = _AT_WORK.done(
            self._find, self._feed.location, self._limit, self._feed.closed.is_set
        )
        if isinstance(found, ArchboError):
            found = self._trouble(str(found))
        elif isinstance(found, TimeoutError):
            found = self._trouble(f"It took more than {self._limit:g} seconds.")
        elif isinstance(found, Exception):  # a stranger's trials may be more than a fit can bear
            found = self._trouble(f"{type(found).__name__}.")
        with self._turn:
            self._known = found
            self._next = time.monotonic() + _REST * seconds


class _Done(NamedTuple):
    """What a function gave, or raised, and how long it took, in seconds."""

    found: Any
    seconds: float


class _Worker:
    """A process that finds out one thing after another, started when it is first needed."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._connection: Connection | None = None
        self._end: Callable[[], None] = lambda: None

    def done(
        self, find: Callable[[str], Any], location: str, limit: float, unwanted: Callable[[], bool]
    ) -> _Done:
        """What a function gives in that process, or raises.

        Args:
            find: the function.
            location: its argument.
            limit: seconds that it may take.
            unwanted: whether nobody wants it any more.
        """
        with self._turn:
            if unwanted():
                return _Done(TimeoutError(), 0.0)
            began = time.monotonic()
            connection = self._started()
            try:
                connection.send((find, location))
                while not connection.poll(_LOOK):
                    if unwanted() or time.monotonic() > began + limit:
                        raise TimeoutError
                done: _Done = connection.recv()
                return done
            except (OSError, EOFError) as error:  # it was ended here, or has died
                self._end()
                self._connection = None
                return _Done(error, time.monotonic() - began)

    def _started(self) -> Connection:
        if self._connection is None:
            context = get_context("spawn")
            here, there = context.Pipe()
            process = context.Process(target=_work, args=(there,), daemon=True)
            with interrupts_blocked():  # which are for this process, and it ends the other one
                process.start()
            there.close()

            def end() -> None:
                process.kill()
                process.join()
                here.close()

            self._connection, self._end = here, end
        return self._connection


_AT_WORK = _Worker()


def _work(connection: Connection) -> None:
    """The main function of that process, until the other end is closed."""
    os.nice(_NICE)
    while True:
        try:
            find, location = connection.recv()
        except EOFError:
            return
        began = time.monotonic()
        try:
            found = find(location)
        except Exception as error:
            found = error
        connection.send(_Done(found, time.monotonic() - began))
