import sqlite3
import subprocess
import sys

import pytest
from sqlalchemy import event

from archbo.data import State
from archbo.store import Store
from archbo.testing.store import StoreLaws, new_trial

# The setting of the subprocesses: a study at sys.argv[1].
PROGRAM = """
import sys
from archbo.store import Store
from archbo.testing.store import new_trial
"""


def start(program: str, *args: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROGRAM + program, *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "digits.db"


class TestSqliteFile(StoreLaws):
    @pytest.fixture
    def store(self, file):
        with Store.open(file) as store:
            yield store


class TestMemory(StoreLaws):
    @pytest.fixture
    def store(self):
        with Store.open(None) as store:
            yield store


def test_a_file_reads_back_after_it_was_closed(file):
    with Store.open(file) as store:
        study = store.create_study({"seed": 3})
        study.add_trial(new_trial())
        study.add_report(0, 1, 0.5)
        records = study.read()
    with Store.open(str(file), create=False) as store:
        assert store.study().settings == {"seed": 3}
        assert store.study().read() == records


def test_no_trial_in_memory_is_shared_between_stores():
    with Store.open(None) as a, Store.open(None) as b:
        a.create_study({})
        assert b.studies() == []


def test_reading_takes_three_queries_however_many_trials(file):
    with Store.open(file) as store:
        study = store.create_study({})
        study.add_trials([new_trial() for _ in range(50)])
        for number in range(50):
            study.add_report(number, 1, 0.5)
        asked: list[str] = []
        event.listen(
            store._database._engine,
            "before_cursor_execute",
            lambda _c, _cursor, statement, *_: asked.append(statement),
        )
        study.read()
        assert [s.split()[0] for s in asked] == ["BEGIN", "SELECT", "SELECT", "SELECT"]


WRITES_FOR_EVER = """
study = Store.open(sys.argv[1]).create_study({})
for number in range(10**6):
    study.add_trial(new_trial())
    for epoch in range(1, 4):
        study.add_report(number, epoch, number + epoch / 10)
    study.finish(number, number, seconds=1)
    print(number, flush=True)
"""


def test_killed_in_the_midst_of_writing_keeps_all_that_was_committed(file):
    with start(WRITES_FOR_EVER, file) as writer:
        for expected in range(10):
            assert line(writer) == str(expected)
        writer.kill()
        assert writer.stdout is not None
        printed = [*range(10), *map(int, writer.stdout.read().split())]

    with sqlite3.connect(file) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    raw.close()
    with Store.open(file, create=False) as store:
        study = store.study()
        trials = study.read()
        assert [t.number for t in trials] == list(range(len(trials)))
        finished = [t for t in trials if t.state is State.FINISHED]
        assert len(finished) >= len(printed)
        assert len(trials) - len(finished) <= 1  # at most the one that was cut
        for trial in finished:
            assert trial.value == trial.number
            assert [r.epoch for r in trial.reports] == [1, 2, 3]
        study.add_trial(new_trial())  # and it goes on
        assert len(study.read()) == len(trials) + 1


def test_another_process_reads_whole_trials_while_one_writes(file):
    writer = start(WRITES_FOR_EVER, file)
    assert line(writer) == "0"
    with Store.open(file, create=False) as store:
        study = store.study()
        version, seen = 0, 0
        while seen < 15:
            changes = study.changes(version)
            version = changes.version
            for trial in changes.records:
                if trial.state is State.FINISHED:
                    assert trial.value == trial.number
                    assert len(trial.reports) == 3
                    seen += 1
    writer.kill()
    writer.communicate()


def test_two_processes_write_to_one_file(file):
    with Store.open(file) as store:
        study = store.create_study({})
        add = 'study = Store.open(sys.argv[1]).study()\nprint("ready", flush=True); input()\n'
        add += "for _ in range(40): study.add_trial(new_trial())"
        writers = [start(add, file) for _ in range(2)]
        for writer in writers:
            assert line(writer) == "ready"
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("\n")
            writer.stdin.flush()
        for writer in writers:
            writer.communicate()
            assert writer.returncode == 0
        assert [t.number for t in study.read()] == list(range(80))


def test_many_processes_make_the_same_file_at_once(file):
    openers = [start("Store.open(sys.argv[1]); print('opened')", file) for _ in range(4)]
    assert [opener.communicate()[0].strip() for opener in openers] == ["opened"] * 4
