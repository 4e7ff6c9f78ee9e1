import pytest
from sqlalchemy import text

import archbo as ab
from archbo.data import Proposal
from archbo.errors import ConflictError, StoreError
from archbo.store import NewTrial, Store
from archbo.store.records import Answer
from archbo.store.requests import MOST_OPEN, Asked, Requests


@pytest.fixture
def stored():
    with Store.open(None) as store:
        yield store.create_study({"seed": 0})


@pytest.fixture
def requests(stored):
    return Requests(stored)


def test_a_request_is_read_as_it_was_written(requests):
    asked = requests.ask(Asked.ENQUEUE, architecture={"width": 0.1})
    assert requests.open() == [asked]
    assert (asked.kind, asked.trial, asked.architecture) == (Asked.ENQUEUE, None, {"width": 0.1})
    assert asked.answer is Answer.OPEN


def test_one_run_answers_a_request_and_the_others_are_told(requests):
    key = requests.ask(Asked.RETRY, trial=3).key
    assert requests.answer(key, Answer.REFUSED, "it has not failed")
    assert not requests.answer(key, Answer.DONE)
    assert requests.open() == []
    assert requests.latest(5)[0][-2:] == (Answer.REFUSED, "it has not failed")


def test_a_trial_and_the_answer_to_its_request_are_stored_together_or_not_at_all(stored, requests):
    arch = ab.Space(width=ab.Int(1, 9)).architecture({"width": 3})
    trial = NewTrial(Proposal(arch, "asked"))
    key = requests.ask(Asked.ENQUEUE, architecture={"width": 3}).key
    with pytest.raises(ConflictError, match="the next trial is 0, not 7"):
        stored.add_trial(trial, number=7, request=key)
    assert [request.key for request in requests.open()] == [key]
    stored.add_trial(trial, number=0, request=key)
    assert requests.latest(1)[0][-2:] == (Answer.DONE, "trial 0")
    with pytest.raises(ConflictError, match="another run has done what was asked for"):
        stored.add_trial(trial, number=1, request=key)
    assert len(stored.read()) == 1


def test_asking_and_answering_are_changes_that_runs_and_pages_notice(stored, requests):
    before = stored.changes(0).version
    key = requests.ask(Asked.PAUSE).key
    between = stored.changes(0).version
    requests.answer(key, Answer.DONE)
    assert before < between < stored.changes(0).version


def test_a_pause_stands_until_the_study_may_go_on(requests):
    assert not requests.standing(0).paused
    key = requests.ask(Asked.PAUSE).key
    requests.answer(key, Answer.DONE)
    assert requests.standing(requests.mark()).paused
    requests.ask(Asked.GO_ON)
    assert not requests.standing(0).paused


def test_a_stop_is_for_runs_that_had_begun_and_not_for_later_ones(requests):
    began = requests.mark()
    requests.answer(requests.ask(Asked.STOP).key, Answer.DONE)  # by another run
    assert requests.standing(began).stopped
    assert not requests.standing(requests.mark()).stopped


def test_requests_to_one_study_are_not_another_ones(requests):
    with Store.open(None) as store:
        first, second = (Requests(store.create_study({}, name=name)) for name in "ab")
        first.ask(Asked.PAUSE)
        assert second.open() == []
        assert not second.standing(0).paused
        assert second.mark() == 0


def test_requests_that_nobody_answers_are_bounded(stored, requests):
    row = "INSERT INTO requests (study_id, kind, architecture, created, answer, words) VALUES "
    with stored._database.writing() as connection:
        for _ in range(MOST_OPEN):
            connection.execute(text(row + "(1, 'pause', 'null', 1.0, 'open', '')"))
    with pytest.raises(StoreError, match=r"1000 requests wait for an answer\. Does anybody run"):
        requests.ask(Asked.PAUSE)


@pytest.mark.parametrize(
    ("column", "value"),
    [("kind", "'run'"), ("answer", "'yes'"), ("created", "-1"), ("trial", "'x'")],
)
def test_a_damaged_request_is_an_error_that_names_it(stored, requests, column, value):
    requests.ask(Asked.PAUSE)
    with stored._database.writing() as connection:
        connection.execute(text(f"UPDATE requests SET {column} = {value}"))
    with pytest.raises(StoreError, match="request 1 is none"):
        requests.latest(5)
