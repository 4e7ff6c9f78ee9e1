"""Studies in stores, as they are while they run and after."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Thread

import pytest

from archbo.data import Proposal, State, TrialRecord
from archbo.spaces import from_dict
from archbo.store import NewTrial, Store, StoredStudy
from archbo.views.dashboard.feed import Feed
from archbo.views.dashboard.pages import Site
from archbo.views.dashboard.serving import listen, open_feed

NEVER = float("inf")  # what takes long is found out
WORKER = "host:77:0123abcd"


def write(stored: StoredStudy, record: TrialRecord) -> None:
    """Let a study have one more trial."""
    space = from_dict(stored.settings["space"])
    arch = space.architecture(record.architecture)
    proposal = Proposal(arch, record.origin, record.prediction, record.score)
    number = stored.add_trial(NewTrial(proposal, features=record.features, worker=WORKER)).number
    for report in record.reports:
        stored.add_report(number, report.epoch, report.value)
    if record.state is State.FINISHED:
        stored.finish(number, record.value, seconds=record.seconds)
    elif record.state is State.FAILED:
        stored.fail(number, record.error, traceback=record.traceback, seconds=record.seconds)


@pytest.fixture
def study_file(shown, tmp_path, tmp_path_factory) -> Path:
    """The 24 trials of `shown` in a file."""
    written = tmp_path_factory.getbasetemp() / "written.db"
    if not written.exists():
        with Store.open(written) as store:
            stored = store.create_study(shown.settings | {"epochs": 10, "repeats": None})
            for record in shown.records:
                write(stored, record)
    return Path(shutil.copy(written, tmp_path / "digits.db"))


@pytest.fixture
def open_study(study_file) -> Iterator[StoredStudy]:
    """The same study, as whoever runs it has it."""
    with Store.open(study_file) as store:
        yield store.study()


@pytest.fixture
def feed(study_file) -> Iterator[Feed]:
    """The same study, as the dashboard has it."""
    with closing(open_feed(str(study_file))) as feed:
        yield feed


@pytest.fixture
def serving(study_file) -> Iterator[Callable[..., str]]:
    """Starts a dashboard and gives its address; `control` makes "secret" its token."""
    uvicorn = pytest.importorskip("uvicorn", reason="needs uvicorn")
    from archbo.views.dashboard.app import make_app

    with ExitStack() as stack:

        def start(*stores: Path, control: bool = False) -> str:
            feeds = [
                stack.enter_context(closing(open_feed(str(path), control=control)))
                for path in stores or [study_file]
            ]
            listening = stack.enter_context(closing(listen("127.0.0.1", 0)))
            site = Site(feeds, control=control, first=0.0 if stores else NEVER)
            app = make_app(site, token="secret" if control else "")
            config = uvicorn.Config(
                app, log_level="error", lifespan="off", timeout_graceful_shutdown=1
            )
            server = uvicorn.Server(config)
            thread = Thread(target=server.run, kwargs={"sockets": [listening]})
            thread.start()
            stack.callback(thread.join)
            stack.callback(setattr, server, "should_exit", True)
            return f"http://127.0.0.1:{listening.getsockname()[1]}"

        yield start
