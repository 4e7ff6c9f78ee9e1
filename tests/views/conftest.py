"""A study that never ran, for everything that shows one."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import archbo as ab
from archbo.data import Prediction, Report, State, TrialRecord
from archbo.spaces import Chain, Choice, EdgeCell, Float, Int, Space
from archbo.views.infos import StudyInfo, study_info

SPACE = Space(
    cell=EdgeCell(nodes=4, ops=["none", "skip_connect", "conv_1x1", "conv_3x3", "avg_pool_3x3"]),
    body=Chain(Choice(["mb3", "mb5"]), length=(2, 5)),
    head=Choice({"linear": None, "mlp": Space(width=Int(16, 256, log=True))}),
    lr=Float(1e-4, 1e-1, log=True),
)
NASTY = "RuntimeError: <script>window.hacked = 1</script> & <img src=x onerror=alert(1)> \"'"


class Shown(NamedTuple):
    records: list[TrialRecord]
    settings: dict
    study: StudyInfo


def made(number, value, *, state=State.FINISHED, space=SPACE, seed=None, **fields):
    """A trial record of a random architecture, the same for the same seed (or number)."""
    architecture = space.sample(np.random.default_rng(number if seed is None else seed))
    fields = {"origin": "random", "seconds": 2.0, "created": 1.7e9 + 3 * number} | fields
    return TrialRecord(
        number, architecture.id, architecture.to_dict(), state, value=value, **fields
    )


def settings_of(space=SPACE, direction="maximize"):
    return {
        "space": space.to_dict(),
        "objective": "accuracy",
        "direction": direction,
        "seed": 0,
        "method": "bo",
        "features": ["params"],
        "constraints": ["params <= 2e+06"],
        "versions": {"archbo": "0.1.0"},
    }


CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window."""
    sync_api = pytest.importorskip(
        "playwright.sync_api", reason="needs playwright: pip install playwright"
    )
    if not CHROMIUM.exists():
        pytest.skip(f"needs Chromium at {CHROMIUM}: apt install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def make():
    return made


@pytest.fixture
def settings():
    return settings_of


@pytest.fixture
def study():
    return study_info(settings_of(), name="digits")


@pytest.fixture
def shown():
    """24 trials: all origins, two failures (one with markup in its words), one running."""
    rng = np.random.default_rng(0)
    records = []
    for i in range(24):
        state = State.FAILED if i in (5, 9) else State.RUNNING if i == 23 else State.FINISHED
        value = 0.8 + 0.1 * i / 24 + 0.02 * rng.random()
        origin = "initial" if i < 4 else ("model", "random", "evolution", "user", "odd")[i % 5]
        model = origin == "model"
        records.append(
            made(
                i,
                value if state is State.FINISHED else None,
                state=state,
                origin=origin,
                prediction=Prediction(value + 0.01, 0.02) if model else None,
                score=-2.5 if model else None,
                hyperparameters={"noise": 0.02} if model else {},
                features={"params": float(rng.integers(1_000, 90_000))},
                error={5: NASTY, 9: "the worker was killed by SIGSEGV"}.get(i),
                traceback=f"Traceback:\n{NASTY}" if i == 5 else None,
                seconds=None if i == 23 else 2.0,
                reports=tuple(Report(e, value - 0.3 / e) for e in range(1, 6)) if i < 23 else (),
            )
        )
    settings = settings_of()
    return Shown(records, settings, study_info(settings, name="digits"))


def climb(number, epochs, state=State.PAUSED, *, target=None, **fields):
    """A trial of a study with up to 27 epochs that has reported so many of them."""
    points = [Report(e, 0.9 + number / 1000 - 0.5 / e) for e in range(1, epochs + 1)]
    if state.short:
        fields |= {"reached": float(epochs), "interim": points[-1].value}
    full = state is State.FINISHED
    level = None if full else float(epochs if target is None else target)
    value = points[-1].value if full else None
    return made(number, value, state=state, reports=tuple(points), fidelity=level, **fields)


@pytest.fixture
def climbed():
    """12 trials of up to 27 epochs, in every state; trial 10 was to go on from 3 to 9."""
    records = [
        *(climb(i, 1) for i in range(6)),
        *(climb(i, 3) for i in (6, 7)),
        climb(8, 9, State.STOPPED),
        climb(9, 27, State.FINISHED),
        climb(10, 5, State.FAILED, target=9, error="out of memory"),
        climb(11, 4, State.RUNNING, target=9, seconds=None),
    ]
    settings = settings_of() | {"fidelity": ab.Epochs(1, 27).to_dict()}
    return Shown(records, settings, study_info(settings, name="digits"))


@pytest.fixture
def afresh():
    """A study in which each level is a training of its own; four networks, the best in full."""
    levels = {0: [0.1], 1: [0.1, 0.3], 2: [0.1, 0.3, 1.0], 3: [0.1]}
    records = []
    for network, reached in levels.items():
        for level in reached:
            value = network / 10 + level / 2
            result = {"value": value} if level == 1.0 else {"reached": level, "interim": value}
            records.append(
                replace(
                    made(len(records), None, state=State.PAUSED, seed=network),
                    fidelity=None if level == 1.0 else level,
                    **result | ({"state": State.FINISHED} if level == 1.0 else {}),
                )
            )
    records.append(
        replace(made(len(records), None, state=State.RUNNING, seed=3), fidelity=0.3, seconds=None)
    )
    fidelity = ab.Fidelity("data_fraction", 0.1, 1.0).to_dict()
    settings = settings_of() | {"fidelity": fidelity}
    return Shown(records, settings, study_info(settings, name="shares"))
