"""Other libraries beside ours: each in an environment of its own, behind ask and tell.

Their pins conflict with each other, so a peer runs in a process of the interpreter that has it
installed (`peer_worker.py` beside this file), and is told what every method is told: the space, the
seed, the number of trainings, and each result. What keeps the comparison fair:

- A repeated proposal is an architecture like any other, to be looked up, and counted, again.
- A row that is no member of the space costs no training: who proposes it is told the worst value
  so far and asked again. So a peer learns a constraint as its users would teach it.
- A training that failed is told with the worst value so far, too. Before any value is known,
  neither is told at all.
- Each runs on one thread, and the seconds of `ask` are those of its learning and its search.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL
from threading import Timer
from typing import Any, Self

import numpy as np

from archbo.arrays import Array
from archbo.bench.peer_worker import LEARN_AT_ONCE
from archbo.errors import MissingExtraError, ObservationError, PeerError, ProblemError, nearest
from archbo.executors.environment import THREADS
from archbo.optimizer import checked_value
from archbo.spaces import Architecture, CompiledSpace, Part
from archbo.spaces.pool import Pool

PACKAGES: dict[str, str] = {
    "optuna:tpe": "optuna",
    "optuna:gp": "optuna scipy torch",
    "smac": "smac",
    "bayesopt": "bayesian-optimization",
    "skopt": "scikit-optimize",
    "hyperopt": "hyperopt setuptools",
    "nevergrad": "nevergrad",
    "hebo": "HEBO",
    "botorch:mixed": "botorch",
    "botorch:onehot": "botorch",
    "stdlib:random": "",
}
"""What each peer needs in its environment; `stdlib:random` draws rows that may repeat."""

WORKER = Path(__file__).with_name("peer_worker.py")

_REDRAWS = 1000  # rows in a row that are no members before a peer is given up
_TRACEBACK = 2000  # characters of what a worker wrote last


def library(name: str) -> str:
    """What the environment of a peer is called: `optuna` for `optuna:tpe`.

    Raises:
        ProblemError: if there is no such peer.
    """
    if name not in PACKAGES:
        raise ProblemError(f"no peer {name!r}", hint=nearest(name, PACKAGES))
    return name.partition(":")[0]


def parse_pythons(given: Iterable[str]) -> dict[str, Path]:
    """Interpreters by library, from texts such as `optuna=/opt/optuna/bin/python`.

    Raises:
        ProblemError: if a text is of another form, or names no library or no file.
    """
    known = {library(name) for name in PACKAGES}
    found = {}
    for text in given:
        key, sign, path = text.partition("=")
        if not sign:
            raise ProblemError(
                f"expected library=interpreter, got {text!r}",
                path="--peer-python",
                hint="Write optuna=/path/to/bin/python.",
            )
        if key not in known:
            raise ProblemError(
                f"no peer library {key!r}", path="--peer-python", hint=nearest(key, sorted(known))
            )
        if not Path(path).is_file():
            raise ProblemError(f"there is no file {path}", path=f"--peer-python {key}")
        found[key] = Path(path)
    return found


def interpreter(name: str, pythons: Mapping[str, Path]) -> Path:
    """The interpreter that has a peer installed.

    Raises:
        ProblemError: if there is no such peer.
        MissingExtraError: if none was given, with the commands that make one.
    """
    key = library(name)
    if not PACKAGES[name]:
        return Path(sys.executable)
    if key not in pythons:
        raise MissingExtraError(
            f"peer {name!r} needs an environment of its own",
            hint=f"python -m venv {key} && {key}/bin/pip install {PACKAGES[name]}; "
            f"then --peer-python {key}={key}/bin/python",
        )
    return pythons[key]


class Peer:
    """Another library's search of a space; close it, or use it in a `with`.

    Args:
        name: one of `PACKAGES`.
        space: what can be built.
        python: the interpreter that has the library; see `interpreter`.
        seed: of its random choices.
        maximize: whether larger values are better.
        trials: how many trainings it will be given, for those that plan ahead.
        timeout: seconds for one proposal before it is given up.
        told: results that it is to know before its first proposal; Optuna's samplers only.

    Attributes:
        version: of the library.
        rejected: how many rows it proposed that are no members of the space.

    Raises:
        ProblemError: if there is no such peer, it cannot be told results at first, or the space is
            a mere list of graphs.
        MissingExtraError: if the interpreter lacks the library, with the command that installs it.
        PeerError: if it cannot be started, or fails.

    >>> import archbo as ab
    >>> space = ab.Space(depth=ab.Int(1, 8), act=ab.Choice(["relu", "gelu"]))
    >>> with Peer("stdlib:random", space, python=interpreter("stdlib:random", {})) as peer:
    ...     for _ in range(3):
    ...         arch = peer.ask()
    ...         peer.tell(arch, arch["depth"])
    """

    def __init__(
        self,
        name: str,
        space: Part,
        *,
        python: Path,
        seed: int = 0,
        maximize: bool = True,
        trials: int = 100,
        timeout: float = 600.0,
        told: Sequence[tuple[Architecture, float]] = (),
    ) -> None:
        if told and library(name) not in LEARN_AT_ONCE:
            raise ProblemError(
                f"peer {name!r} cannot be told results before its first proposal",
                hint=f"Leave out told=, or use one of {', '.join(LEARN_AT_ONCE)}.",
            )
        library(name)
        _refuse_pools(name, space.compiled)
        self.name = name
        self.space = space
        self.rejected = 0
        self._sign = 1.0 if maximize else -1.0
        self._free = np.flatnonzero(space.compiled.options != 1)
        self._asked: Architecture | None = None
        self._result: float | None = None
        self._worst: float | None = None
        self._process = _Process(name, python, timeout)
        try:
            first = self._process.answer(
                {
                    "peer": name,
                    "seed": seed % 2**32,
                    "trials": trials,
                    "decisions": _described(space.compiled, self._free.tolist()),
                    "told": [
                        (np.array(arch.numbers)[self._free].tolist(), self._sign * value)
                        for arch, value in told
                    ],
                }
            )
        except BaseException:
            self.close()
            raise
        self.version = str(first["version"])
        self._proposed: list[float] | None = first["values"]

    def ask(self) -> Architecture:
        """The architecture to train next; it may be one that was asked before.

        Raises:
            ObservationError: if the result of the last is not told yet.
            PeerError: if the peer fails, takes too long, or proposes nothing but what is no member.
        """
        if self._asked is not None:
            raise ObservationError(f"{self.name} is still to be told the result of {self._asked!r}")
        compiled = self.space.compiled
        for _ in range(_REDRAWS):
            if self._proposed is None:
                self._proposed = self._process.answer({"value": self._result})["values"]
            rows = compiled.rows(self._row(self._proposed))
            self._proposed = None
            if compiled.valid(rows)[0]:
                (self._asked,) = compiled.architectures(rows)
                return self._asked
            self.rejected += 1
            self._result = self._worst
        raise PeerError(f"{self.name} proposed {_REDRAWS} rows in turn that are no members")

    def tell(self, arch: Architecture, value: Any) -> None:
        """Learn the result of what was asked last: a number, or `ab.FAILED`.

        Raises:
            ObservationError: if it is of another architecture, or no finite number.
        """
        if arch != self._asked:
            raise ObservationError(f"{self.name} learns only what it asked for, got {arch!r}")
        number = checked_value(value)
        result = None if number is None else self._sign * number
        if result is not None:
            self._worst = result if self._worst is None else min(self._worst, result)
        self._result = self._worst if result is None else result
        self._asked = None

    def _row(self, numbers: list[float]) -> Array:
        """Its numbers and what cannot be chosen, within their bounds, [1 D]."""
        low, high = np.array([(d.low, d.high) for d in self.space.compiled.decisions]).T
        values = low.copy()
        values[self._free] = numbers
        return np.clip(values, low, high)[None]

    def close(self) -> None:
        """End its process."""
        self._process.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


def _refuse_pools(name: str, space: CompiledSpace) -> None:
    for block in space.blocks:
        if isinstance(block.part, Pool):
            raise ProblemError(
                f"peer {name!r} cannot search a pool: to it the graphs are a list without meaning",
                path=block.path,
                hint="Leave peers out here, or write the space with decisions.",
            )


def _described(space: CompiledSpace, free: list[int]) -> list[dict[str, Any]]:
    """The decisions that can be chosen, for the worker; see there."""
    places = {d: k for k, d in enumerate(free)}
    found = []
    for d in free:
        decision = space.decisions[d]
        whole = decision.options is not None
        when = decision.condition
        while when is not None and when.parent not in places:
            when = space.decisions[when.parent].condition  # an only option is always taken
        found.append(
            {
                "kind": decision.kind.value,
                "low": int(decision.low) if whole else decision.low,
                "high": int(decision.high) if whole else decision.high,
                "log": decision.log,
                "parent": None if when is None else places[when.parent],
                "first": 0.0 if when is None else when.low,
                "last": 0.0 if when is None else when.high,
            }
        )
    return found


class _Process:
    """A worker, seen from here: a line goes in, a line comes out."""

    def __init__(self, name: str, python: Path, timeout: float) -> None:
        self._name, self._python, self._timeout = name, python, timeout
        self._late = False
        self._folder = tempfile.TemporaryDirectory()  # some libraries write where they are
        self._log = Path(self._folder.name, "log")
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        # where a library goes through a set, its order would differ from run to run
        settings = dict.fromkeys(THREADS, "1") | {"PYTHONHASHSEED": "0"}
        try:
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    [python.absolute(), WORKER],
                    cwd=self._folder.name,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=kept | settings,
                    start_new_session=True,  # Ctrl-C is for the driver
                )
        except OSError as error:
            self._folder.cleanup()
            raise PeerError(
                f"{name} cannot be started: {error}", hint="Is --peer-python an interpreter?"
            ) from error

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        """What the worker says to a message.

        Raises:
            MissingExtraError, PeerError: as `Peer`.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        timer = Timer(self._timeout, self._end)
        timer.start()
        try:
            stdin.write(json.dumps(message).encode() + b"\n")
            stdin.flush()
            line = stdout.readline()
        except BrokenPipeError:
            line = b""
        finally:
            timer.cancel()
        if self._late:
            raise PeerError(f"{self._name} took longer than {self._timeout:g} s for a proposal")
        if not line:
            code = self._process.wait()
            raise PeerError(f"{self._name} ended with code {code}; it said: {self._said()}")
        found: dict[str, Any] = json.loads(line)
        if found.get("missing"):
            raise MissingExtraError(
                f"{self._name} does not run with {self._python}: {found['error']}",
                hint=f"{self._python} -m pip install {PACKAGES[self._name]}",
            )
        if "error" in found:
            raise PeerError(f"{self._name} failed: {found['error']}; it said: {self._said()}")
        return found

    def _said(self) -> str:
        return self._log.read_text(errors="replace")[-_TRACEBACK:].strip() or "nothing"

    def _end(self) -> None:
        self._late = True
        os.killpg(self._process.pid, SIGKILL)

    def close(self) -> None:
        """End it, and what it started."""
        if not self._log.exists():
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):  # of what it did not read
                stream.close()
        self._folder.cleanup()
