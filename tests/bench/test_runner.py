import csv
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import archbo as ab
from archbo.bench.runner import (
    BUDGETS,
    SEARCHES,
    Failure,
    Job,
    Plan,
    read_budgets,
    read_searches,
    run,
    write_rows,
)
from archbo.errors import DataError, MissingExtraError, ProblemError

PLAN = Plan(["synthetic/20"], ["random", "evolution"], trials=6, seeds=2)


def judged(searches):
    """All but the seconds."""
    clocked = ("ask_seconds", "tell_seconds", "propose_seconds", "decide_seconds")
    return [{k: v for k, v in s.to_dict().items() if k not in clocked} for s in searches]


def start(plan, folder, *, jobs):
    length = ["--trials", str(plan.trials)]
    if plan.budget is not None:
        length = ["--budget", str(plan.budget), "--workers", str(plan.workers)]
    command = [
        *(sys.executable, "-c", "from archbo.cli.main import main; main()", "bench"),
        *(*plan.benchmarks, "--methods", ",".join(plan.methods)),
        *(*length, "--seeds", str(plan.seeds)),
        *("--jobs", str(jobs), "-o", str(folder)),
    ]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def finished(folder, file=SEARCHES):
    path = folder / file
    return path.read_text().count("\n") if path.exists() else 0


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_all_of_a_plan_is_run_in_its_order_and_told(tmp_path):
    told = []
    found = run(PLAN, tmp_path, notify=lambda done, total, ended: told.append((done, total, ended)))
    assert [Job(s.benchmark, s.method, s.seed) for s in found.searches] == PLAN.jobs
    assert [(done, total) for done, total, _ in told] == [(k, 4) for k in range(1, 5)]
    assert judged(read_searches(tmp_path)) == judged(found.searches)
    assert found.failures == []


def test_processes_find_what_one_finds(tmp_path):
    alone = run(PLAN, tmp_path / "alone")
    beside = run(PLAN, tmp_path / "beside", jobs=2)
    assert judged(alone.searches) == judged(beside.searches)


def test_what_is_finished_is_not_run_again(tmp_path):
    first = run(PLAN, tmp_path)
    more = Plan(["synthetic/20"], ["random", "evolution", "tpe"], trials=6, seeds=3)
    told = []
    found = run(more, tmp_path, notify=lambda done, total, ended: told.append(ended.method))
    assert sorted(told) == ["evolution", "random", "tpe", "tpe", "tpe"]
    assert [s for s in found.searches if s in first.searches] == first.searches
    # another number of trainings is another search
    run(Plan(["synthetic/20"], ["random"], trials=7, seeds=1), tmp_path)
    assert finished(tmp_path) == 10
    assert judged(run(PLAN, tmp_path).searches) == judged(first.searches)


def test_a_line_that_was_cut_off_is_run_again(tmp_path):
    whole = run(PLAN, tmp_path)
    path = tmp_path / SEARCHES
    text = path.read_bytes()
    path.write_bytes(text[: len(text) - 50])
    found = run(PLAN, tmp_path)
    assert judged(found.searches) == judged(whole.searches)
    assert finished(tmp_path) == 4
    assert len(read_searches(tmp_path)) == 4


LONGER = Plan(["synthetic/20"], ["random", "evolution"], trials=40, seeds=5)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return judged(run(LONGER, tmp_path_factory.mktemp("whole")).searches)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_run_goes_on_where_it_stopped(jobs, tmp_path, uninterrupted):
    process = start(LONGER, tmp_path, jobs=jobs)
    until(lambda: finished(tmp_path) >= 2)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.kill()
    process.wait()
    kept = read_searches(tmp_path)
    assert 2 <= len(kept) < 10
    until(lambda: not any(alive(pid) for pid in children))  # nothing of it is left behind
    found = run(LONGER, tmp_path)
    assert judged(found.searches) == uninterrupted
    assert read_searches(tmp_path)[: len(kept)] == kept


BUDGETED = Plan(["curves/faithful"], ["random", "asha"], seeds=3, budget=4, workers=3)


def test_under_a_budget_all_of_a_plan_is_run_and_nothing_twice(tmp_path):
    first = run(BUDGETED, tmp_path)
    assert first.searches == []
    assert [Job(s.benchmark, s.method, s.seed) for s in first.budgeted] == BUDGETED.jobs
    assert {(s.budget, s.workers) for s in first.budgeted} == {(4, 3)}
    told = []
    run(BUDGETED, tmp_path, notify=lambda *event: told.append(event))
    assert told == []
    assert read_budgets(tmp_path) == first.budgeted
    # another budget, another number of workers and trials instead are other searches
    for other in (replace(BUDGETED, budget=2), replace(BUDGETED, workers=1)):
        run(other, tmp_path, notify=lambda *event: told.append(event))
    run(replace(BUDGETED, budget=None, workers=1, trials=3), tmp_path)
    assert (len(told), finished(tmp_path, BUDGETS), finished(tmp_path)) == (12, 18, 6)
    assert run(BUDGETED, tmp_path).budgeted == first.budgeted


