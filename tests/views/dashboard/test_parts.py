from dataclasses import replace

import pytest

from archbo.data import Report, State
from archbo.views.dashboard import parts
from archbo.views.dashboard.feed import Snapshot

NOW = 1.7e9 + 69 + 3.0  # three seconds after trial 23 began


@pytest.fixture
def snapshot(shown):
    return Snapshot(shown.study, shown.records, 1)


def test_the_head_says_the_best_and_how_many_there_are(snapshot):
    html = parts.head(snapshot)
    best = max(r.value for r in snapshot.records if r.value is not None)
    assert f'<span class="value">{best:.5g}</span>' in html
    assert "<dt>failed</dt><dd>2</dd>" in html
    assert "<dt>running</dt><dd>1</dd>" in html


def test_trouble_with_the_store_is_said(snapshot):
    assert "the disk is &lt;gone&gt;" in parts.head(snapshot, trouble="the disk is <gone>")


def test_time_left_is_that_of_trainings_before_less_what_has_passed(snapshot, shown):
    pace = parts.seconds_per_training(snapshot)
    assert pace == pytest.approx(2.0)
    record = shown.records[23]
    given = {"epochs": 10, "now": record.created + 0.5}
    assert parts.seconds_left(record, shown.study, pace, **given) == pytest.approx(1.5)
    given["now"] = record.created + 60
    assert parts.seconds_left(record, shown.study, pace, **given) == 0
    assert parts.seconds_left(record, shown.study, None, **given) is None


def test_time_left_follows_the_epochs_that_were_reported(shown):
    record = replace(shown.records[23], reports=tuple(Report(e, 0.5) for e in range(1, 9)))
    given = {"epochs": 10, "now": record.created + 60}
    assert parts.seconds_left(record, shown.study, 20.0, **given) == pytest.approx(4.0)


def test_time_left_of_a_short_training_is_for_its_own_level(climbed):
    """Trial 11 has trained 4 of the 9 epochs that it is to, of 27."""
    record = climbed.records[11]
    left = parts.seconds_left(record, climbed.study, 27.0, epochs=1, now=record.created)
    assert left == pytest.approx(9 * 5 / 9)


def test_what_is_in_training_stands_by_who_trains_it(shown):
    running = [
        replace(shown.records[23], number=30 + k, worker=f"host{k % 2}:7:aa") for k in range(4)
    ]
    snapshot = Snapshot(shown.study, [*shown.records[:23], *running], 1)
    html = parts.running_section(snapshot, epochs=10, now=NOW)
    assert "In training: 4" in html
    assert html.count("host0:7") == html.count("host1:7") == 1
    assert html.index("#trial-32") < html.index("host1:7") < html.index("#trial-31")


def test_nothing_in_training_is_said(shown):
    html = parts.running_section(Snapshot(shown.study, shown.records[:20], 1), epochs=1, now=NOW)
    assert "Nothing is in training." in html


def test_failures_stand_with_their_trials_and_as_text(snapshot):
    html = parts.failures_section(snapshot)
    assert "Failed: 2" in html
    assert "&lt;script&gt;window.hacked" in html
    assert '<a href="#trial-9">9</a>' in html


def test_a_study_without_any_trial_has_every_part(shown):
    snapshot = Snapshot(shown.study, [], 1)
    assert "No trial has finished yet." in parts.head(snapshot)
    assert "No trial has finished yet." in parts.search_panel(snapshot)
    assert parts.curves_panel(snapshot) == parts.failures_section(snapshot) == ""
    assert parts.best_section(snapshot) == ""
    assert "No finished trial had a prediction" in parts.calibration_panel(snapshot)


def test_links_to_many_trials_are_few(snapshot):
    assert parts.links(range(100)).endswith('<a href="#trial-11">11</a> and 88 more')


def test_paused_trainings_tell_the_pace_too(climbed):
    ended = [r for r in climbed.records if r.state in (State.PAUSED, State.STOPPED, State.FINISHED)]
    snapshot = Snapshot(climbed.study, climbed.records, 1)
    epochs = sum(r.reports[-1].epoch for r in ended)
    expected = sum(r.seconds for r in ended) / (epochs / 27)
    assert parts.seconds_per_training(snapshot) == pytest.approx(expected)
