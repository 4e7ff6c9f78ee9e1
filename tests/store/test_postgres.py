"""PostgreSQL as a store, on a server of its own."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

import archbo as ab
from archbo.data import State
from archbo.errors import MismatchError, StoreError
from archbo.store import Store, migrations
from archbo.store.schema import metadata
from archbo.testing.store import StoreLaws, new_trial

PROGRAM = """
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier
import archbo as ab

space = ab.Space(
    cell=ab.EdgeCell(nodes=4, ops=["none", "skip_connect", "conv_1x1", "conv_3x3"]),
    lr=ab.Float(1e-4, 1e-1, log=True),
)

def train(arch, trial):
    value = sum(op == "conv_3x3" for *_, op in arch["cell"]) - abs(arch["lr"] - 0.01)
    for epoch in range(trial.epochs_done + 1, trial.epochs + 1):
        trial.report(epoch, value * epoch / trial.epochs)
    return value

if __name__ == "__main__":
    study = ab.Study(sys.argv[1], space, maximize="accuracy", seed=0, epochs=2)
    study.run(train, trials=int(sys.argv[2]), workers=2)
"""


class TestPostgres(StoreLaws):
    @pytest.fixture
    def store(self, postgres_url):
        with Store.open(postgres_url) as store:
            yield store


@pytest.fixture
def program(tmp_path):
    file = tmp_path / "search.py"
    file.write_text(PROGRAM, encoding="utf-8")
    return file


def python(*arguments, code=0):
    """What a process says that ends with this code."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def archbo(*arguments):
    return python("-c", "from archbo.cli.main import main; main()", *arguments)


def test_the_migrations_build_the_tables_of_the_schema(postgres_url):
    with Store.open(postgres_url) as store, store._database.writing() as connection:
        options = {"version_table": migrations.VERSION_TABLE}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_a_study_is_run_in_two_parts_shown_and_replayed(postgres_url, program):
    python(program, postgres_url, 5)
    python(program, postgres_url, 12)
    with Store.open(postgres_url, create=False) as store:
        records = store.study().read()
    assert [record.number for record in records] == list(range(12))
    assert {record.state for record in records} == {State.FINISHED}
    assert [len(record.reports) for record in records] == [2] * 12
    assert any(record.pending for record in records)

    facts = json.loads(archbo("show", postgres_url, "--json"))
    assert facts["trials"]["finished"] == 12
    assert facts["incumbent"]["value"] == max(record.value for record in records)
    assert "All 12 proposals are the same." in archbo("replay", postgres_url, "--verify")


def test_a_program_of_another_seed_is_refused(postgres_url, program):
    python(program, postgres_url, 3)
    space = ab.Space(a=ab.Int(1, 3))
    with pytest.raises(MismatchError, match="space"):
        ab.Study(postgres_url, space, maximize="accuracy", seed=0)


def test_a_database_that_is_not_there_says_so(postgres_server):
    with pytest.raises(StoreError, match='database "nothing" does not exist'):
        Store.open(postgres_server.url("nothing"))


def test_an_empty_database_becomes_a_store_only_when_asked(postgres_url):
    with pytest.raises(StoreError, match="there is no study in this database"):
        Store.open(postgres_url, create=False)


def test_other_tables_in_the_database_are_left_alone(postgres_url):
    with Store.open(postgres_url) as store:
        study = store.create_study({})
        study.add_trial(new_trial())
        with store._database.writing() as connection:
            connection.exec_driver_sql("CREATE TABLE budgets (year INTEGER)")
    with Store.open(postgres_url, create=False) as store:
        assert len(store.study().read()) == 1


def test_of_several_that_end_a_trial_at_once_one_does(postgres_url):
    with ExitStack() as stack:
        stores = [stack.enter_context(Store.open(postgres_url)) for _ in range(4)]
        stores[0].create_study({})
        studies = [store.study() for store in stores]
        pool = stack.enter_context(ThreadPoolExecutor(len(studies)))
        together = Barrier(len(studies))
        for trial in range(10):
            studies[0].add_trial(new_trial())

            def end(which, trial=trial):
                together.wait()
                try:
                    studies[which].finish(trial, which, seconds=1)
                except StoreError as error:
                    assert "is finished, not running" in str(error)  # noqa: PT017
                    return None
                return which

            ended = [which for which in pool.map(end, range(len(studies))) if which is not None]
            assert [studies[0].read()[trial].value] == ended


def test_trials_that_several_add_at_once_have_numbers_of_their_own(postgres_url):
    with ExitStack() as stack:
        stores = [stack.enter_context(Store.open(postgres_url)) for _ in range(4)]
        stores[0].create_study({})
        studies = [store.study() for store in stores]
        pool = stack.enter_context(ThreadPoolExecutor(len(studies)))

        def add(study):
            return [study.add_trial(new_trial()).number for _ in range(20)]

        numbers = [number for found in pool.map(add, studies) for number in found]
        assert sorted(numbers) == list(range(80))
        assert [trial.number for trial in studies[0].read()] == list(range(80))
