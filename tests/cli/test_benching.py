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


def test_a_budget_lets_methods_train_shortly_on_simulated_workers(tmp_path):
    out = tmp_path / "out"
    result = invoke(
        *("bench", "curves/crossing", "synthetic/20", "--methods", "asha,random"),
        *("--budget", "3", "--workers", "2", "--seeds", "2", "-o", str(out)),
    )
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].startswith("1/8  asha on curves/crossing, seed 0: regret ")
    assert "| normalised, a random network is 1 | regret 3 |" in result.output
    assert "| by time, 2 workers |" in result.output
    assert {p.name for p in out.iterdir()} >= {
        "summary.md", "report.html", "rows.csv", "budgets.jsonl"
    }  # fmt: skip
    page = (out / "report.html").read_text()
    assert "Against the budget" in page
    assert "3 full trainings, epochs as they go" in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--budget", "3", "--trials", "9"], "give one of --trials and --budget, not both"),
        (["--budget", "0"], "budget must be a positive number of full trainings, got 0"),
        (["--workers", "4"], "got workers=4, which are simulated under a budget only"),
    ],
)
def test_lengths_of_a_search_that_contradict_are_refused(arguments, words, tmp_path):
    result = invoke("bench", "synthetic/20", *arguments, "-o", str(tmp_path / "out"))
    assert result.exit_code in (1, 2)
    assert words in f"{result.output} {result.exception}"
    assert not (tmp_path / "out").exists()


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
