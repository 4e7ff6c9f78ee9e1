import json
import re

import pytest

from archbo.data import State
from archbo.errors import ArchitectureError
from archbo.store.records import Answer
from archbo.store.requests import Asked, Requests
from archbo.views.dashboard.control import (
    ask,
    controls,
    obey,
    requests_section,
    trial_controls,
)


@pytest.fixture
def requests(open_study):
    return Requests(open_study)


@pytest.fixture
def snapshot(feed):
    return feed.snapshot()


@pytest.mark.parametrize("kind", [Asked.PAUSE, Asked.GO_ON, Asked.STOP])
def test_what_is_for_the_whole_search_is_asked_by_its_name(requests, snapshot, kind):
    assert ask(requests, snapshot, {"kind": str(kind)}) in requests.open()


@pytest.mark.parametrize("write", [repr, lambda value: json.dumps(value)])
def test_an_architecture_is_taken_as_python_and_as_json_write_it(requests, snapshot, write):
    arch = snapshot.architecture(snapshot.records[3])
    asked = ask(requests, snapshot, {"kind": "enqueue", "architecture": write(arch.value)})
    assert snapshot.study.space.architecture(asked.architecture) == arch


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{'lr': 1}", r"space\.cell: this decision is missing"),
        ("__import__('os').system('ls')", "neither JSON nor a Python value"),
        ("(" * 5000, "neither JSON nor a Python value"),
        (None, "expected the text of an architecture"),
    ],
)
def test_what_is_no_architecture_of_the_space_is_refused(requests, snapshot, text, message):
    with pytest.raises(ArchitectureError, match=message):
        ask(requests, snapshot, {"kind": "enqueue", "architecture": text})
    assert requests.open() == []


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "A request is an object."),
        ({"kind": "explode"}, "no such request; known: pause, go on, stop.*, delete"),
        ({"kind": "retry", "trial": 99}, "no such trial"),
        ({"kind": "retry", "trial": True}, "no such trial"),
        ({"kind": "retry"}, "no such trial"),
        ({"kind": "retry", "trial": 3}, "Trial 3 has not failed; it is finished."),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(requests, snapshot, document, message):
    with pytest.raises(ValueError, match=message):
        ask(requests, snapshot, document)
    assert requests.open() == []


def test_a_failed_trial_can_be_tried_again(requests, snapshot):
    assert ask(requests, snapshot, {"kind": "retry", "trial": 5}).trial == 5


def test_a_trial_is_deleted_at_once_and_only_if_it_can_be(open_study, requests, feed):
    words = obey(open_study, feed.snapshot(), {"kind": "delete", "trial": 3})
    assert words == "Deleted. Its result counts no more."
    assert open_study.read()[3].state is State.DELETED
    running = r"^Trial 23 is running\. It can be deleted when it has ended\.$"
    for trial, message in ((3, "^Trial 3 is deleted already"), (23, running), (99, "no such")):
        with pytest.raises(ValueError, match=message):
            obey(open_study, feed.snapshot(), {"kind": "delete", "trial": trial})
    assert requests.open() == []


def test_everything_else_is_asked_for(open_study, requests, snapshot):
    assert obey(open_study, snapshot, {"kind": "pause"}).startswith("Asked.")
    assert [request.kind for request in requests.open()] == [Asked.PAUSE]


def test_a_trial_offers_what_can_be_done_with_it(open_study, feed):
    open_study.delete(4)
    feed.refresh()
    by_number = feed.snapshot().by_number
    offered = {n: trial_controls(by_number[n]) for n in (3, 4, 5, 23)}
    found = {n: re.findall('data-ask="([a-z]+)"', html) for n, html in offered.items()}
    assert found == {3: ["delete"], 4: [], 5: ["retry", "delete"], 23: []}
    assert 'data-sure="Delete trial 3?' in offered[3]


def test_buttons_are_hidden_until_the_page_has_a_token():
    assert controls().startswith('<div class="controls" hidden>')


def test_what_became_of_requests_is_shown_as_text(requests):
    first = requests.ask(Asked.RETRY, trial=5)
    requests.ask(Asked.ENQUEUE, architecture={"<b>": 1})
    requests.answer(first.key, Answer.REFUSED, "<i>no</i>")
    html = requests_section(requests.latest(5))
    assert 'retry trial <a href="#trial-5">5</a>, <em>refused: &lt;i&gt;no&lt;/i&gt;</em>' in html
    assert "train <code>{&quot;&lt;b&gt;&quot;: 1}</code>, <em>waits for the run</em>" in html
