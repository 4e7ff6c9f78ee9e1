import io
from dataclasses import replace
from types import SimpleNamespace

import pytest
from rich.console import Console

from archbo.data import Report, State
from archbo.study.session import RunEvent, Spending
from archbo.views.progress import ProgressView, run_status, run_view


@pytest.fixture
def fake(shown):
    """A study as an observer sees it."""
    return SimpleNamespace(
        location="runs/digits.db", store=SimpleNamespace(settings=shown.settings)
    )


def lines(view, events):
    with view:
        for event in events:
            view(event)
    return view._console.file.getvalue().splitlines()


def plain():
    return Console(file=io.StringIO(), width=80)


def test_time_left_is_the_work_to_come_over_the_workers(make, study):
    done = [make(i, 0.5, seconds=10.0) for i in range(4)]
    running = [make(4 + i, None, state=State.RUNNING, created=1000.0, seconds=None) for i in (0, 1)]
    status = run_status([*done, *running], 10, study, workers=2, now=1004.0)
    # four to come of 10 seconds, and two with 6 seconds to go
    assert status.seconds_left == pytest.approx((4 * 10 + 2 * 6) / 2)
    assert (status.done, status.total, len(status.running)) == (4, 10, 2)


def test_time_left_is_unknown_before_the_first_result(make, study):
    status = run_status([make(0, None, state=State.RUNNING)], 5, study, workers=1, now=0.0)
    assert status.seconds_left is None
    assert status.best is None


def test_plain_output_has_a_line_for_each_trial_that_ends(make, fake):
    first = make(0, 0.5)
    failed = make(1, None, state=State.FAILED, error="out of memory\nand more")
    last = make(2, 0.75)
    found = lines(
        ProgressView(plain(), clock=lambda: 0.0),
        [
            RunEvent("begin", [], 3, fake),
            RunEvent("started", [replace(first, state=State.RUNNING)], 3, fake),
            RunEvent("ended", [first], 3, fake),
            RunEvent("ended", [first, failed], 3, fake),
            RunEvent("ended", [first, failed, last], 3, fake),
            RunEvent("done", [first, failed, last], 3, fake),
        ],
    )
    assert found == [
        "digits: 3 trials",
        "1/3  trial 0: accuracy 0.5, best 0.5, less than 10 s left",
        "2/3  trial 1: failed: out of memory, best 0.5, less than 10 s left",
        "3/3  trial 2: accuracy 0.75, best 0.75",
    ]


def test_resumed_run_does_not_repeat_what_was_done(make, fake):
    records = [make(0, 0.5), make(1, 0.6)]
    view = ProgressView(plain(), clock=lambda: 0.0)
    found = lines(view, [RunEvent("begin", records, 2, fake), RunEvent("done", records, 2, fake)])
    assert found == ["digits: 2 trials, 2 of them done already"]
    assert [event.kind for event in view.finished] == ["done"]


def test_two_runs_of_one_program_are_shown_one_after_the_other(make, fake):
    other = SimpleNamespace(location=None, store=fake.store)
    events = [
        RunEvent(kind, [make(0, 0.5)] * (kind == "done"), 1, study)
        for study in (fake, other)
        for kind in ("begin", "done")
    ]
    view = ProgressView(plain(), clock=lambda: 0.0)
    found = lines(view, events)
    assert [line for line in found if line.endswith("1 trial")] == [
        "digits: 1 trial",
        "study: 1 trial",
    ]
    assert len(view.finished) == 2


def test_live_view_shows_how_far_the_incumbent_and_what_is_in_training(make, study):
    running = make(2, None, state=State.RUNNING, reports=(Report(3, 0.25),), created=0.0)
    records = [
        make(0, 0.5),
        make(1, None, state=State.FAILED),
        running,
        make(3, None, state=State.RUNNING),
    ]
    console = plain()
    console.print(run_view(run_status(records, 8, study, workers=2, now=1.0), study))
    words = console.file.getvalue()
    for part in (
        "digits",
        "2/8",
        "1 failed",
        "left",
        "accuracy 0.5",
        "trial 2: epoch 3, 0.25 · trial 3",
    ):
        assert part in words
    assert max(map(len, words.splitlines())) <= 80


