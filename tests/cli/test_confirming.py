"""The commands `confirm` and `import` as a shell runs them, on trainings that are noise."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

PROGRAM = """
import os
import random
import time
import archbo as ab

space = ab.Space(width=ab.Int(4, 32), act=ab.Choice(["relu", "gelu"]))

def train(arch, trial):
    time.sleep(float(os.environ.get("TRAIN_SECONDS", "0")))
    return arch["width"] / 10 + random.Random(trial.seed).gauss(0, 0.3)

def convs(arch):
    return arch["width"] * 2

if __name__ == "__main__":
    study = ab.Study("tiny.db", space, maximize="score", method="random", features={"c": convs})
    study.add({"width": 4, "act": "relu"}, 0.1)
    study.run(train, trials=8)
    print("after", study.best.value)
"""


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A folder with a finished study in it."""
    path = tmp_path_factory.mktemp("searched")
    (path / "tiny.py").write_text(PROGRAM, encoding="utf-8")
    archbo(path, "run", "tiny.py")
    return path


@pytest.fixture
def folder(searched, tmp_path):
    """A copy of it, whose program is the copy's."""
    for name in ("tiny.py", "tiny.db"):
        shutil.copy(searched / name, tmp_path / name)
    return tmp_path


def command(*arguments):
    return [sys.executable, "-c", "from archbo.cli.main import main; main()", *arguments]


def archbo(folder, *arguments, code=0, **environment):
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "120"} | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def facts(folder):
    return json.loads(archbo(folder, "show", "tiny.db", "--json").stdout)


def test_the_best_are_confirmed_by_the_program_of_the_store(searched, tmp_path):
    shutil.copytree(searched, tmp_path / "x", dirs_exist_ok=True)
    said = archbo(searched, "confirm", "tiny.db", "--top", "2", "--repeats", "2").stdout
    assert "tiny: 13 trials, 9 of them done already" in said
    assert "Confirmed with new seeds" in said
    assert "after" not in said  # the program ends where its run would begin
    assert len(facts(searched)["confirmed"]) == 2
    again = archbo(searched, "confirm", "tiny.db", "--top", "2", "--repeats", "2").stdout
    assert said.partition("Confirmed")[2] == again.partition("Confirmed")[2]
    assert "Confirmed with new seeds" in archbo(searched, "show", "tiny.db").stdout
    assert "All 13 proposals are the same." in archbo(searched, "replay", "tiny.db").stdout
    shutil.copytree(tmp_path / "x", searched, dirs_exist_ok=True)


def test_a_budget_is_spent_by_workers(folder):
    said = archbo(folder, "confirm", "tiny.db", "--budget", "5", "--workers", "2",
                  "--program", "tiny.py").stdout  # fmt: skip
    assert "tiny: 14 trials" in said
    assert sum(len(m["trials"]) for m in facts(folder)["confirmed"]) == 5


def test_ctrl_c_says_how_to_go_on_and_the_same_command_does(folder):
    arguments = command("confirm", "tiny.db", "--program", "tiny.py", "--budget", "4")
    with subprocess.Popen(
        arguments,
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", "TRAIN_SECONDS": "0.4"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        said = ""
        for line in process.stdout:
            said += line
            if "10/13" in line:
                process.send_signal(signal.SIGINT)
    assert process.returncode == 130, said
    assert "The same command goes on from here." in said
    assert "Traceback" not in said
    archbo(folder, "confirm", "tiny.db", "--program", "tiny.py", "--budget", "4")
    assert sum(len(m["trials"]) for m in facts(folder)["confirmed"]) == 4


def test_results_are_imported_once_with_their_features(folder):
    (folder / "old.csv").write_text("width,act,score\n32,gelu,3.1\n9,relu,failed\n")
    arguments = ("import", "tiny.db", "old.csv", "--program", "tiny.py")
    assert "2 results are stored in tiny.db" in archbo(folder, *arguments).stdout
    assert "0 results are stored in tiny.db; 2 known before" in archbo(folder, *arguments).stdout
    found = facts(folder)
    assert found["origins"]["user"] == 3
    trial = json.loads(archbo(folder, "show", "tiny.db", "--trial", "9", "--json").stdout)
    assert (trial["features"], trial["attempt"]) == ({"c": 64.0}, 0)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["confirm", "nowhere.db"], "nowhere.db"),
        (["confirm", "tiny.db", "--program", "gone.py"], "gone.py: the study's program says how"),
        (["confirm", "tiny.db", "--program", "tiny.py", "--budget", "3", "--top", "2"],
         "a budget leaves open"),
        (["confirm", "moved.db", "--program", "tiny.py"],
         "moved.db: the program keeps its study elsewhere (tiny.db)"),
        (["confirm", "empty.db", "--program", "tiny.py"], "empty.db: no trial has finished"),
        (["import", "tiny.db", "gone.csv", "--program", "tiny.py"], "gone.csv: cannot read it"),
        (["import", "nowhere.db", "gone.csv"], "nowhere.db"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_exit_code_2(folder, arguments, reason):
    shutil.copy(folder / "tiny.db", folder / "moved.db")
    if "empty.db" in arguments:
        (folder / "empty.py").write_text(
            "import archbo as ab\nab.Study('empty.db', ab.Bool()).close()\n"
        )
        subprocess.run([sys.executable, "empty.py"], cwd=folder, check=True)
    done = archbo(folder, *arguments, code=2)
    assert reason in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_trainings_that_confirm_have_the_limits_of_others(folder):
    said = archbo(folder, "confirm", "tiny.db", "--top", "1", "--repeats", "3", "--retries", "0",
                  "--timeout", "0.5", "--failures", "1", TRAIN_SECONDS="30", code=1)  # fmt: skip
    assert "\n1 training has failed, the last one with: timed out after 0.5 s\n" in said.stdout
    assert [member["failed"] for member in facts(folder)["confirmed"]] == [1]


def test_confirmations_that_all_fail_are_exit_code_1(folder):
    text = PROGRAM.replace('arch["width"] / 10 +', "1 / 0 +")
    (folder / "tiny.py").write_text(text)
    said = archbo(folder, "confirm", "tiny.db", "--program", "tiny.py", "--top", "1",
                  "--repeats", "1", code=1).stdout  # fmt: skip
    assert "No training succeeded again." in said
