"""Which processes run a study now, and which of them are gone.

The clocks of machines differ, and are set. So a driver counts signs of life in its row, and whoever
has not seen a new one for the length of a lease, by its own clock that only runs forward, takes its
trials over. Where both are on one machine the kernel knows at once.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple, Self

from sqlalchemy import delete, insert, select, update

from archbo.errors import StoreError
from archbo.store.database import Database
from archbo.store.schema import drivers

_BEATS = 6  # signs of life in a lease


class Driver:
    """This process as one that runs a study; use it in a `with`, which says that it is alive.

    Args:
        database: of the study.
        key: of the study in its table.
        lease: after so many seconds without a sign of life others take the trials over.

    Attributes:
        name: as the trials have it that it trains.
    """

    def __init__(self, database: Database, key: int, *, lease: float) -> None:
        self.name = f"{socket.gethostname()[:150]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._database = database
        self._key = key
        self._lease = lease
        self._beats = 0
        self._process = _Process.this()
        self._watch = _Watch(lease)
        self._over = Event()
        self._thread = Thread(target=self._live, name="archbo heartbeat", daemon=True)

    def __enter__(self) -> Self:
        if self._database.shared:
            self._beat()
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
            with suppress(StoreError):  # then the kernel, or the lease, says that it is gone
                self._bury([self.name])

    def gone(self, names: Iterable[str]) -> set[str]:
        """Those of other drivers that live no more.

        Raises:
            StoreError: if the database cannot be read.
        """
        asked = set(names) - {self.name}
        if not asked:
            return set()
        rows = self._rows()
        return {name for name in asked if name not in rows or self._dead(name, rows[name])}

    def _dead(self, name: str, row: _Row) -> bool:
        near = row.process.machine and row.process.machine == self._process.machine
        return bool(near and not row.process.lives()) or self._watch.silent(name)

    def _bury(self, names: Collection[str]) -> None:
        """Forget drivers; one that comes back makes itself known again."""
        if names:
            with self._database.writing() as connection:
                connection.execute(delete(drivers).where(drivers.c.name.in_(names)))

    def _live(self) -> None:
        while not self._over.wait(self._lease / _BEATS):
            try:
                self._beat()
                rows = self._rows()
                self._watch.look({name: row.beat for name, row in rows.items()})
                self._bury([name for name, row in rows.items() if self._dead(name, row)])
            except StoreError:  # nobody can tell who is silent while the database is away
                self._watch.forget()

    def _beat(self) -> None:
        mine = drivers.c.name == self.name
        self._beats += 1
        with self._database.writing() as connection:
            beat = update(drivers).where(mine).values(beat=self._beats)
            if not connection.execute(beat).rowcount:
                row = {"name": self.name, "study_id": self._key, "beat": self._beats}
                connection.execute(insert(drivers), row | self._process._asdict())

    def _rows(self) -> dict[str, _Row]:
        c = drivers.c
        query = select(c.name, c.beat, c.machine, c.pid, c.born).where(c.study_id == self._key)
        with self._database.reading() as connection:
            return {
                name: _Row(beat, _Process(*process))
                for name, beat, *process in connection.execute(query)
            }


class _Watch:
    """Who gave no sign of life for the length of a lease, as far as this process was awake."""

    def __init__(self, lease: float) -> None:
        self._lease = lease
        self._seen: dict[str, tuple[int, float]] = {}
        self._looked = time.monotonic()

    def look(self, beats: dict[str, int]) -> None:
        """Take note of the signs of life that there are now."""
        now = time.monotonic()
        if now - self._looked > self._lease / 2:  # this process was stopped, and others may
            self._seen.clear()  # have been with it
        self._looked = now
        before = self._seen
        self._seen = {name: (beat, now) for name, beat in beats.items()}
        self._seen |= {n: was for n, was in before.items() if beats.get(n) == was[0]}

    def silent(self, name: str) -> bool:
        """Whether it has given none for so long."""
        _, since = self._seen.get(name, (0, self._looked))
        return self._looked - since >= self._lease

    def forget(self) -> None:
        """Begin anew."""
        self._seen.clear()


class _Process(NamedTuple):
    """A process, told from all others there ever were.

    Attributes:
        machine: the boot of its machine, and the names of processes there; empty if unknown.
        pid: its number.
        born: when it started, in ticks since the boot.
    """

    machine: str
    pid: int
    born: int

    @classmethod
    def this(cls) -> Self:
        try:
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
            space = Path("/proc/self/ns/pid").readlink()
            return cls(f"{boot} {space}", os.getpid(), _born(os.getpid()))
        except OSError:  # no Linux
            return cls("", os.getpid(), 0)

    def lives(self) -> bool:
        """Whether it is there; asked on its own machine."""
        try:
            return _born(self.pid) == self.born
        except OSError:
            return False


class _Row(NamedTuple):
    """A driver's row."""

    beat: int
    process: _Process


def _born(pid: int) -> int:
    """When a process started, in ticks since the boot.

    Raises:
        OSError: if there is none, or it has ended and is not yet waited for.
    """
    # its name, in parentheses, can hold blanks
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    if fields[0] in "ZX":
        raise ProcessLookupError(pid)
    return int(fields[19])
