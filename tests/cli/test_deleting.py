import pytest
from typer.testing import CliRunner

import archbo as ab
from archbo.cli.main import app
from archbo.data import State
from archbo.errors import ConflictError, StoreError
from archbo.store import Store


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "tiny.db"
    with ab.Study(path, ab.Space(width=ab.Int(1, 99)), maximize="score", method="random") as study:
        study.run(lambda arch, trial: arch["width"] / 10, trials=4)
    return path


def states(file):
    with Store.open(file, read_only=True) as store:
        return [record.state for record in store.study().read()]


def delete(file, *arguments, answer=""):
    return CliRunner().invoke(
        app, ["delete", str(file), *arguments], input=answer, env={"COLUMNS": "200"}
    )


def test_it_shows_the_trials_and_asks_first(file):
    with Store.open(file) as store:
        first = store.study().read()[1]
    for answer in ("n\n", ""):
        refused = delete(file, "1", answer=answer)
        assert refused.exit_code == 1
        assert f"trial 1: finished, score {first.value:g}, width={first.architecture['width']}" in (
            refused.output
        )
        assert states(file) == [State.FINISHED] * 4
    done = delete(file, "1", "3", "1", answer="y\n")
    assert done.exit_code == 0
    assert "Delete them? [y/N]: y\nDeleted.\n" in done.output
    assert states(file) == [State.FINISHED, State.DELETED] * 2


def test_yes_asks_nothing(file):
    done = delete(file, "0", "--yes")
    assert done.exit_code == 0
    assert "?" not in done.output
    assert states(file)[0] is State.DELETED


def test_what_cannot_be_deleted_leaves_all_as_it_was(file):
    with Store.open(file) as store:
        store.study().delete(2)
    before = states(file)
    for number, kind, message in (
        ("9", StoreError, r"tiny\.db: no trial 9; there are 4, numbered from 0"),
        ("2", ConflictError, r"tiny\.db: trial 2 is deleted already"),
    ):
        error = delete(file, "0", number, "--yes").exception
        assert isinstance(error, kind)
        with pytest.raises(kind, match=message):
            raise error
    assert states(file) == before
    missing = delete(file.with_name("none.db"), "0", "--yes").exception
    with pytest.raises(StoreError, match="there is no such file"):
        raise missing
