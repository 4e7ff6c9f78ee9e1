import time
from threading import Thread

import numpy as np
import pytest

import archbo as ab
from archbo.data import Proposal, State
from archbo.store import NewTrial, Store, StoredStudy
from archbo.store.records import Answer
from archbo.store.requests import Asked, Requests
from archbo.study.replay import replay

SPACE = ab.Space(width=ab.Int(1, 40), act=ab.Choice(["relu", "tanh"]))


def train(arch, trial):
    time.sleep(0.25)
    if trial.number == 1:
        raise RuntimeError("unlucky")
    return float(np.log(arch["width"]))


@pytest.fixture
def running(tmp_path):
    """A study that runs in another thread, and the requests to it."""
    file = tmp_path / "s.db"
    ab.Study(file, SPACE, maximize="score", seed=0).close()

    def search():
        with ab.Study(file, SPACE, maximize="score", seed=0) as study:
            study.run(train, trials=12)

    with Store.open(file) as store:
        stored = store.study()
        thread = Thread(target=search)
        thread.start()
        yield stored, Requests(stored), thread
        thread.join(60)


def until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_run_pauses_and_goes_on(running):
    stored, requests, thread = running
    until(lambda: len(stored.read()) >= 2)
    requests.ask(Asked.PAUSE)
    until(lambda: not requests.open() and stored.read()[-1].state is not State.RUNNING)
    held = len(stored.read())
    time.sleep(1.5)
    assert len(stored.read()) == held < 12
    assert thread.is_alive()
    requests.ask(Asked.GO_ON)
    thread.join(60)
    assert len(stored.read()) == 12


@pytest.mark.filterwarnings("ignore:the run ended early")
def test_a_run_stops(running):
    stored, requests, thread = running
    until(lambda: len(stored.read()) >= 2)
    requests.ask(Asked.STOP)
    thread.join(60)
    assert len(stored.read()) < 12
    assert all(r.state is not State.RUNNING for r in stored.read())


def test_what_is_asked_for_is_trained_and_what_failed_tried_again(running):
    stored, requests, thread = running
    until(lambda: len(stored.read()) >= 3 and stored.read()[1].state is State.FAILED)
    wish = {"width": 33, "act": "tanh"}
    requests.ask(Asked.ENQUEUE, architecture=wish)
    requests.ask(Asked.RETRY, trial=1)
    requests.ask(Asked.RETRY, trial=0)
    thread.join(60)
    records = stored.read()
    assert records[1].state is State.FAILED
    asked = [r for r in records if r.origin == "asked"]
    assert [r.architecture for r in asked] == [wish, records[1].architecture]
    assert {r.state for r in asked} == {State.FINISHED}
    assert len(records) == 12
    assert replay(stored.location).same
    answers = [r.answer for r in requests.latest(3)]
    assert answers == [Answer.REFUSED, Answer.DONE, Answer.DONE]


def test_a_wish_is_trained_once_however_many_runs_there_are(tmp_path, monkeypatch):
    file = tmp_path / "s.db"
    wish = SPACE.architecture({"width": 33, "act": "tanh"})
    begin = StoredStudy.add_trial

    def beaten(self, trial, *, number, request=None, known=None):
        if request is not None and number == 0:  # another run is quicker
            begin(self, NewTrial(Proposal(wish, "user"), value=1.0))
        return begin(self, trial, number=number, request=request, known=known)

    monkeypatch.setattr(StoredStudy, "add_trial", beaten)
    monkeypatch.setattr("archbo.study.steering._LOOK_SECONDS", 0.0)
    with ab.Study(file, SPACE, maximize="score", seed=0) as study, Store.open(file) as store:
        requests = Requests(store.study())
        requests.ask(Asked.ENQUEUE, architecture=wish.to_dict())
        study.run(lambda arch, trial: float(arch["width"]), trials=3)
        assert study.trials[0].origin == "user"
        (asked,) = [trial for trial in study.trials if trial.origin == "asked"]
        assert SPACE.architecture(asked.architecture) == wish
        assert requests.latest(1)[0][-2:] == (Answer.DONE, f"trial {asked.number}")
