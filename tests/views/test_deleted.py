"""What a study shows of trials that were deleted: their number, their rows, nothing else."""

import json

import pytest
from rich.console import Console

from archbo.data import State
from archbo.views.curves import curves_info
from archbo.views.facts import trial_facts
from archbo.views.infos import calibration_info, failures, history_info, members
from archbo.views.levels import saved
from archbo.views.map import map_info
from archbo.views.progress import run_status
from archbo.views.report import render_report
from archbo.views.tables import study_view, trial_view
from archbo.views.terminal import json_text


def without(records, *numbers):
    return [r.without_result(len(records)) if r.number in numbers else r for r in records]


@pytest.fixture
def best(shown):
    return members(shown.records, shown.study, limit=1)[0].trials[0]


def test_figures_and_the_best_are_as_if_they_had_not_been_trained(shown, best):
    gone = without(shown.records, best, 5)
    left = [r for r in shown.records if r.number not in (best, 5)]
    study = shown.study
    assert members(gone, study) == members(left, study)
    assert history_info(gone, study).steps == history_info(left, study).steps
    assert calibration_info(gone) == calibration_info(left)
    assert failures(gone) == failures(left)
    assert map_info(gone, study) == map_info(left, study)
    assert curves_info(gone, study) == curves_info(left, study)


def test_terminal_counts_them_and_shows_what_one_gave(shown, best):
    gone = without(shown.records, best)
    console = Console(width=100, record=True)
    console.print(study_view(gone, shown.study, top=3, location="digits.db"))
    console.print(trial_view(gone[best], shown.study, gone))
    text = console.export_text()
    assert "1 deleted" in text
    assert "finished; deleted when there were 24 trials" in text
    assert f"{shown.records[best].value:.5g}" in text


def test_page_counts_them_and_greys_their_rows(shown, best):
    page = render_report(without(shown.records, best), shown.settings, name="digits", store="d.db")
    assert "<dt>deleted</dt><dd>1</dd>" in page
    assert f'<tr id="trial-{best}" class="deleted">' in page


def test_document_has_what_it_was(shown, best):
    facts = json.loads(json_text(trial_facts(without(shown.records, best)[best])))
    assert (facts["state"], facts["value"], facts["deleted"]) == ("deleted", None, 24)
    assert facts["before"] == json.loads(json_text(trial_facts(shown.records[best])))


def test_what_they_took_was_trained(climbed):
    over = [r for r in climbed.records if r.state is not State.RUNNING]
    gone = without(climbed.records, *(r.number for r in over))
    fidelity = climbed.study.fidelity
    assert saved(gone, fidelity) == saved(climbed.records, fidelity)
    now = run_status(gone, 99, climbed.study, workers=1, now=0.0)
    assert now.done == len(over)
