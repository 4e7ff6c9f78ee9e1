import os
import time
from multiprocessing import active_children
from threading import Event
from types import SimpleNamespace

import pytest

import archbo as ab
from archbo.views.dashboard.beside import Beside
from archbo.views.dashboard.feed import Snapshot
from archbo.views.dashboard.pages import Site
from archbo.views.dashboard.serving import open_feed
from archbo.views.explanation import explanation_section


@pytest.fixture
def snapshots(shown):
    """Of one study, each with a trial more."""
    return [Snapshot(shown.study, shown.records[:n], version=n) for n in range(3)]


@pytest.fixture
def feed(tmp_path):
    """A study that somebody looks at, of which the location alone is asked for."""
    return SimpleNamespace(location=str(tmp_path / "tiny.db"), closed=Event())


def beside(feed, find, **options):
    return Beside(feed, find, lambda why: f"not found: {why}", known="", first=0.0, **options)


def asked_until_known(asked, snapshot):
    end = time.monotonic() + 60
    while not (found := asked.ask(snapshot)):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


def test_it_is_found_out_meanwhile_and_then_it_rests(feed, snapshots):
    asked = beside(feed, os.path.basename)
    assert asked.ask(snapshots[1]) == ""
    assert asked_until_known(asked, snapshots[1]) == "tiny.db"
    feed.location = "another.db"
    for _ in range(3):
        assert asked.ask(snapshots[2]) == "tiny.db"


def test_a_study_that_is_looked_at_for_a_moment_costs_nothing(feed, snapshots):
    before = active_children()
    asked = Beside(feed, os.path.basename, str, known="", first=60.0)
    for _ in range(3):
        assert asked.ask(snapshots[1]) == ""
    assert active_children() == before


@pytest.mark.parametrize(
    ("find", "words"),
    [(open_feed, "not found: {}: there is no such file"), (os.abort, "not found: TypeError.")],
)
def test_what_fails_is_said(feed, snapshots, find, words):
    found = asked_until_known(beside(feed, find), snapshots[1])
    assert found.startswith(words.format(feed.location))


def test_what_ends_its_process_is_said_and_another_one_goes_on(feed, snapshots):
    asked = beside(feed, exec)
    feed.location = "import os; os.kill(os.getpid(), 9)"
    assert asked_until_known(asked, snapshots[1]) == "not found: EOFError."
    feed.location = "raise KeyError"
    assert asked_until_known(beside(feed, exec), snapshots[1]) == "not found: KeyError."


def test_what_takes_too_long_is_ended(feed, snapshots):
    feed.location = "import time; time.sleep(60)"
    found = asked_until_known(beside(feed, exec, limit=0.3), snapshots[1])
    assert found == "not found: It took more than 0.3 seconds."
    assert active_children() == []


def test_what_nobody_looks_at_any_more_is_ended(feed, snapshots):
    feed.location = "import time; time.sleep(60)"
    asked = beside(feed, exec)
    asked.ask(snapshots[1])
    feed.closed.set()
    asked_until_known(asked, snapshots[1])
    assert active_children() == []


def test_a_page_tells_what_was_learned_as_the_report_does(tmp_path):
    file = tmp_path / "tiny.db"
    space = ab.Space(width=ab.Int(1, 40), act=ab.Choice(["relu", "<b>tanh</b>"]))
    with ab.Study(file, space, maximize="score", seed=0, method="random") as study:
        study.run(lambda arch, trial: arch["width"] + 9 * (arch["act"] == "relu"), trials=14)
        told = explanation_section(study.trials, study.store.settings)
    assert "Which decisions matter" in told
    feed = open_feed(str(file))
    site = Site([feed], control=False, first=0.0)

    def learned():
        parts = {part.name: part.html for part in site.page("/studies/0", {}).parts}
        return parts["learned"]

    assert learned() == ""
    end = time.monotonic() + 60
    while not learned():
        assert time.monotonic() < end
        time.sleep(0.05)
    feed.close()
    assert learned() == told
