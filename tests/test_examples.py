"""The examples run from their first line to their last, in a short version."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from archbo.data import State
from archbo.store import Store

EXAMPLES = Path(__file__).parents[1] / "examples"
KILLED = "import torch\nfrom killing import kill_once\n"
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
    assert {p.name for p in EXAMPLES.glob("*.py")} == {
        "ask_tell.py",
        "digits.py",
        "digits_epochs.py",
    }


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


KILLING = """
import os, signal
from pathlib import Path

def kill_once(epoch):
    if epoch == 4 and not Path("killed").exists():
        Path("killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
"""


def short_trainings(folder, *changes):
    """The search of short trainings: of 2 or 6 epochs, in the program's own process."""
    folder.mkdir()
    shortened("digits.py", folder)
    fewer = ("ab.Epochs(3, 27)", "ab.Epochs(2, 6)"), ("budget=10, workers=2", "budget=3.6")
    return shortened("digits_epochs.py", folder, *fewer, *changes)


def trainings(folder):
    """What is stored of each training, but the times, the number of attempts, and by whom."""
    with closing(Store.open(folder / "digits-epochs.db", create=False)) as store:
        records = store.study().read()
    own = {"created": 0.0, "seconds": None, "attempt": 1, "worker": None}
    return [replace(record, **own) for record in records]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The trainings of a search that ran from its beginning to its end."""
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    folder = tmp_path_factory.mktemp("whole") / "run"
    said = run(folder, short_trainings(folder).name)
    assert said.startswith("Architecture(cell=[0→1 ")
    return trainings(folder)


def test_the_search_of_short_trainings_trains_the_best_of_them_in_full(uninterrupted):
    epochs = {len(record.reports) for record in uninterrupted}
    assert epochs == {2, 6}
    assert sum(record.state is State.FINISHED for record in uninterrupted) >= 1
    assert sum(record.state is State.PAUSED for record in uninterrupted) >= 2


def test_a_training_that_is_killed_goes_on_to_the_last_bit(tmp_path, uninterrupted):
    """Killed in the fourth of six epochs, where it is hardest: saved, and not yet reported."""
    place = "        value = accuracy("
    changes = (place, f"        kill_once(epoch)\n{place}"), ("import torch\n", KILLED)
    folder = tmp_path / "run"
    program = short_trainings(folder, *changes)
    (folder / "killing.py").write_text(KILLING)
    died = subprocess.run([sys.executable, program.name], cwd=folder, timeout=300)
    assert died.returncode == -signal.SIGKILL
    (cut,) = (record for record in trainings(folder) if record.state is State.RUNNING)
    assert len(cut.reports) == 3
    run(folder, program.name)
    assert trainings(folder) == uninterrupted


def test_the_loop_of_ones_own_runs(tmp_path):
    pytest.importorskip("sklearn")
    changes = [("range(1, 31)", "range(1, 8)"), ("range(20)", "range(2)")]
    program = shortened("ask_tell.py", tmp_path, *changes)
    said = run(tmp_path, program.name)
    assert said.count("Architecture(") == 8
    assert "% found" in said.splitlines()[-1]


def test_the_tutorial_runs_from_its_first_cell_to_its_last(tmp_path, monkeypatch):
    for package in ("torch", "sklearn", "pandas", "ipykernel"):
        pytest.importorskip(package)
    nbformat = pytest.importorskip("nbformat", reason="needs nbclient: pip install nbclient")
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient: pip install nbclient")
    beside = Path(sys.executable).parent  # where the command archbo is
    monkeypatch.setenv("PATH", os.pathsep.join([str(beside), os.environ["PATH"]]))
    notebook = nbformat.read(EXAMPLES / "tutorial.ipynb", as_version=4)
    assert all(cell.get("outputs", []) == [] for cell in notebook.cells), "clear its outputs"
    where = {"metadata": {"path": tmp_path}}
    nbclient.NotebookClient(notebook, timeout=300, resources=where).execute()
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    drawn = [out for out in outputs if "image/svg+xml" in out.get("data", {})]
    assert len(drawn) == 7  # three architectures, and the figures
    assert "The report is in tutorial.html" in [out.get("text", "").strip() for out in outputs]
    assert {"tutorial.db", "tutorial.html", "best.py"} <= {file.name for file in tmp_path.iterdir()}