def test_a_failure_is_said_above_the_live_display(make, fake):
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    failed = make(1, None, state=State.FAILED, error="out of memory\nand more")
    events = [
        RunEvent("begin", [], 2, fake),
        RunEvent("ended", [make(0, 0.5)], 2, fake),
        RunEvent("ended", [make(0, 0.5), failed], 2, fake),
        RunEvent("done", [make(0, 0.5), failed], 2, fake),
    ]
    words = "\n".join(lines(ProgressView(console, clock=lambda: 0.0), events))
    assert words.count("trial 1: failed: out of memory") == 1
    assert "trial 0: accuracy" not in words


def test_live_display_in_a_terminal_leaves_one_line(make, fake):
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    events = [
        RunEvent("begin", [], 1, fake),
        RunEvent("ended", [make(0, 0.5)], 1, fake),
        RunEvent("done", [make(0, 0.5)], 1, fake),
    ]
    found = lines(ProgressView(console, clock=lambda: 0.0), events)
    assert "digits: 1 trial" in found[0]


def climbing(climbed):
    return SimpleNamespace(
        location="runs/climb.db", store=SimpleNamespace(settings=climbed.settings)
    )


def test_with_a_budget_a_line_says_what_is_trained_and_where_each_training_stands(climbed):
    first = climbed.records[6]
    started = replace(first, state=State.RUNNING, reports=(), reached=None, interim=None)
    again = replace(first, state=State.RUNNING, fidelity=None, reached=None, interim=None)
    last = replace(climbed.records[9], number=6)
    spent = [Spending(share, 2.0) for share in (3 / 27, 1.0)]
    fake = climbing(climbed)
    found = lines(
        ProgressView(plain(), clock=lambda: 0.0),
        [
            RunEvent("begin", [], 9, fake, spending=Spending(0.0, 2.0)),
            RunEvent("started", [started], 9, fake, spending=spent[0]),
            RunEvent("ended", [first], 9, fake, spending=spent[0]),
            RunEvent("started", [again], 9, fake, spending=spent[1]),
            RunEvent("ended", [last], 9, fake, spending=spent[1]),
            RunEvent("done", [last], 9, fake, spending=spent[1]),
        ],
    )
    assert found == [
        "climb: a budget of 2 full trainings",
        "0.1/2.0  trial 6: accuracy 0.73933, paused at 3 of 27 epochs, about 34 s left",
        "1.0/2.0  trial 6: accuracy 0.89048, best 0.89048, less than 10 s left",
    ]


def test_resumed_run_with_a_budget_says_what_was_spent_before(climbed):
    event = RunEvent("begin", climbed.records, 20, climbing(climbed), spending=Spending(2.34, 1.0))
    found = lines(ProgressView(plain(), clock=lambda: 0.0), [event])
    assert found == ["climb: a budget of 1 full training, 2.3 of them spent already"]


def test_what_is_in_training_counts_as_far_as_it_is(climbed):
    running = replace(climbed.records[11], fidelity=None)  # 4 epochs of 27
    status = run_status(
        [climbed.records[9], running],
        9,
        climbed.study,
        workers=2,
        now=0.0,
        spending=Spending(2.0, 5.0),
    )
    assert status.spending.spent == pytest.approx(1 + 4 / 27)
    # 2 seconds for each full training to come, by two workers
    assert status.seconds_left == pytest.approx(5 - 1 - 4 / 27)


def test_live_view_of_a_budget_shows_what_is_trained_what_waits_and_how_far_each_goes(climbed):
    status = run_status(
        climbed.records, 20, climbed.study, workers=1, now=0.0, spending=Spending(2.5, 30.0)
    )
    console = plain()
    console.print(run_view(status, climbed.study))
    words = console.file.getvalue()
    assert len(words.splitlines()) == 3
    for part in (
        "2.3/30.0",
        "8 paused",
        "1 failed",
        "trial 11: epoch 4 of 9, 0.786",
    ):
        assert part in words
