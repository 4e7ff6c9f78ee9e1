"""What a check looks like in the terminal and as JSON."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

import archbo as ab
from archbo.checks.classes import Bounds
from archbo.checks.landscapes import LandscapeInfo
from archbo.checks.results import (
    CheckResult,
    ConstraintInfo,
    Distribution,
    EpochInfo,
    Failure,
    FeatureInfo,
    Finding,
    MembersInfo,
    NetworksInfo,
    ProposalsInfo,
    ProposalTime,
    Share,
)
from archbo.checks.sizes import CellSize, SizeInfo
from archbo.problem import Objective
from archbo.views.checks import check_view
from archbo.views.facts import check_facts

ARCH = ab.Space(width=ab.Int(1, 9)).sample(0)
LANDSCAPE = LandscapeInfo(40, 2.0, 1.25, 2.5, 3.0, 0.75, 0.1, 4.4, ())
RESULT = CheckResult(
    size=SizeInfo(15_625, Bounds(5000, 6000), (), ()),
    members=MembersInfo(
        looked_at=1000,
        features=(
            FeatureInfo(
                "params", Distribution(1, 2, 3, 4, 12_345), 0.05, Share(1, 1000),
                (Failure(ARCH, "ValueError: no"),),
            ),
        ),
        constraints=(
            ConstraintInfo("params <= 3", Share(600, 1000)),
            ConstraintInfo("connected", Share(1000, 1000)),
        ),
        feasible=Share(0, 1000),
        infeasible="",
        seconds_each=1e-4,
    ),
    networks=NetworksInfo(
        Share(20, 20), Share(18, 20), None, (Failure(ARCH, "RuntimeError: [shape]"),),
        Distribution(1, 2, 3, 4, 5), Distribution(10, 20, 30, 40, 50), 0.2,
    ),
    proposals=ProposalsInfo(0.4, (ProposalTime(10, 0.3), ProposalTime(50, 1.5)), "no time"),
    epoch=EpochInfo(0.021, 0.019, 0.05, 40),
    landscape=LANDSCAPE,
    findings=(Finding("warning", "features.params: is [odd]"),),
    seconds=8.2,
)  # fmt: skip


def printed(result):
    console = Console(width=110, record=True, file=io.StringIO())
    console.print(check_view(result, Objective("accuracy", maximize=True), name="digits"))
    return " ".join(console.export_text().split())


@pytest.mark.parametrize(
    "words",
    [
        "digits maximise accuracy",
        "architectures 15,625 networks 5,000 to 6,000 different ones (with 95% confidence)",
        "met by 1,000 random architectures, with 95% intervals params <= 3 60.0% (56.9% to 63.1%)",
        "connected all of 1,000 (at least 99.6%)",
        "all of them none of 1,000 (at most 0.4%)",
        "params 1 2 3 4 12,345 0.05",
        "ran forward 90.0% (68.3% to 98.8%) ran backward not tried",
        "FLOPs 10 20 30 40 50",
        "0.3 s after 10 trials, 1.5 s after 50 trials (no time)",
        "an epoch 0.021 s, 0.019 s to 0.05 s in 40 trials",
        "length 2 changed decisions (1.2 to 2.5 with 95% confidence, 3 at most in this space)",
        "! features.params: is [odd]",
        "Nothing stands in the way. (8.2 s; nothing was trained or stored)",
    ],
)
def test_everything_is_said_in_words(words):
    assert words in printed(RESULT)


def test_what_is_not_known_is_said_too():
    result = replace(
        RESULT,
        size=SizeInfo(
            None, None, (CellSize("space.cell", 27, Bounds(9, 9)),), ("space.lr", "space.decay")
        ),
        members=replace(RESULT.members, constraints=(), feasible=None, features=()),
        networks=None,
        proposals=ProposalsInfo(None, (), "the features take long"),
        epoch=None,
        landscape=replace(LANDSCAPE, low=0.0, high=3.0),
        findings=(Finding("error", "constraints: nothing meets them"),),
    )
    said = printed(result)
    assert "infinitely many: lr, decay are real numbers" in said
    assert "cell 27 cells, 9 different networks" in said
    assert "a proposal not timed: the features take long" in said
    assert "no trial has finished; --probe" in said
    assert "40 results do not tell yet how far one reaches" in said
    assert "✗ constraints: nothing meets them" in said
    assert "A search would not get far." in said
    assert "Networks" not in said
    assert "Constraints, met" not in said


def test_probed_epoch_is_said_to_be_one():
    assert "an epoch 12 s in a probe" in printed(replace(RESULT, epoch=EpochInfo(12, 12, 12, 0)))


def test_facts_are_valid_json_with_intervals_and_architectures():
    facts = check_facts(replace(RESULT, epoch=EpochInfo(np.inf, 1.0, 1.0, 0)))
    again = json.loads(json.dumps(facts, allow_nan=False))
    assert again == facts
    assert facts["ok"] is True
    assert facts["size"]["distinct"] == {"low": 5000, "high": 6000}
    assert facts["members"]["feasible"]["count"] == 0
    assert facts["members"]["feasible"]["interval"] == list(Share(0, 1000).interval)
    assert facts["networks"]["failures"][0] == {
        "architecture": {"id": ARCH.id, "architecture": ARCH.to_dict()},
        "error": "RuntimeError: [shape]",
    }
    assert facts["epoch"]["seconds"] is None
    assert facts["networks"]["backward"] is None