def test_a_killed_run_under_a_budget_goes_on_where_it_stopped(tmp_path):
    plan = replace(BUDGETED, budget=12, seeds=5)
    process = start(plan, tmp_path / "cut", jobs=1)
    until(lambda: finished(tmp_path / "cut", BUDGETS) >= 2)
    process.kill()
    process.wait()
    kept = read_budgets(tmp_path / "cut")
    assert 2 <= len(kept) < 10
    found = run(plan, tmp_path / "cut")
    assert judged(found.budgeted) == judged(run(plan, tmp_path / "whole").budgeted)
    assert read_budgets(tmp_path / "cut")[: len(kept)] == kept


def alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_a_failed_search_is_told_and_the_others_are_run(tmp_path):
    class Broken:
        def prepare(self, problem):  # noqa: ARG002
            raise ProblemError("it does not like this space")

    plan = Plan(["synthetic/20"], {"broken": Broken(), "random": ab.RandomSearch()}, 3, 2)
    told = []
    found = run(plan, tmp_path, notify=lambda *event: told.append(event[:2]))
    assert found.failures == [
        Failure(Job("synthetic/20", "broken", s), "it does not like this space") for s in (0, 1)
    ]
    assert [s.method for s in found.searches] == ["random", "random"]
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert len(run(plan, tmp_path).failures) == 2  # they are tried again


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"methods": ["rnadom"]}, ProblemError, "no method 'rnadom'. Did you mean 'random'"),
        ({"methods": ["optuna:tpx"]}, ProblemError, "no peer 'optuna:tpx'"),
        ({"methods": ["optuna:tpe"]}, MissingExtraError, "--peer-python optuna="),
        ({"methods": []}, ProblemError, "there are no methods"),
        ({"benchmarks": []}, ProblemError, "there are no benchmarks"),
        ({"methods": ["bo", "bo"]}, ProblemError, "the same method is given twice: bo, bo"),
        ({"trials": 0}, ProblemError, "trials must be at least 1, got 0"),
        ({"seeds": 0}, ProblemError, "seeds must be at least 1, got 0"),
        (
            {"budget": -1},
            ProblemError,
            "budget must be a positive number of full trainings, got -1",
        ),
        ({"budget": 3, "workers": 0}, ProblemError, "workers must be a whole number from 1, got 0"),
        ({"workers": 4}, ProblemError, "got workers=4, which are simulated under a budget only"),
        (
            {"methods": ["optuna:tpe"], "budget": 3},
            ProblemError,
            "optuna:tpe trains in full only, and cannot search under a budget",
        ),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(changes, error, words):
    settings = {"benchmarks": ["synthetic/20"], "methods": ["random"]} | changes
    with pytest.raises(error, match=words):
        Plan(**settings)


def test_missing_data_and_folders_are_said_before_anything_runs(monkeypatch, tmp_path):
    monkeypatch.delenv("ARCHBO_DATA", raising=False)
    with pytest.raises(DataError, match="nas-bench-macro needs recorded trainings"):
        run(Plan(["synthetic/20", "nas-bench-macro"], ["random"]), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="file: cannot be made"):
        run(PLAN, tmp_path / "file")


def test_rows_are_a_table_of_all_trainings(tmp_path):
    found = run(PLAN, tmp_path)
    (path, *_) = write_rows(found.searches, tmp_path)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24
    assert rows[7]["training"] == "2"
    assert float(rows[7]["value"]) == found.searches[1].values[1]
    assert rows[0]["test"] == ""  # there is none


def test_rows_are_parquet_too_where_it_can_be_written(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    found = run(PLAN, tmp_path)
    table = pandas.read_parquet(write_rows(found.searches, tmp_path)[1])
    assert len(table) == 24


def test_rows_of_a_budget_say_when_each_training_ended(tmp_path):
    found = run(BUDGETED, tmp_path)
    (path, *_) = write_rows(found.budgeted, tmp_path)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(len(s.ids) for s in found.budgeted)
    assert [float(row["spent"]) for row in rows[:3]] == found.budgeted[0].spent
