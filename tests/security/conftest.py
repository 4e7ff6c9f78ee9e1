"""A real study, and what is done with one from a stranger: it is shown, and reported."""

import contextlib
import io
import signal
import sqlite3
from types import SimpleNamespace

import pytest

import archbo as ab
from archbo.cli import commands

SPACE = ab.Space(
    cell=ab.EdgeCell(nodes=4, ops=["none", "skip_connect", "conv"]),
    layers=ab.Chain(ab.Choice(["relu", "tanh"]), length=(1, 3)),
    head=ab.Choice({"linear": None, "mlp": ab.Int(16, 64)}),
    lr=ab.Float(1e-4, 1e-1, log=True),
)


def _train(arch, trial):
    if trial.number % 4 == 3:
        raise ValueError("the loss is not finite")
    for epoch in (1, 2, 3):
        trial.report(epoch, arch["lr"] * epoch)
    return arch["lr"]


@pytest.fixture(scope="session")
def original(tmp_path_factory):
    """The file of a study with finished and failed trials, curves and predictions."""
    file = tmp_path_factory.mktemp("original") / "study.db"
    features = {"layers": lambda arch: len(arch["layers"])}
    with ab.Study(file, SPACE, maximize="accuracy", features=features, epochs=3) as study:
        study.run(_train, trials=9)
    return file


@pytest.fixture
def stranger(original, tmp_path):
    """A copy of it, and how it is changed with SQL."""
    file = tmp_path / "study.db"
    file.write_bytes(original.read_bytes())

    def change(*statements, **values):
        with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as raw:
            raw.execute("PRAGMA ignore_check_constraints = ON")
            for statement in statements:
                raw.execute(statement, values)
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    return SimpleNamespace(file=file, change=change)


def look(file):
    """All that shows a study without its program: texts of the terminal, JSON, the page."""
    said = io.StringIO()
    page = file.with_name("report.html")
    page.unlink(missing_ok=True)
    with contextlib.redirect_stdout(said), within(seconds=60):
        commands.show(str(file), top=3, trial=None, as_json=False)
        commands.show(str(file), top=3, trial=None, as_json=True)
        for trial in (0, 3):
            commands.show(str(file), top=3, trial=trial, as_json=False)
            commands.show(str(file), top=3, trial=trial, as_json=True)
        commands.report([str(file)], page)
    return said.getvalue(), page.read_text(encoding="utf-8")


class Late(BaseException):
    """It takes too long."""


@contextlib.contextmanager
def within(*, seconds):
    """End what hangs."""

    def end(*_):
        raise Late(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(name="look")
def _look():
    return look
