import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import archbo as ab
from archbo.data import State, TrialRecord
from archbo.errors import ProblemError, StoreError
from archbo.problem import Objective
from archbo.study.files import Keep, StateFiles

SPACE = ab.Space(a=ab.Int(1, 50))
PROGRAM = Path(__file__).with_name("saving.py")
MOST = Objective("a", maximize=True)
LEAST = Objective("a", maximize=False)


def trained(number, key, value, state=State.FINISHED):
    return TrialRecord(number, key, {}, state, "model", value)


HISTORY = [
    trained(0, "a", 0.5),
    trained(1, "b", 0.9),
    trained(2, "a", 0.8),  # a: 0.65
    trained(3, "c", 0.7),
    trained(4, "d", None, State.FAILED),
    trained(5, "e", None, State.RUNNING),
]
SIZES = dict.fromkeys(range(5), 1_000_000)


@pytest.mark.parametrize(
    ("rule", "objective", "kept"),
    [
        (Keep(1), MOST, {1}),
        (Keep(2), MOST, {1, 3}),
        (Keep(3), MOST, {0, 1, 2, 3}),
        (Keep(1), LEAST, {0, 2}),
        (Keep(None), MOST, {0, 1, 2, 3}),
        (Keep(3, 2), MOST, {1, 3}),
        (Keep(3, 3.5), MOST, {1, 3}),
        (Keep(None, 4), MOST, {0, 1, 2, 3}),
        (Keep(3, 0.1), LEAST, {0, 2}),  # the incumbent's stay, however large
    ],
)
def test_the_best_stay_as_far_as_they_fit(rule, objective, kept):
    assert rule.kept(HISTORY, objective, SIZES) == kept


def test_the_best_that_was_confirmed_stays_beside_the_incumbent():
    confirming = TrialRecord(6, "a", {}, State.FINISHED, "confirm", 0.6)
    assert Keep(1).kept([*HISTORY, confirming], MOST, SIZES) == {0, 1, 2, 6}


def test_a_rule_that_makes_no_sense_is_refused():
    with pytest.raises(ProblemError, match="top must be a whole number from 1, got 0"):
        Keep(0)
    with pytest.raises(ProblemError, match="megabytes must be a positive number, got -1"):
        Keep(3, -1)


def saves(arch, trial):
    trial.save(bytes([arch["a"]]) * 1000)
    if arch["a"] % 5 == 0:
        raise ValueError("diverged")
    return arch["a"]


def saved(study):
    return {r.number for r in study.trials if study.state_file(r.number)}


def test_each_trial_has_its_file_beside_the_store(tmp_path):
    with ab.Study(tmp_path / "s.db", SPACE, maximize="a", method="random") as study:
        study.run(saves, trials=6)
        assert saved(study) == set(range(6))
        assert study.state_file(2) == tmp_path / "s.files" / "2" / "state.bin"
        assert study.state_file(2).read_bytes()[0] == study.trials[2].architecture["a"]
        assert study.state_file(99) is None


def test_a_study_that_is_no_file_keeps_files_where_it_is_told(tmp_path):
    with ab.Study(None, SPACE, maximize="a", method="random") as study:
        with pytest.warns(UserWarning, match=r"all 1 trials failed.*trial\.save"):
            study.run(saves, trials=1)
        assert study.state_file(0) is None
        with pytest.raises(ProblemError, match="save_best: the study has no folder for files"):
            study.save_best()
    with ab.Study(None, SPACE, maximize="a", method="random", files=tmp_path / "x") as study:
        study.run(saves, trials=2)
        assert (tmp_path / "x" / "1" / "state.bin").is_file()


def test_the_files_of_a_stored_study_are_found_from_its_settings(tmp_path):
    study = ab.Study(tmp_path / "s.db", SPACE, files=tmp_path / "elsewhere")
    study.close()
    with ab.Study(tmp_path / "s.db", SPACE) as again:  # its files are named, not compared
        found = StateFiles.of(again._database, again.store.settings)
        assert found.folder == tmp_path / "elsewhere"


def test_a_new_study_never_reads_an_older_ones_states(tmp_path):
    with ab.Study(tmp_path / "s.db", SPACE, maximize="a", method="random") as study:
        study.run(saves, trials=2)
    (tmp_path / "s.db").unlink()
    for _ in range(2):
        with pytest.raises(StoreError, match=r"s\.files: this folder holds the saved states of an"):
            ab.Study(tmp_path / "s.db", SPACE, maximize="a", method="random")


def test_the_rule_is_kept_while_the_study_goes_on_and_after(tmp_path):
    with ab.Study(tmp_path / "s.db", SPACE, maximize="a", method="random") as study:
        study.save_best(2)
        seen = []
        study.run(lambda arch, trial: seen.append(saved(study)) or saves(arch, trial), trials=12)
        assert max(map(len, seen)) <= 3
        finished = [r for r in study.trials if r.value is not None]
        best = sorted(finished, key=lambda r: -r.value)
        assert saved(study) == {r.number for r in best[:2]}
        study.save_best(1)
        assert saved(study) == {best[0].number}


def test_other_folders_are_left_alone(tmp_path):
    with ab.Study(tmp_path / "s.db", SPACE, maximize="a", method="random") as study:
        (tmp_path / "s.files" / "2024").mkdir(parents=True)
        (tmp_path / "s.files" / "notes").mkdir()
        study.save_best(1)
        study.run(saves, trials=3)
        assert {"2024", "notes"} < {path.name for path in (tmp_path / "s.files").iterdir()}


def run(file, **environment):
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), str(file)],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_killed_training_goes_on_from_its_state_and_the_rule_holds_again(tmp_path):
    """Workers save after each epoch; the driver is killed while both are in their third."""
    pytest.importorskip("torch")
    file = tmp_path / "s.db"
    with run(file, PAUSE="3") as process:
        for _ in range(600):
            if all((tmp_path / f"{n}.3").exists() for n in range(2)):
                break
            time.sleep(0.05)
        process.kill()
    done = run(file)
    _, err = done.communicate()
    assert err == ""
    with ab.Study(file, SPACE, maximize="a", method="random", epochs=4) as study:
        assert len(study.trials) == 5
        for number in range(2):
            epochs = (tmp_path / f"{number}.log").read_text().split()
            assert epochs == ["1", "2", "3", "4"]  # each epoch was trained once, over two attempts
            assert study.trials[number].attempt == 2
        best = max(study.trials, key=lambda r: r.value)
        assert saved(study) == {best.number}
