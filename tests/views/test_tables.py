import io

import pytest
from rich.console import Console

from archbo.data import State
from archbo.views.tables import study_view, trial_view


def printed(view, width=100):
    console = Console(file=io.StringIO(), width=width)
    console.print(view)
    return console.file.getvalue()


def test_study_view_tells_what_was_found_and_what_failed(shown):
    words = printed(study_view(shown.records, shown.study, top=3, location="runs/digits.db"))
    for part in ("digits  maximise accuracy", "Incumbent", "Best architectures", "Predictions"):
        assert part in words
    assert "1 running, 21 finished, 2 failed" in words
    assert "trial 9  the worker was killed by SIGSEGV" in words
    assert "archbo show runs/digits.db --trial 5" in words
    assert "Traceback" not in words


@pytest.mark.parametrize("width", [40, 80, 200])
def test_study_view_keeps_to_the_terminals_width(shown, width):
    words = printed(study_view(shown.records, shown.study, top=3, location="runs/digits.db"), width)
    assert max(map(len, words.splitlines())) <= width


def test_command_that_shows_a_failure_can_be_typed_as_it_stands(shown):
    words = printed(study_view(shown.records, shown.study, top=3, location="my runs/a.db"))
    assert "archbo show 'my runs/a.db' --trial 5" in words


def test_study_view_draws_the_incumbent(shown):
    words = printed(study_view(shown.records, shown.study, top=1, location="runs/digits.db"))
    assert "output" in words
    assert "Best architectures" not in words  # one alone is the incumbent, shown above


def test_study_without_results_says_so(shown, make):
    records = [make(0, None, state=State.FAILED, error="[bold]odd[/nothing] words")]
    words = printed(study_view(records, shown.study, top=3, location="runs/digits.db"))
    assert "No trial has finished yet." in words
    assert "[bold]odd[/nothing] words" in words
    assert "no trials" in printed(study_view([], shown.study, top=3, location="runs/digits.db"))


def test_trial_view_shows_everything_about_one(shown):
    words = printed(trial_view(shown.records[5], shown.study))
    assert "Traceback:" in words
    assert "window.hacked" in words
    model = next(r for r in shown.records if r.prediction is not None and r.value is not None)
    words = printed(trial_view(model, shown.study))
    for part in ("predicted", "accuracy by epoch", model.architecture_id, "params"):
        assert part in words


def test_study_view_of_short_trainings_has_their_curves_and_rungs(climbed):
    words = printed(study_view(climbed.records, climbed.study, top=2, location="runs/digits.db"))
    assert "8 paused, 1 stopped" in words
    assert "The best learning curves: accuracy by epochs" in words
    assert "How far trainings went" in words
    assert words.index("Incumbent") < words.index("The best learning curves")


def test_study_view_before_any_training_in_full_has_the_curves_all_the_same(climbed):
    records = climbed.records[:9]
    words = printed(study_view(records, climbed.study, top=2, location="runs/digits.db"))
    assert "No trial has finished yet." in words
    assert "8  stopped" in words


def test_trial_view_says_where_a_paused_trial_stands_and_draws_its_curve(climbed):
    words = printed(trial_view(climbed.records[8], climbed.study))
    assert "stopped at 9 of 27 epochs" in words
    assert "accuracy by epoch" in words
    assert "▁▅▆▇▇████" in words


def test_trial_view_lists_the_trainings_of_the_network_where_each_level_is_one(afresh):
    words = printed(trial_view(afresh.records[3], afresh.study, afresh.records))
    table = [line.split() for line in words.partition("this network")[2].splitlines()]
    assert table[2:] == [
        ["3", "0.1", "0.25", "paused"],
        ["4", "0.3", "0.35", "paused"],
        ["5", "1", "0.7", "finished"],
    ]
    assert "this network" not in printed(trial_view(afresh.records[0], afresh.study, []))
