import json
import re
from contextlib import closing
from threading import Thread
from urllib.request import urlopen

import pytest

from archbo.data import State
from archbo.store.requests import Requests
from archbo.views.dashboard.pages import Site
from archbo.views.dashboard.serving import open_feed

testclient = pytest.importorskip("starlette.testclient", reason="needs starlette and httpx")
pytest.importorskip("uvicorn", reason="needs uvicorn")

from archbo.views.dashboard.app import make_app  # noqa: E402 - needs starlette

BASE = "http://127.0.0.1:8080"
ORIGIN = {"Origin": BASE, "X-Archbo-Token": "secret"}


@pytest.fixture
def client(feed):
    return testclient.TestClient(make_app(Site([feed], control=False)), base_url=BASE)


@pytest.fixture
def steering(study_file):
    with closing(open_feed(str(study_file), control=True)) as feed:
        app = make_app(Site([feed], control=True), token="secret", names=("Lab.Local",))
        yield testclient.TestClient(app, base_url=BASE)


PATHS = ["/", "/studies/0", "/studies/0?filter=model", "/studies/0/trials/5",
         "/studies/0/compare?trial=1&trial=2"]  # fmt: skip


@pytest.mark.parametrize("path", [*PATHS, "/report.css", "/dashboard.css", "/dashboard.js"])
def test_pages_and_assets_are_served_with_a_policy(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/nothing", "/studies/7", "/studies/0/trials/99", "/../etc"])
def test_a_page_that_is_not_there_is_a_404_under_the_same_policy(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_words_in_an_address_are_escaped(client):
    html = client.get("/studies/0/trials/<script>alert(1)").text
    assert "&lt;script&gt;" in html
    assert "<script>" not in html


def test_parts_are_those_that_the_browser_lacks(client):
    page = client.get("/studies/0/trials/5").text
    have = re.findall(r'id="part-([\w-]+)" data-digest="(\w+)"', page)
    known = ",".join(".".join(pair) for pair in have)
    assert client.get("/parts/studies/0/trials/5", params={"have": known}).json() == {}
    missing = client.get("/parts/studies/0/trials/5", params={"have": known[5:]}).json()
    assert list(missing) == ["head"]


def test_a_tip_is_the_architecture_in_a_line(client):
    assert client.get("/studies/0/tips/5").text.startswith("cell=[0→1 ")
    assert client.get("/studies/0/tips/99").status_code == 404


@pytest.mark.parametrize("host", ["evil.test", "evil.test:8080", "127.0.0.1.evil.test", "", "a b"])
def test_a_name_that_is_not_this_machines_is_refused(client, host):
    answer = client.get("/", headers={"Host": host})
    assert answer.status_code == 421
    assert "digits" not in answer.text


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:8080", "192.168.0.7:8080"])
def test_addresses_and_localhost_are_served(client, host):
    assert client.get("/", headers={"Host": host}).status_code == 200


def test_the_name_that_was_given_is_served(steering):
    assert steering.get("/", headers={"Host": "lab.local:80"}).status_code == 200


def test_a_dashboard_that_only_shows_takes_no_request(client, open_study):
    answer = client.post("/studies/0/requests", json={"kind": "pause"}, headers=ORIGIN)
    assert answer.status_code == 403
    assert Requests(open_study).open() == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"X-Archbo-Token": "other"}, "The token is another one"),
        ({"X-Archbo-Token": ""}, "The token is another one"),
        ({"X-Archbo-Token": "é"}, "The token is another one"),
        ({"Origin": "http://evil.test"}, "from another page"),
        ({"Origin": "http://127.0.0.1:9090"}, "from another page"),
        ({"Origin": "null"}, "from another page"),
        ({"Origin": ""}, "from another page"),
    ],
)
def test_a_request_without_the_token_or_from_another_page_is_refused(
    steering, open_study, changed, words
):
    headers = {name: value.encode() for name, value in (ORIGIN | changed).items()}
    answer = steering.post("/studies/0/requests", json={"kind": "stop"}, headers=headers)
    assert answer.status_code == 403
    assert words in answer.text
    assert Requests(open_study).open() == []


def test_a_request_of_the_page_itself_is_stored_and_shown(steering, open_study):
    answer = steering.post(
        "/studies/0/requests", json={"kind": "retry", "trial": 5}, headers=ORIGIN
    )
    assert answer.status_code == 200
    (request,) = Requests(open_study).open()
    assert (request.kind, request.trial) == ("retry", 5)
    assert "waits for the run" in steering.get("/studies/0").text


def test_a_trial_is_deleted_by_the_page_itself_alone(client, steering, open_study):
    wish = {"kind": "delete", "trial": 3}
    for refusing, headers in ((client, ORIGIN), (steering, ORIGIN | {"X-Archbo-Token": "other"})):
        assert refusing.post("/studies/0/requests", json=wish, headers=headers).status_code == 403
    assert open_study.read()[3].state is State.FINISHED
    answer = steering.post("/studies/0/requests", json=wish, headers=ORIGIN)
    assert (answer.status_code, answer.text) == (200, "Deleted. Its result counts no more.")
    assert open_study.read()[3].state is State.DELETED
    overview = steering.get("/studies/0").text
    assert '<tr id="row-3" class="deleted">' in overview
    assert "<dt>deleted</dt><dd>1</dd>" in overview
    assert "finished; deleted when there were 24 trials" in steering.get("/studies/0/trials/3").text
    again = steering.post("/studies/0/requests", json=wish, headers=ORIGIN)
    assert (again.status_code, again.text) == (422, "Trial 3 is deleted already.")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/studies/0/requests", b"no json", 400),
        ("/studies/0/requests", b"[" * 90_000, 400),
        ("/studies/0/requests", b" " * 100_001, 413),
        ("/studies/0/requests", b'{"kind": "explode"}', 422),
        ("/studies/0/requests", b'{"kind": "delete", "trial": "3"}', 422),
        ("/studies/0/requests", b'{"kind": "enqueue", "architecture": "{}"}', 422),
        ("/studies/9/requests", b'{"kind": "pause"}', 404),
    ],
)
def test_a_request_that_makes_no_sense_says_so(steering, open_study, path, body, status):
    answer = steering.post(path, content=body, headers=ORIGIN)
    assert answer.status_code == status
    assert answer.text
    assert Requests(open_study).open() == []


def test_the_token_is_in_no_page(steering):
    for path in PATHS:
        assert "secret" not in steering.get(path).text


def test_events_bring_what_changes_and_nothing_else(serving, open_study):
    url = serving()
    with urlopen(f"{url}/events/studies/0/trials/23?have=", timeout=20) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        first = next_event(stream)
        assert {"head", "drawing"} <= set(first)
        Thread(target=open_study.finish, args=(23, 0.75), kwargs={"seconds": 2.0}).start()
        second = next_event(stream)
    assert set(second) == {"head"}
    assert '<span class="value">0.75</span>' in second["head"]["html"]


def next_event(stream):
    for line in stream:
        if line.startswith(b"data: "):
            return json.loads(line.removeprefix(b"data: "))
    raise AssertionError("the stream has ended")
