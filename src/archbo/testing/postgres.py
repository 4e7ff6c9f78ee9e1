"""A PostgreSQL server for tests and benchmarks: made, started and removed again.

It needs the programs of a PostgreSQL server, such as Debian's package `postgresql` has them, and
nothing that runs: the server is a new one, which listens on a socket in a temporary folder alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from archbo.errors import StoreError

_INSTALLED = Path("/usr/lib/postgresql")  # where Debian has them, by version
_USER = "archbo"
_CONNECTIONS = 200
_LOOSE = "-c fsync=off -c full_page_writes=off"  # a crash of the server alone loses nothing


def binaries() -> Path | None:
    """The folder with `initdb` and `pg_ctl`: on the path, or Debian's newest; None without any."""
    found = shutil.which("pg_ctl")
    if found is not None and Path(found).resolve().with_name("initdb").exists():
        return Path(found).resolve().parent
    versions = [folder for folder in _INSTALLED.glob("*/bin") if (folder / "initdb").exists()]
    return max(versions, key=lambda folder: float(folder.parent.name), default=None)


class Server:
    """A server; `serving` gives one that runs.

    Attributes:
        data: the folder with its files; `postmaster.pid` begins with its process.
        socket: the folder in which it listens.
    """

    def __init__(self, binaries: Path, folder: Path, *, durable: bool) -> None:
        self._binaries = binaries
        self._options = f"-c listen_addresses='' -c max_connections={_CONNECTIONS} "
        self._options += f"-c unix_socket_directories='{folder}' {'' if durable else _LOOSE}"
        self._numbers = count()
        self.data = folder / "data"
        self.socket = folder

    def url(self, database: str = "postgres") -> str:
        """Of one of its databases."""
        return f"postgresql://{_USER}@/{database}?host={self.socket}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new, empty database, which is dropped at the end, whoever uses it."""
        name = f"archbo_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _execute(self, statement: LiteralString) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def start(self) -> None:
        """Start it, also after `stop`, and wait until it takes connections.

        Raises:
            StoreError: if it does not start, with what it said.
        """
        self._run("pg_ctl", "-w", "-l", str(self.socket / "log"), "-o", self._options, "start")

    def stop(self, *, at_once: bool = False) -> None:
        """Stop it and cut its connections.

        Args:
            at_once: without tidying up, as a server that crashed.
        """
        self._run("pg_ctl", "-w", "-m", "immediate" if at_once else "fast", "stop")

    def make(self) -> None:
        """Make its files."""
        self._run("initdb", "--username", _USER, "--auth", "trust", "-E", "UTF8", "--no-sync")

    @property
    def running(self) -> bool:
        """Whether it runs."""
        try:
            self._run("pg_ctl", "status")
        except StoreError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._binaries / program), "-D", str(self.data), *arguments]
        # a server that starts keeps the pipes it is given, so that a file has to take what it says
        with tempfile.TemporaryFile() as said:
            done = subprocess.run(
                command, stdout=said, stderr=said, check=False, cwd=self.socket, **_unprivileged()
            )
            if done.returncode:
                said.seek(0)
                text = said.read().decode(errors="replace").strip()
                raise StoreError(f"{program} failed: {text}", path=str(self.data))


@contextmanager
def serving(*, durable: bool = True) -> Iterator[Server]:
    """A server for as long as the block lasts.

    Root cannot run one: then it is of the user `postgres`, or else of `nobody`.

    Args:
        durable: whether a commit that returned survives a power cut; tests are quicker without.

    Raises:
        StoreError: if PostgreSQL is not installed, or the server does not start.
    """
    found = binaries()
    if found is None:
        raise StoreError(
            "PostgreSQL is not installed",
            hint="Install a server: on Debian with apt-get install postgresql.",
        )
    with tempfile.TemporaryDirectory(prefix="archbo-postgres-") as name:
        if user := _unprivileged().get("user"):
            shutil.chown(name, user)
        server = Server(found, Path(name), durable=durable)
        server.make()
        server.start()
        try:
            yield server
        finally:
            if server.running:
                server.stop(at_once=True)


def _unprivileged() -> dict[str, Any]:
    """Whose processes the server's are; of nobody else than this one's if that is not root."""
    if os.getuid() != 0:
        return {}
    import pwd

    users = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = users.get("postgres") or users["nobody"]
    return {"user": user.pw_name, "group": user.pw_gid, "extra_groups": []}
