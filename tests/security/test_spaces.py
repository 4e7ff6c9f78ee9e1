"""Spaces whose JSON is small, and that would take all memory or all time: each is an error."""

import json
import subprocess
import sys

import pytest

BOOL = {"kind": "Bool"}
LINE = "0 {}1/{}"


def nested(depth):
    part = BOOL
    for _ in range(depth):
        part = {"kind": "Space", "parts": {"a": part}}
    return part


def chain(block, most, **more):
    return {"kind": "Chain", "block": block, "length": [1, most], **more}


def shared(depth):
    part = BOOL
    for _ in range(depth):
        part = chain(part, 2000, shared=True)
    return part


def grammar(rules, **more):
    return {"kind": "Grammar", "start": next(iter(rules)), "rules": rules, "max_depth": 64, **more}


def pool(vertices):
    edges = " ".join(f"{i} {i + 1}" for i in range(vertices + 1))
    graph = LINE.format("2 " * vertices, edges)
    return {"kind": "Pool", "labels": ["input", "output", "conv"], "graphs": [graph]}


RULES = {f"r{i}": [*(f"r{j}" for j in range(i + 1, 40)), "x"] for i in range(39)} | {"r39": ["y"]}
FORMS = {
    "parts are more than 64 deep": nested(400),
    "at most 2048 layers, got 1000000000": chain(BOOL, 10**9),
    "at most 65536 decisions": chain(chain(chain(BOOL, 1000), 1000), 1000),
    "at most 65536 decisions are possible": {
        "kind": "Space", "parts": {f"c{i}": chain(BOOL, 2000) for i in range(2000)}
    },
    "at most 65536 decisions are possible, got 4000000": shared(6),
    "at most 2**53 in size": {"kind": "Int", "low": 1, "high": 10**30},
    "the graph has 1000002 vertices": pool(10**6),
    "more than 4096 decisions": grammar(RULES),
    "16777216 operations and rules, more than 256": grammar(
        {"n": ["a(" * 12 + "x" + ")" * 12]}, combinators={"a(x)": "seq(x, x, x, x)"}
    ),
    "has 100000000 settings, more than": grammar(
        {"n": ["f(k, k, k, k, k, k, k, k)", "x"], "k": list("0123456789")}
    ),
    "labels are a list": {"kind": "Pool", "labels": 5, "graphs": ["0/"]},
    "3.4700e+625 members": {
        "kind": "NodeCell", "max_nodes": 64, "max_edges": 2016, "ops": ["a", "b"]
    },
    "7.5244e+606 members": {"kind": "EdgeCell", "nodes": 64, "ops": ["a", "b"]},
}  # fmt: skip

LOOK = """
import json, resource, sys
import numpy as np
resource.setrlimit(resource.RLIMIT_AS, (2_000_000_000,) * 2)
from archbo.errors import ArchboError
from archbo.graphs.drawing import svg
from archbo.spaces import from_dict
from archbo.views.infos import number
try:
    space = from_dict(json.load(sys.stdin))
    size = number(space.size)
    compiled = space.compiled
    row = np.array([[decision.default for decision in compiled.decisions]])
    arch = space.architecture(compiled.architectures(compiled.rows(row))[0].to_dict())
    svg(arch.graph), str(arch.graph), repr(arch)
    print(size, "members")
except ArchboError as error:
    print(error)
"""


@pytest.mark.parametrize("said", FORMS)
def test_a_space_that_would_explode(said):
    done = subprocess.run(
        [sys.executable, "-c", LOOK],
        input=json.dumps(FORMS[said]),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert said in done.stdout, done.stdout + done.stderr
