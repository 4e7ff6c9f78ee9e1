"""The examples run from their first line to their last, in a short version."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
ARCHBO = "from archbo.cli.main import main; main()"


def shortened(name, folder, *changes):
    """An example with some texts replaced, written to a folder."""
    text = (EXAMPLES / name).read_text()
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    program = folder / name
    program.write_text(text)
    return program


def run(folder, *arguments):
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_tested():
    assert {p.name for p in EXAMPLES.glob("*.py")} == {"digits.py", "ask_tell.py"}


def test_the_search_with_training_runs_in_the_shell(tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    program = shortened("digits.py", tmp_path, ("EPOCHS = 30", "EPOCHS = 3"))
    options = ["--trials", "2", "--workers", "1"]
    said = run(tmp_path, "-c", ARCHBO, "run", program.name, *options)
    assert "2/2  trial 1: accuracy 0." in said
    assert "found by archbo" in said
    assert "The cell found: [(0, 1, '" in said
    assert run(tmp_path, "-c", ARCHBO, "report", "digits.db") == "The report is in report.html\n"
    said = run(tmp_path, "-c", ARCHBO, "export", "digits.db", "-o", "best.py")
    assert "its weights are in best.pt" in said
    assert "were compared with the program's network: the same" in said
    shape = "print(tuple(best.load()(torch.zeros(5, 1, 8, 8)).shape))"
    assert run(tmp_path, "-c", f"import best, torch; {shape}") == "(5, 10)\n"


def test_the_loop_of_ones_own_runs(tmp_path):
    pytest.importorskip("sklearn")
    changes = [("range(1, 31)", "range(1, 8)"), ("range(20)", "range(2)")]
    program = shortened("ask_tell.py", tmp_path, *changes)
    said = run(tmp_path, program.name)
    assert said.count("Architecture(") == 8
    assert "% found" in said.splitlines()[-1]
