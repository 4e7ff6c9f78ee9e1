import numpy as np
import pytest

from archbo.data import Proposal, State
from archbo.errors import StoreError
from archbo.spaces import from_dict
from archbo.store import NewTrial, Store
from archbo.views.dashboard.feed import Snapshot
from archbo.views.dashboard.serving import open_feed


def test_what_changes_in_a_store_is_in_the_next_snapshot_and_not_in_the_last(feed, open_study):
    before = feed.snapshot()
    assert [r.number for r in before.running] == [23]
    open_study.finish(23, 0.99, seconds=3.0)
    arch = from_dict(open_study.settings["space"]).sample(np.random.default_rng(1))
    open_study.add_trial(NewTrial(Proposal(arch, "model")))
    feed.refresh()
    after = feed.snapshot()
    assert after.by_number[23].value == 0.99
    assert [r.number for r in after.running] == [24]
    assert after.best[0].trials == (23,)
    assert len(before.records) == 24
    assert before.by_number[23].state is State.RUNNING


def test_nothing_new_leaves_the_same_snapshot(feed):
    before = feed.snapshot()
    feed.refresh()
    assert feed.snapshot() is before


def test_a_store_that_cannot_be_read_leaves_the_last_snapshot_and_says_why(feed, open_study):
    before = feed.snapshot()
    with open_study._database.writing() as connection:  # as another program might
        connection.exec_driver_sql("UPDATE trials SET state = 'lost' WHERE number = 3")
        connection.exec_driver_sql("UPDATE trials SET version = 10000 WHERE number = 3")
    feed.refresh()
    assert "trial 3: state is one of" in feed.trouble
    assert feed.snapshot() is before


def test_each_thing_of_a_snapshot_is_made_once(shown):
    snapshot, made = Snapshot(shown.study, shown.records, 1), []
    for _ in range(2):
        assert snapshot.once("figure", lambda: made.append(1) or "drawn") == "drawn"
    assert made == [1]


def test_a_dashboard_changes_no_byte_of_a_store_that_it_only_shows(study_file):
    with Store.open(study_file):
        pass
    bytes_before = study_file.read_bytes()
    feed = open_feed(str(study_file))
    feed.refresh()
    feed.close()
    assert study_file.read_bytes() == bytes_before


def test_a_study_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(StoreError, match="there is no such file"):
        open_feed(str(tmp_path / "digits.db"))
