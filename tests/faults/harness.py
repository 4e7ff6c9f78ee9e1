"""A study whose drivers, workers and files are struck at random, and what must hold after that."""

import importlib.util
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import archbo as ab
from archbo.store import Store

PROGRAM = Path(__file__).with_name("driven.py")
spec = importlib.util.spec_from_file_location("driven", PROGRAM)
driven = importlib.util.module_from_spec(spec)
spec.loader.exec_module(driven)


@dataclass
class Ordeal:
    """One study and its drivers.

    Attributes:
        store: a file or a URL.
        folder: for the log and what trials save.
        faults: how many there were of each kind.
    """

    store: str
    folder: Path
    seed: int
    trials: int = 12
    method: str = "random"
    faults: Counter[str] = field(default_factory=Counter)
    drivers: list[subprocess.Popen[str]] = field(default_factory=list)
    finished: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def start(self, **environment: str) -> None:
        """Let one more driver work on the study."""
        arguments = [self.store, str(self.folder), self.method, str(self.trials)]
        # without a pipe: an orphaned worker would keep it open
        with (self.folder / f"errors-{len(self.drivers)}").open("w") as errors:
            self.drivers.append(
                subprocess.Popen(
                    [sys.executable, str(PROGRAM), *arguments],
                    env=os.environ | environment,
                    stderr=errors,
                    text=True,
                )
            )

    def alive(self) -> list[subprocess.Popen[str]]:
        return [driver for driver in self.drivers if driver.poll() is None]

    def records(self) -> list[ab.TrialRecord]:
        """The trials as they are stored now; also while the store is being made."""
        try:
            with Store.open(self.store, create=False) as store:
                return store.study().read() if store.studies() else []
        except ab.ArchboError:
            return []

    def until(self, ended: int, seconds: float = 120) -> None:
        """Wait until so many trials have ended, or no driver is left."""
        end = time.monotonic() + seconds
        while self.alive() and sum(r.value is not None for r in self.records()) < ended:
            assert time.monotonic() < end, "the drivers do not get on"
            time.sleep(0.05)

    def check(self) -> None:
        """Nothing that had finished is lost or another."""
        with Store.open(self.store, create=False) as store:
            records = store.study().read()
        assert [r.number for r in records] == list(range(len(records)))
        now = {r.number: r.value for r in records if r.value is not None}
        assert self.finished.items() <= now.items()
        self.finished = now

    def kill_driver(self) -> None:
        if self.alive():
            self.faults["driver killed"] += 1
            victim = self.random.choice(self.alive())
            victim.kill()
            victim.wait()

    def kill_worker(self) -> None:
        workers = [pid for driver in self.alive() for pid in children(driver.pid)]
        if workers:
            self.faults["worker killed"] += 1
            with suppress(ProcessLookupError):
                os.kill(self.random.choice(workers), signal.SIGKILL)

    def halve_checkpoint(self) -> None:
        files = sorted(self.folder.glob("files/*/state*"))
        if files:
            self.faults["checkpoint halved"] += 1
            file = self.random.choice(files)
            with suppress(FileNotFoundError):  # replaced meanwhile
                os.truncate(file, file.stat().st_size // 2)

    def finish(self) -> None:
        """Let a last driver end the study, and check all that must hold in the end."""
        self.start()
        for number, driver in enumerate(self.drivers):
            errors = self.folder / f"errors-{number}"
            assert driver.wait(120) in (0, -signal.SIGKILL), errors.read_text()
        self.check()
        records = self.records()
        assert len(records) == self.trials
        for record in records:
            if record.state is ab.State.FINISHED:
                arch = driven.SPACE.architecture(record.architecture)
                assert record.value == driven.outcome(arch)
                # cut between a save and its report, a training goes on after that epoch
                epochs = [point.epoch for point in record.reports]
                assert epochs == sorted(set(epochs) & {1, 2, 3, 4})
            else:  # only for a reason from outside
                assert record.state is ab.State.FAILED
                assert "SIGKILL" in record.error
        assert len({r.architecture_id for r in records}) == self.trials
        self.replay()

    def replay(self) -> None:
        """Every proposal follows from the history."""
        with driven.make(self.store, str(self.folder), self.method) as study:
            from archbo.study.proposing import history, propose

            records = study.trials
            for record in records:
                again = propose(study, history(records, record.number))
                assert again.architecture.id == record.architecture_id

    def trained(self) -> tuple[int, int]:
        """How many trainings there were, and how many of them came to their end."""
        lines = (self.folder / "log").read_text().splitlines()
        kinds = Counter(line.split()[0] for line in lines)
        return kinds["began"], kinds["ended"]

    def close(self) -> None:
        for driver in self.alive():
            driver.kill()
            driver.wait()


def children(pid: int) -> list[int]:
    """The worker processes of a driver."""
    found = []
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, thread.read_text().split())
    return [child for child in found if b"spawn_main" in command(child)]


def command(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""
