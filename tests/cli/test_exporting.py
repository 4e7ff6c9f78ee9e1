"""`archbo export` on a real small study: what it writes is the network that was trained."""

import json
import shutil
import subprocess
import sys
from contextlib import closing

import pytest
from typer.testing import CliRunner

from archbo.cli.main import app
from archbo.data import Proposal
from archbo.errors import ArchboError
from archbo.spaces import from_dict
from archbo.store import NewTrial, Store
from archbo.study.networks import trial_network

pytest.importorskip("torch")

PROGRAM = """
import torch
from torch import nn
import archbo as ab

torch.set_num_threads(1)
space = ab.Space(
    cell=ab.EdgeCell(nodes=3, ops=["none", "skip_connect", "conv_3x3"]), width=ab.Int(2, 6)
)
x = torch.randn(4, 1, 6, 6, generator=torch.Generator().manual_seed(0))

def build(arch):
    layers = nn.Conv2d(1, arch["width"], 3), ab.torch.cell(arch["cell"], arch["width"])
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * arch["width"], 1))

def words(arch):
    return "no module"

def train(arch, trial):
    torch.manual_seed(trial.seed)
    model = build(arch)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    for _ in range(2):
        optimizer.zero_grad()
        model(x).square().sum().backward()
        optimizer.step()
    if trial.number != 1:
        trial.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()})
    with torch.no_grad():
        return model.eval()(x).sum()

if __name__ == "__main__":
    ab.Study("tiny.db", space, maximize="total", seed=3, method="random").run(train, trials=3)
"""

LOADED = """
import sys
from contextlib import closing
sys.modules["archbo"] = None
import torch, best
x = torch.randn(4, 1, 6, 6, generator=torch.Generator().manual_seed(0))
print(best.__doc__)
print("total", best.load()(x).sum().item())
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a finished study in it."""
    path = tmp_path_factory.mktemp("export")
    (path / "tiny.py").write_text(PROGRAM, encoding="utf-8")
    python(path, "-c", "from archbo.cli.main import main; main()", "run", "tiny.py")
    return path


def python(folder, *arguments):
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def invoke(folder, monkeypatch):
    """Run a command in the folder; what it says, or its error."""
    monkeypatch.chdir(folder)

    def call(*arguments):
        result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "TERM": "dumb"})
        if isinstance(result.exception, ArchboError):
            return f"Error: {result.exception}"
        return " ".join(result.output.replace("│", " ").split())

    return call


def test_the_best_network_has_its_weights_and_gives_the_value_that_was_stored(invoke, folder):
    best = json.loads(invoke("show", "tiny.db", "--json"))
    said = invoke("export", "tiny.db", "--trial", "best", "--inputs", "1,6,6", "-o", "best.py")
    assert "is in best.py, its weights are in best.pt" in said
    assert "were compared with the program's network: the same" in said
    about, _, total = python(folder, "-c", LOADED).rpartition("total ")
    assert float(total) == pytest.approx(best["incumbent"]["value"], rel=1e-5)
    assert "The best network of the study tiny: total" in about
    assert "Built by build in tiny.py, written by archbo" in about


def test_a_trial_that_saved_nothing_gives_its_network_untrained(invoke, folder):
    said = invoke("export", "tiny.db", "--trial", "1", "-o", "plain.py")
    assert "The network of trial 1 is in plain.py, without trained weights" in said
    assert "were not compared: say what goes in, as --inputs 3,32,32" in said
    assert "def load" not in (folder / "plain.py").read_text()


def test_weights_of_another_network_are_refused(invoke, folder):
    changed = PROGRAM.replace("nn.Conv2d(1, arch", "nn.Conv2d(1, 1 + arch").replace(
        'arch["cell"], arch["width"]', 'arch["cell"], 1 + arch["width"]'
    ).replace('16 * arch["width"]', '16 * (1 + arch["width"])')  # fmt: skip
    (folder / "changed.py").write_text(changed, encoding="utf-8")
    said = invoke("export", "tiny.db", "--trial", "0", "--program", "changed.py")
    assert "the saved state is not this network's" in said


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nowhere.db"], "nowhere.db"),
        (["tiny.db", "--trial", "99"], "no trial 99; there are 3, numbered from 0"),
        (["tiny.db", "--trial", "first"], "expected the number of a trial, or best"),
        (["tiny.db", "--build", "bild"], "there is no function 'bild' at the top level. Did you"),
        (["tiny.db", "--build", "words"], "words in tiny.py: expected a torch.nn.Module, got str"),
        (["tiny.db", "--program", "other.py"], "and the program that defines them is not here"),
        (["tiny.db", "-o", "best.html"], "there is no format '.html'"),
        (["tiny.db", "--inputs", "3x4"], "expected sizes such as 3,32,32"),
    ],
)
def test_bad_input_says_what_is_wrong(invoke, arguments, reason):
    said = invoke("export", *arguments)
    assert reason in said


def test_a_study_without_a_program_is_built_with_the_usual_skeleton(tmp_path):
    code = (
        "import archbo as ab\n"
        "space = ab.EdgeCell(nodes=2, ops=['conv_1x1'])\n"
        "ab.Study('tiny.db', space, maximize='total').run(lambda arch, trial: 1.0, trials=1)\n"
    )
    python(tmp_path, "-c", code)
    found = trial_network(tmp_path / "tiny.db", [0])
    assert found.builder == "archbo.torch.build"
    assert found.network.inputs == (3, 32, 32)
    assert found.state is None


def test_the_winner_among_those_trained_again_goes_before_a_lucky_one(invoke, folder, tmp_path):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    with closing(Store.open(tmp_path / "tiny.db")) as store:
        study = store.study()
        worst = min(study.read(), key=lambda record: record.value)
        space = from_dict(study.settings["space"])
        again = Proposal(space.architecture(worst.architecture), "confirm")
        study.add_trials([NewTrial(again, value=worst.value)])
    said = invoke("export", str(tmp_path / "tiny.db"), "-o", str(tmp_path / "net.py"))
    assert f"The network of trial {worst.number} is in" in said
    assert "the mean of 2 trainings." in (tmp_path / "net.py").read_text()
