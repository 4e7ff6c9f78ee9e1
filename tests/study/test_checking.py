"""A check of a program's study: it runs up to `study.run`, and nothing stays behind."""

import sys
from pathlib import Path

import pytest

from archbo.errors import ProgramError
from archbo.store import Store
from archbo.study.checking import check_program
from archbo.study.program import execute

PROGRAM = """
import archbo as ab

space = ab.Space(width=ab.Int(1, 30), op=ab.Choice(["a", "b"]))

def width(arch):
    return arch["width"]

def train(arch, trial):
    return arch["width"] / 30

if __name__ == "__main__":
    study = ab.Study("s.db", space, maximize="accuracy", method="random",
                     features={"width": width}, constraints={"width": "LIMIT"})
    study.run(train, trials=3)
    print("after the run")
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(limit="<= 20", text=PROGRAM):
        path = Path("program.py")
        path.write_text(text.replace("LIMIT", limit), encoding="utf-8")
        return path

    return write


def test_nothing_is_trained_or_stored(program, capsys):
    checked = check_program(program())
    assert checked.result.ok
    assert checked.objective.name == "accuracy"
    assert not Path("s.db").exists()
    assert "after the run" not in capsys.readouterr().out


def test_stored_trials_are_read_and_left_alone(program):
    execute(program())
    with Store.open("s.db") as store:
        before = store.study().read()
    checked = check_program(program())
    assert checked.result.epoch.trials == 3
    with Store.open("s.db") as store:
        assert store.study().read() == before


def test_another_stored_study_is_a_warning(program):
    execute(program())
    checked = check_program(program("<= 25"))
    assert checked.result.ok
    (warning,) = checked.result.findings
    assert warning.kind == "warning"
    assert "s.db: constraints: the stored study is another one" in warning.text


def test_constraint_that_nothing_meets_is_an_error_beside_all_else(program):
    checked = check_program(program("> 30"))
    assert not checked.result.ok
    assert checked.result.size.members == 60
    (error,) = checked.result.findings
    assert "no architecture found that meets width > 30 (the closest found: 30)" in error.text


def test_start_that_breaks_a_constraint_is_an_error(program):
    text = PROGRAM.replace("features=", 'start=[{"width": 29, "op": "a"}], features=')
    result = check_program(program(text=text)).result
    assert not result.ok
    assert "start[0]" in result.findings[0].text


def test_program_that_crashes_gives_its_exit_code(program, capsys):
    assert check_program(program(text="1 / 0")) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_program_without_a_study_is_an_error(program):
    with pytest.raises(ProgramError, match=r"without a call of study\.run"):
        check_program(program(text="print('hello')"))


def test_function_that_is_not_there_is_an_error(program):
    with pytest.raises(ProgramError, match="there is no function 'builds'"):
        check_program(program(), build="builds")


def test_functions_find_what_lies_beside_the_program(program, tmp_path):
    # an import inside a function, which runs after the program came to its study
    (tmp_path / "beside_the_program.py").write_text("LIMIT = 7\n", encoding="utf-8")
    text = PROGRAM.replace(
        'return arch["width"]\n', 'import beside_the_program\n    return arch["width"]\n', 1
    )
    assert str(tmp_path) not in sys.path
    checked = check_program(program(text=text))
    assert checked.result.ok
