"""What people ask of a study while it runs: to pause, to stop, to train or forget something.

Whoever watches a study writes requests; those who run it read them and answer. A pause stands until
somebody lets the study go on, and a stop is for all runs that had begun before it; everything else
is done once, by the run that answers first.
"""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Select, func, insert, select, update

from archbo.errors import StoreError
from archbo.store.records import Answer
from archbo.store.rows import shown
from archbo.store.schema import requests, studies
from archbo.store.stored import StoredStudy

MOST_OPEN = 1000
"""Requests that nobody has answered; whoever writes more is told that no run listens."""

_LATEST = 253_402_300_799.0  # the last second of the year 9999


class Asked(StrEnum):
    """What is asked for."""

    PAUSE = "pause"
    GO_ON = "go on"
    STOP = "stop"
    ENQUEUE = "enqueue"
    RETRY = "retry"


class Request(NamedTuple):
    """One request.

    Attributes:
        key: ascending in the order in which they were written.
        kind: what is asked for.
        trial: which failed trial to try again; else None.
        architecture: what to train, in JSON form; else None.
        created: when it was written, in seconds since 1970.
        answer: what became of it.
        words: why it was refused, or what was done.
    """

    key: int
    kind: Asked
    trial: int | None
    architecture: Any
    created: float
    answer: Answer
    words: str


class Standing(NamedTuple):
    """What holds for a run now: whether it begins nothing, and whether it ends."""

    paused: bool
    stopped: bool


class Requests:
    """The requests to one stored study; any thread and any number of processes may use it.

    Args:
        stored: the study.
    """

    def __init__(self, stored: StoredStudy) -> None:
        self._database = stored._database
        self._key = stored._key
        self._where = f"{stored.location}, study {stored.name!r}"

    def ask(self, kind: Asked, *, trial: int | None = None, architecture: Any = None) -> Request:
        """Write a request. It counts as a change of the study, so that runs take notice.

        Args:
            kind: what is asked for.
            trial: to try again.
            architecture: to train next, in JSON form and known to be a member of the space.

        Raises:
            StoreError: if it cannot be written, or so many are open that nobody seems to listen.
        """
        mine = requests.c.study_id == self._key
        unanswered = select(func.count()).where(mine, requests.c.answer == Answer.OPEN)
        row = {
            "study_id": self._key, "kind": kind.value, "trial": trial,
            "architecture": architecture, "created": time.time(),
            "answer": Answer.OPEN.value, "words": "",
        }  # fmt: skip
        with self._database.writing() as connection:
            if connection.execute(unanswered).scalar_one() >= MOST_OPEN:
                raise StoreError(
                    f"{MOST_OPEN} requests wait for an answer",
                    path=self._where,
                    hint="Does anybody run the study?",
                )
            count = {"version": studies.c.version + 1}
            connection.execute(update(studies).where(studies.c.id == self._key).values(count))
            key = connection.execute(insert(requests), row).inserted_primary_key
            newest = select(requests).where(requests.c.id == key[0])  # type: ignore[index] # one
            return self._read(connection.execute(newest).one())

    def open(self) -> list[Request]:
        """Those that nobody has answered, the oldest first."""
        return self._all(self._mine().where(requests.c.answer == Answer.OPEN))

    def latest(self, most: int) -> list[Request]:
        """The newest so many, the newest first."""
        newest = self._mine(descending=True).limit(most)
        return self._all(newest)

    def mark(self) -> int:
        """The newest request's key, 0 without any: a run that begins now obeys later stops."""
        newest = self.latest(1)
        return newest[0].key if newest else 0

    def standing(self, since: int) -> Standing:
        """What holds now for a run that began when `mark` gave `since`."""
        lasting = requests.c.kind.in_([Asked.PAUSE, Asked.GO_ON])
        last = self._all(self._mine(descending=True).where(lasting).limit(1))
        stop = self._mine().where(requests.c.kind == Asked.STOP, requests.c.id > since).limit(1)
        return Standing(any(r.kind is Asked.PAUSE for r in last), bool(self._all(stop)))

    def answer(self, key: int, answer: Answer, words: str = "") -> bool:
        """Say what became of an open request; False if another run was quicker."""
        still = requests.c.answer == Answer.OPEN
        said = update(requests).where(requests.c.id == key, still)
        count = {"version": studies.c.version + 1}
        with self._database.writing() as connection:
            found = connection.execute(said.values(answer=answer.value, words=words)).rowcount
            if found:
                connection.execute(update(studies).where(studies.c.id == self._key).values(count))
        return bool(found)

    def _mine(self, *, descending: bool = False) -> Select[Any]:
        order = requests.c.id.desc() if descending else requests.c.id
        return select(requests).where(requests.c.study_id == self._key).order_by(order)

    def _all(self, query: Select[Any]) -> list[Request]:
        with self._database.reading() as connection:
            return [self._read(row) for row in connection.execute(query)]

    def _read(self, row: Any) -> Request:
        """A row, each value checked: the file may be damaged, or a stranger's."""
        try:
            if not (
                isinstance(row.trial, (int, type(None)))
                and isinstance(row.words, str)
                and 0 <= row.created <= _LATEST
            ):
                raise ValueError
            kind, answer = Asked(row.kind), Answer(row.answer)
        except (ValueError, TypeError) as error:
            raise StoreError(
                f"request {shown(row.id)} is none: {shown(row.kind)}, {shown(row.answer)}",
                path=self._where,
                hint="The database is damaged, or another program wrote to it.",
            ) from error
        return Request(row.id, kind, row.trial, row.architecture, row.created, answer, row.words)
