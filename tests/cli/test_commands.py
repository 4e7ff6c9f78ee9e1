"""The commands as a shell runs them, on a search whose trainings are a formula."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest

PROGRAM = """
import sys
import archbo as ab

space = ab.Space(
    cell=ab.EdgeCell(nodes=3, ops=["none", "conv", "pool"]),
    width=ab.Int(4, 32),
)

def train(arch, trial):
    if arch["width"] % 8 == 7:
        raise RuntimeError("width <b>7</b> does not fit")
    convs = sum(op == "conv" for _, _, op in arch["cell"])
    for epoch in range(trial.epochs_done + 1, trial.epochs + 1):
        trial.report(epoch, convs + arch["width"] / 100 - 1 / epoch)
    return convs + arch["width"] / 100

if __name__ == "__main__":
    study = ab.Study("tiny.db", space, maximize="score", seed=3, method="random", epochs=3)
    study.run(train, trials=6)
    print("program:", study.best.value, sys.argv[1:])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a finished study of six trials in it."""
    path = tmp_path_factory.mktemp("cli")
    (path / "tiny.py").write_text(PROGRAM, encoding="utf-8")
    archbo(path, "run", "tiny.py")
    return path


def command(*arguments):
    return [sys.executable, "-c", "from archbo.cli.main import main; main()", *arguments]


def surroundings():
    return os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "100", "PYTHONUNBUFFERED": "1"}


def archbo(folder, *arguments, code=0):
    """Run a command; its output, checked for its exit code."""
    done = subprocess.run(
        command(*arguments), cwd=folder, env=surroundings(), capture_output=True, text=True
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_run_reports_each_trial_and_where_the_result_is(tmp_path):
    (tmp_path / "tiny.py").write_text(PROGRAM, encoding="utf-8")
    said = archbo(tmp_path, "run", "tiny.py", "--", "--fast").stdout
    assert "tiny: 6 trials" in said
    assert len(re.findall(r"^\d/6  trial \d: ", said, re.MULTILINE)) == 6
    assert "program: " in said
    assert "['--fast']" in said
    assert "archbo show tiny.db" in said


def test_options_replace_what_the_program_says_and_workers_find_its_functions(tmp_path):
    (tmp_path / "tiny.py").write_text(PROGRAM, encoding="utf-8")
    said = archbo(tmp_path, "run", "tiny.py", "--trials", "4", "--workers", "2").stdout
    assert "tiny: 4 trials" in said
    assert "failed: " not in said or "does not fit" in said
    facts = json.loads(archbo(tmp_path, "show", "tiny.db", "--json").stdout)
    assert sum(facts["trials"].values()) == 4
    assert facts["trials"]["finished"] > 0


LIMITED = PROGRAM.replace(
    """    convs = sum(""",
    """    import os, signal
    print(f"attempt {trial.attempt} on GPU {os.environ['CUDA_VISIBLE_DEVICES']}")
    if trial.attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    convs = sum(""",
)


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    """A folder with a study whose trainings had limits, and what its run said."""
    path = tmp_path_factory.mktemp("limited")
    (path / "tiny.py").write_text(LIMITED, encoding="utf-8")
    options = "--failures 1 --retries 2 --gpus-per-trial 1 --env CUDA_VISIBLE_DEVICES=7 --hours 9"
    return path, archbo(path, "run", "tiny.py", "-n", "30", *options.split(), "--memory", "2GB")


def test_limits_from_the_shell_hold_and_the_end_says_why(limited):
    folder, done = limited
    assert "1 training has failed, the last one with: RuntimeError: width" in done.stdout
    facts = json.loads(archbo(folder, "show", "tiny.db", "--trial", "0", "--json").stdout)
    assert facts["state"] == "finished"
    assert facts["attempt"] == 2
    assert "attempt 1" not in done.stdout + done.stderr


def test_the_log_of_a_trial_is_shown(limited):
    folder, _ = limited
    shown = archbo(folder, "show", "tiny.db", "--trial", "0").stdout
    assert "What it printed: archbo show tiny.db --trial 0 --log" in shown
    log = archbo(folder, "show", "tiny.db", "--trial", "0", "--log").stdout
    begun, *lines = log.splitlines()
    assert re.fullmatch(r"--- trial 0, attempt 1: begun \S+ \S+, process \d+ on \S+ ---", begun)
    assert lines[0] == "attempt 1 on GPU 7"
    assert lines[1].startswith("--- trial 0, attempt 1: killed by signal 9 (SIGKILL) after ")
    assert lines[3] == "attempt 2 on GPU 7"
    as_json = archbo(folder, "show", "tiny.db", "--trial", "0", "--log", "--json").stdout
    assert json.loads(as_json) == {"trial": 0, "log": log}


def test_a_trial_without_a_log_says_where_there_are_some(folder):
    said = archbo(folder, "show", "tiny.db", "--trial", "2", "--log", code=2).stderr
    assert "Error: tiny.db: trial 2 has no log. There is one where a study keeps files" in said
    assert "--log" not in archbo(folder, "show", "tiny.db", "--trial", "2").stdout


SHORT = PROGRAM.replace(
    'method="random", epochs=3', 'method="asha", fidelity=ab.Epochs(1, 9)'
).replace("study.best.value", "len(study.trials)")


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """A folder with a study of short trainings, and what its run said."""
    path = tmp_path_factory.mktemp("short")
    (path / "tiny.py").write_text(SHORT, encoding="utf-8")
    return path, archbo(path, "run", "tiny.py", "--budget", "4").stdout


def test_a_budget_replaces_what_the_program_says_and_is_shown_as_it_is_spent(short):
    folder, said = short
    assert "tiny: a budget of 4 full trainings" in said
    assert re.search(
        r"^0\.1/4\.0  trial \d+: score \S+ paused at 1 of 9 epochs", said, re.MULTILINE
    )
    assert re.search(r"^4\.\d/4\.0  trial ", said, re.MULTILINE)
    assert re.search(r"^\d+ epochs, where the same networks in full", said, re.MULTILINE)
    facts = json.loads(archbo(folder, "show", "tiny.db", "--json").stdout)
    assert facts["trials"]["paused"] > facts["trials"]["finished"] > 0
    assert 20 < facts["fidelity"]["trained"] < 36 + 9  # some fail at once


def test_a_budget_goes_on_and_is_counted_with_what_was_spent_before(tmp_path):
    (tmp_path / "tiny.py").write_text(SHORT, encoding="utf-8")
    archbo(tmp_path, "run", "tiny.py", "--budget", "1")
    said = archbo(tmp_path, "run", "tiny.py", "-b", "1.5").stdout
    assert re.search(r"a budget of 1\.5 full trainings, 1\.\d of them spent already", said)


def test_trainings_none_of_which_was_in_full_are_no_failure(tmp_path):
    (tmp_path / "tiny.py").write_text(SHORT, encoding="utf-8")
    said = archbo(tmp_path, "run", "tiny.py", "--budget", "0.3").stdout
    assert "No training was a full one; a larger budget trains the best in full." in said
    said = archbo(tmp_path, "show", "tiny.db").stdout
    assert "The best learning curves: score by epochs" in said


def test_budget_and_trials_exclude_each_other(short):
    folder, _ = short
    done = archbo(folder, "run", "tiny.py", "--budget", "4", "--trials", "9", code=2)
    assert "give --trials or --budget, not both" in " ".join(done.stderr.replace("│", "").split())


def test_short_trainings_are_shown_replayed_and_checked_like_others(short):
    folder, _ = short
    facts = json.loads(archbo(folder, "show", "tiny.db", "--json").stdout)
    said = archbo(folder, "show", "tiny.db").stdout
    assert "How far trainings went" in said
    assert f"{facts['fidelity']['saved']:.0%} saved" in said
    assert "proposals are the same." in archbo(folder, "replay", "tiny.db", "--verify").stdout
    archbo(folder, "report", "tiny.db")
    assert "paused at 1 of 9 epochs" in (folder / "report.html").read_text(encoding="utf-8")
    assert (
        "Nothing stands in the way." in archbo(folder, "check", "tiny.py", "--seconds", "3").stdout
    )


def test_ctrl_c_says_how_to_go_on_and_the_same_command_does(tmp_path):
    slow = PROGRAM.replace("    convs =", "    import time\n    time.sleep(0.3)\n    convs =")
    (tmp_path / "tiny.py").write_text(slow, encoding="utf-8")
    said = ""
    with subprocess.Popen(
        command("run", "tiny.py"),
        cwd=tmp_path,
        env=surroundings(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout:
            said += line
            if "1/6" in line:
                process.send_signal(signal.SIGINT)
    assert process.returncode == 130
    assert "The same command goes on from here." in said
    assert "Traceback" not in said
    archbo(tmp_path, "run", "tiny.py")
    facts = json.loads(archbo(tmp_path, "show", "tiny.db", "--json").stdout)
    assert facts["trials"]["running"] == 0
    assert sum(facts["trials"].values()) == 6


def test_show_agrees_with_its_json(folder):
    facts = json.loads(archbo(folder, "show", "tiny.db", "--json", "--top", "2").stdout)
    said = archbo(folder, "show", "tiny.db", "--top", "2").stdout
    assert f"score {facts['incumbent']['value']:.5g}" in said
    assert len(facts["top"]) == 2
    assert all(error["error"].split(":")[0] in said for error in facts["failures"])


def test_show_of_one_trial_has_its_curve(folder):
    finished = json.loads(archbo(folder, "show", "tiny.db", "--json").stdout)["incumbent"]
    number = str(finished["trials"][0])
    assert "score by epoch" in archbo(folder, "show", "tiny.db", "--trial", number).stdout
    trial = json.loads(archbo(folder, "show", "tiny.db", "--trial", number, "--json").stdout)
    assert trial["value"] == finished["value"]
    assert [report["epoch"] for report in trial["reports"]] == [1, 2, 3]


def test_report_is_a_page(folder):
    assert "page.html" in archbo(folder, "report", "tiny.db", "-o", "page.html").stdout
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert page.count('<tr id="trial-') == 6


def test_report_of_several_studies_compares_them(folder, tmp_path):
    for name in ("tiny.db", "again.db"):
        (tmp_path / name).write_bytes((folder / "tiny.db").read_bytes())
    archbo(tmp_path, "report", "tiny.db", "again.db", "-o", "both.html")
    page = (tmp_path / "both.html").read_text(encoding="utf-8")
    assert "<h1>tiny, again</h1>" in page
    assert "Where they ended" in page


def test_report_names_the_commands_for_its_store(folder):
    archbo(folder, "report", "tiny.db", "-o", "page.html")
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert "archbo run tiny.py --trials 6\narchbo replay tiny.db --verify" in page
    assert str(folder) not in page.partition('id="how"')[2]


def test_studies_of_different_objectives_are_not_compared(folder, tmp_path):
    (tmp_path / "tiny.db").write_bytes((folder / "tiny.db").read_bytes())
    loss = PROGRAM.replace("tiny.db", "loss.db").replace('maximize="score"', 'minimize="loss"')
    (tmp_path / "loss.py").write_text(loss, encoding="utf-8")
    archbo(tmp_path, "run", "loss.py", "--trials", "2")
    said = archbo(tmp_path, "report", "tiny.db", "loss.db", code=2).stderr
    assert "'tiny' is to maximize 'score', but 'loss' to minimize 'loss'" in said


def test_replay_of_an_untouched_study_is_the_same(folder):
    said = archbo(folder, "replay", "tiny.db", "--verify").stdout
    assert "All 6 proposals are the same." in said


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["show", "nowhere.db"], "nowhere.db"),
        (["report", "nowhere.db"], "nowhere.db"),
        (["replay", "nowhere.db"], "nowhere.db"),
        (["run", "nowhere.py"], "nowhere.py: there is no such program"),
        (["show", "tiny.db", "--trial", "99"], "no trial 99; there are 6"),
        (["show", "tiny.db", "--trial", "99", "--log"], "no trial 99; there are 6"),
        (["run", "tiny.py", "--memory", "lots"], "a text such as \"4GB\", got 'lots'"),
        (["report", "tiny.db", "-o", "no/such/folder.html"], "cannot write the report"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(folder, arguments, reason):
    done = archbo(folder, *arguments, code=2)
    assert reason in done.stderr
    assert done.stderr.startswith("Error: ")
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert not (folder / "nowhere.db").exists()


def test_program_without_a_run_is_an_error(tmp_path):
    (tmp_path / "idle.py").write_text("print('hello')\n", encoding="utf-8")
    assert "without a call of study.run" in archbo(tmp_path, "run", "idle.py", code=2).stderr


def test_study_whose_trials_all_fail_is_exit_code_1(tmp_path):
    text = PROGRAM.replace("% 8 == 7", "> 0").replace("print(", "0 and print(")
    text = text.replace("study.best.value", "0")
    (tmp_path / "tiny.py").write_text(text, encoding="utf-8")
    assert "No trial has finished." in archbo(tmp_path, "run", "tiny.py", code=1).stdout
    assert "does not fit" in archbo(tmp_path, "show", "tiny.db", code=1).stdout


def test_programs_own_crash_has_its_traceback_and_exit_code_1(tmp_path):
    (tmp_path / "crash.py").write_text("1 / 0\n", encoding="utf-8")
    assert "ZeroDivisionError" in archbo(tmp_path, "run", "crash.py", code=1).stderr


def test_check_trains_and_stores_nothing(tmp_path):
    (tmp_path / "tiny.py").write_text(PROGRAM, encoding="utf-8")
    said = archbo(tmp_path, "check", "tiny.py", "--seconds", "3", "--", "--fast").stdout
    assert "architectures  783" in said
    assert "Nothing stands in the way." in said
    assert "program:" not in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.py"]


def test_check_as_json_is_nothing_but_json(tmp_path):
    text = PROGRAM.replace("import sys\n", "import sys\nprint('hello')\n", 1)
    (tmp_path / "tiny.py").write_text(text, encoding="utf-8")
    done = archbo(tmp_path, "check", "tiny.py", "--seconds", "3", "--probe", "--json")
    facts = json.loads(done.stdout)
    assert "hello" in done.stderr
    assert facts["ok"] is True
    assert facts["size"]["members"] == 27 * 29
    assert facts["epoch"]["trials"] == 0
    assert facts["seconds"] > 0


def test_check_of_constraints_that_nothing_meets_is_exit_code_1_without_a_traceback(tmp_path):
    text = PROGRAM.replace(
        "seed=3,", "seed=3, features={'w': lambda a: a['width']}, constraints={'w': '> 99'},"
    )
    (tmp_path / "tiny.py").write_text(text, encoding="utf-8")
    done = archbo(tmp_path, "check", "tiny.py", "--seconds", "3", code=1)
    said = " ".join(done.stdout.split())
    assert "no architecture found that meets w > 99 (the closest found: 32)" in said
    assert "A search would not get far." in said
    assert "Traceback" not in done.stdout + done.stderr
    assert "Error: " in archbo(tmp_path, "run", "tiny.py", code=2).stderr


def test_check_runs_the_networks_of_a_named_function(tmp_path):
    pytest.importorskip("torch")
    text = PROGRAM.replace(
        "def train",
        """def dense(arch):
    from torch import nn
    return nn.Sequential(nn.Flatten(), nn.Linear(12 if arch["width"] > 8 else 13, 2))

def train""",
    )
    (tmp_path / "tiny.py").write_text(text, encoding="utf-8")
    options = ["--build", "dense", "--inputs", "3,2,2", "--seconds", "3"]
    said = " ".join(archbo(tmp_path, "check", "tiny.py", *options).stdout.split())
    assert "networks would fail in training" in said
    assert re.search(r"parameters (26|28) ", said)
    wrong = archbo(tmp_path, "check", "tiny.py", "--build", "denser", code=2).stderr
    assert "there is no function 'denser' at the top level. Did you mean 'dense'?" in wrong
    assert "3,32,32" in archbo(tmp_path, "check", "tiny.py", "--inputs", "3,x", code=2).stderr


def test_check_of_a_program_without_a_search_is_exit_code_2_and_of_a_crash_1(tmp_path):
    (tmp_path / "idle.py").write_text("print('hello')\n", encoding="utf-8")
    assert "without a call of study.run" in archbo(tmp_path, "check", "idle.py", code=2).stderr
    (tmp_path / "crash.py").write_text("1 / 0\n", encoding="utf-8")
    assert "ZeroDivisionError" in archbo(tmp_path, "check", "crash.py", code=1).stderr


def test_show_explains_what_was_learned(folder):
    said = archbo(folder, "show", "tiny.db", "--explain", "--trial", "0").stdout
    assert "Which decisions matter" in said
    assert "Beside the incumbent" in said
    facts = json.loads(archbo(folder, "show", "tiny.db", "--explain", "--json").stdout)
    assert {one["decision"] for one in facts["importance"]} >= {"width", "cell[0,1]"}
