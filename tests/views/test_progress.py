import io
from dataclasses import replace
from types import SimpleNamespace

import pytest
from rich.console import Console

from archbo.data import Report, State
from archbo.study.session import RunEvent
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
