import pytest
from typer.testing import CliRunner

from archbo.cli.main import app


def invoke(*arguments):
    environment = {"COLUMNS": "100", "TERM": "dumb", "ARCHBO_DATA": ""}
    return CliRunner().invoke(app, list(arguments), env=environment)


@pytest.fixture
def command(tmp_path):
    settings = ["--methods", "random,evolution", "--trials", "12", "--seeds", "2"]
    return ["bench", "synthetic/20", *settings, "-o", str(tmp_path / "out")]


def test_a_run_says_what_came_out_and_where_it_is(command, tmp_path):
    result = invoke(*command)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].startswith("1/4  random on synthetic/20, seed 0: regret ")
    assert lines[3].startswith("4/4  evolution on synthetic/20, seed 1: regret ")
    assert "| random | 2 | " in result.output
    out = tmp_path / "out"
    assert {p.name for p in out.iterdir()} >= {
        "summary.md", "report.html", "rows.csv", "searches.jsonl"
    }  # fmt: skip
    assert (out / "summary.md").read_text() in result.output
    assert "regret, standard deviations" in (out / "report.html").read_text()


def test_the_same_command_goes_on_where_it_stopped(command):
    first = invoke(*command)
    again = invoke(*command)
    assert again.exit_code == 0
    assert "1/4" not in again.output
    assert first.output.endswith(again.output)


def test_a_search_that_fails_is_exit_code_1(tmp_path, recorded_trainings):
    """A peer cannot search a pool."""
    result = invoke(
        *("bench", "nas-bench-nlp", "--methods", "random,stdlib:random", "--trials", "3"),
        *("--seeds", "1", "--data", str(recorded_trainings), "-o", str(tmp_path / "out")),
    )
    assert result.exit_code == 1
    assert "stdlib:random on nas-bench-nlp, seed 0: failed: " in result.output
    assert "What failed" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["synthetic/x"], "no benchmark 'synthetic/x'"),
        (["nas-bench-101"], "nas-bench-101 needs recorded trainings"),
        (["synthetic/20", "--methods", "rando"], "no method 'rando'"),
        (["synthetic/20", "--peer-python", "optuna"], "expected library=interpreter"),
    ],
)
def test_wrong_input_says_so(arguments, words, tmp_path):
    result = invoke("bench", *arguments, "-o", str(tmp_path / "out"))
    assert result.exit_code == 1  # `main` makes it one line and 2
    assert words in str(result.exception)
    assert not (tmp_path / "out").exists()
