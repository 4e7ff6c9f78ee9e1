import sys

import pytest

from archbo.errors import ProgramError, SpaceError
from archbo.study.program import execute


@pytest.fixture
def program(tmp_path):
    def write(text, name="program.py"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_program_runs_as_main_with_its_arguments_and_its_neighbours(program, capsys):
    program("WORD = 'from next door'\n", "neighbour.py")
    path = program(
        "import sys, neighbour\n"
        "print(__name__, sys.argv, neighbour.WORD)\n"
        "print(sys.modules['__main__'].__file__ == __file__)\n"
    )
    before = sys.argv[:], sys.path[:]
    try:
        assert execute(path, ["--fast", "3"]) == 0
    finally:
        sys.modules.pop("neighbour", None)
    said = capsys.readouterr().out.splitlines()
    assert said == [f"__main__ {[str(path), '--fast', '3']} from next door", "True"]
    assert (sys.argv, sys.path) == before


def test_missing_program_is_named():
    with pytest.raises(ProgramError, match=r"nowhere\.py: there is no such program"):
        execute(__import__("pathlib").Path("nowhere.py"))


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("sys.exit()", 0),
        ("sys.exit(3)", 3),
        ("sys.exit('no data')", 1),
        ("raise SystemExit(130)", 130),
    ],
)
def test_exit_code_is_the_programs(program, capsys, end, code):
    assert execute(program(f"import sys\n{end}\n")) == code
    assert ("no data" in capsys.readouterr().err) is ("no data" in end)


def test_programs_own_error_has_a_traceback_of_the_program_alone(program, capsys):
    assert execute(program("def f():\n    return 1 / 0\nf()\n")) == 1
    said = capsys.readouterr().err
    assert "ZeroDivisionError" in said
    assert "program.py" in said
    assert "runpy" not in said


def test_syntax_error_is_shown_at_its_line(program, capsys):
    assert execute(program("x = = 1\n")) == 1
    said = capsys.readouterr().err
    assert "SyntaxError" in said
    assert "x = = 1" in said
    assert "runpy" not in said


def test_errors_of_archbo_pass_through(program):
    path = program("import archbo as ab\nab.Space(lr=ab.Float(0, 1, log=True))\n")
    with pytest.raises(SpaceError, match=r"lr: log scale"):
        execute(path)
