import time

import numpy as np
import pytest

import archbo as ab
from archbo.store import Store
from archbo.views.dashboard.beliefs import beliefs_figure, believed, believer
from archbo.views.dashboard.feed import Snapshot
from archbo.views.dashboard.serving import open_feed

from .conftest import write


@pytest.fixture
def searched(tmp_path):
    """A study that has run, 12 trials."""
    file = tmp_path / "tiny.db"
    space = ab.Space(width=ab.Int(1, 40), act=ab.Choice(["relu", "tanh"]))
    with ab.Study(file, space, maximize="score", seed=0) as study:
        study.run(lambda arch, trial: np.log(arch["width"]) + (arch["act"] == "relu"), trials=12)
        yield study


def asked_until_known(believer, snapshot):
    known = believer.ask(snapshot)
    while known.why == "The model is being fitted.":
        time.sleep(0.01)
        known = believer.ask(snapshot)
    return known


def test_the_model_of_the_stored_study_is_that_of_the_study_itself(searched):
    feed = open_feed(searched.location)
    known = asked_until_known(believer(feed, first=0.0), feed.snapshot())
    feed.close()
    steps = feed.snapshot().history.steps
    assert [b.number for b in known.beliefs] == [s.number for s in steps]
    archs = [searched.architecture(searched.trials[s.number]) for s in steps]
    for belief, expected in zip(known.beliefs, searched.predict(archs), strict=True):
        assert belief[2:] == pytest.approx(expected)
    assert known.trials == 12


def test_the_figure_shows_each_incumbent_within_its_band(searched):
    feed = open_feed(searched.location)
    snapshot = feed.snapshot()
    feed.close()
    known = believed(searched, snapshot)
    drawn = beliefs_figure(known, snapshot.study)
    assert drawn.count('class="mark') == len(known.beliefs)
    assert drawn.count('class="band') == 1
    assert "the model expects" in drawn


def test_a_study_that_only_its_program_can_make_says_so(study_file):
    """Its settings name a feature, which is a function of the program's."""
    feed = open_feed(str(study_file))
    known = asked_until_known(believer(feed, first=0.0), feed.snapshot())
    feed.close()
    assert "Only the study's program can make its model" in known.why
    assert "Only the study&#x27;s program" in beliefs_figure(known, feed.snapshot().study)


def test_a_method_without_a_model_says_so(shown, tmp_path):
    plain = {"features": [], "constraints": [], "method": "random", "epochs": 1}
    with Store.open(tmp_path / "random.db") as store:
        stored = store.create_study(shown.settings | plain)
        for record in shown.records[:5]:
            write(stored, record)
    feed = open_feed(str(tmp_path / "random.db"))
    known = asked_until_known(believer(feed, first=0.0), feed.snapshot())
    feed.close()
    assert "The model says nothing: " in known.why


def test_no_trial_is_no_incumbent(searched, shown):
    assert believed(searched, Snapshot(shown.study, [], 1)).why == "No trial has finished yet."
