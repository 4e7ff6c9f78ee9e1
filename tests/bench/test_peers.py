import ast
import gc
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import archbo as ab
from archbo.bench import peers
from archbo.bench.peers import PACKAGES, Peer, interpreter, library, parse_pythons
from archbo.errors import MissingExtraError, ObservationError, PeerError, ProblemError

HERE = Path(sys.executable)
SPACE = ab.Space(
    depth=ab.Int(2, 9),
    rate=ab.Float(1e-4, 1e-1, log=True),
    only=ab.Choice({"this": ab.Space(flag=ab.Bool())}),
    head=ab.Choice({"linear": None, "mlp": ab.Space(width=ab.Int(16, 256, log=True))}),
)
CELL = ab.NodeCell(max_nodes=5, max_edges=5, ops=["a", "b"])
REAL = [text for text in os.environ.get("ARCHBO_PEERS", "").split(",") if text]

SCRIPTED = """
import json, os, sys, time
asked = []
for line in sys.stdin:
    message = json.loads(line)
    asked.append(message)
    with open({record!r}, "a") as file:
        file.write(line)
    print(json.dumps({answer}), flush=True)
"""


def value(arch):
    return -abs(arch["depth"] - 7) + (arch["head"] != "linear")


def random_peer(space, **options):
    return Peer("stdlib:random", space, python=HERE, **options)


def imported(nodes):
    """The top-level modules that some statements import."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
    return found


def searched(peer, trials, score):
    found = []
    with peer:
        for _ in range(trials):
            found.append(peer.ask())
            peer.tell(found[-1], score(found[-1]))
    return found


@pytest.fixture
def scripted(tmp_path, monkeypatch):
    """A worker that answers by an expression of the messages so far, and what it was told."""

    def make(answer):
        record, worker = tmp_path / "record.jsonl", tmp_path / "worker.py"
        worker.write_text(SCRIPTED.format(record=str(record), answer=answer))
        monkeypatch.setattr(peers, "WORKER", worker)
        return lambda: [json.loads(line) for line in record.read_text().splitlines()]

    return make


def test_what_it_asks_are_members_of_the_space():
    found = searched(random_peer(SPACE, seed=1), 40, value)
    assert all(arch == SPACE.architecture(arch.value) for arch in found)
    assert {arch["depth"] for arch in found} == set(range(2, 10))
    assert {type(arch["head"]) for arch in found} == {str, ab.Architecture}
    widths = [arch["head"]["width"] for arch in found if arch["head"] != "linear"]
    assert min(widths) < 32
    assert max(widths) > 128


def test_the_same_seed_asks_the_same():
    first, again, other = (searched(random_peer(SPACE, seed=s), 5, value) for s in (3, 3, 4))
    assert first == again
    assert first != other


def test_repeats_are_asked_again():
    found = searched(random_peer(ab.Bool()), 12, lambda arch: 1.0)
    assert len(found) == 12
    assert len(set(found)) == 2


def test_rows_that_are_no_members_are_asked_for_again():
    peer = random_peer(CELL, seed=0)
    found = searched(peer, 20, lambda arch: 1.0)
    assert peer.rejected > 0
    assert CELL.compiled.valid(CELL.compiled.encode(found)).all()


def test_the_worker_is_told_the_decisions_that_are_free(scripted):
    told = scripted('{"version": "1", "values": [3, 1e-3, 1, 1, 64]}')
    with Peer("smac", SPACE, python=HERE, seed=2**40 + 5, trials=30) as peer:
        arch = peer.ask()
    assert peer.version == "1"
    assert arch.value == {
        "depth": 3,
        "rate": 1e-3,
        "only": {"this": {"flag": True}},
        "head": {"mlp": {"width": 64}},
    }
    (opening,) = told()
    assert (opening["peer"], opening["seed"], opening["trials"]) == ("smac", 5, 30)
    always = {"parent": None, "first": 0.0, "last": 0.0}
    assert opening["decisions"] == [
        {"kind": "integer", "low": 2, "high": 9, "log": False, **always},
        {"kind": "real", "low": 1e-4, "high": 1e-1, "log": True, **always},
        {"kind": "categorical", "low": 0, "high": 1, "log": False, **always},
        {"kind": "categorical", "low": 0, "high": 1, "log": False, **always},
        {"kind": "integer", "low": 16, "high": 256, "log": True}
        | {"parent": 3, "first": 1.0, "last": 1.0},
    ]


def test_values_beyond_the_bounds_are_put_on_them(scripted):
    scripted('{"version": "1", "values": [9.999999, 0.10000001]}')
    space = ab.Space(depth=ab.Choice([1, 2, 3]), rate=ab.Float(1e-4, 1e-1, log=True))
    with Peer("smac", space, python=HERE) as peer:
        assert peer.ask().value == {"depth": 3, "rate": 1e-1}


@pytest.mark.parametrize("maximize", [True, False])
def test_larger_is_better_and_failures_are_the_worst_so_far(scripted, maximize):
    told = scripted('{"version": "1", "values": [2]}')
    sign = 1.0 if maximize else -1.0
    with Peer("smac", ab.Int(1, 4), python=HERE, maximize=maximize) as peer:
        for result in (ab.FAILED, 3.0, ab.FAILED, 1.0, 5.0, ab.FAILED):
            peer.tell(peer.ask(), result if result is ab.FAILED else sign * result)
        peer.ask()
    results = [message["value"] for message in told()[1:]]
    assert results == ([None, 3.0, 3.0, 1.0, 5.0, 1.0])


def test_no_member_is_told_as_the_worst_so_far(scripted):
    cell = ab.NodeCell(max_nodes=3, max_edges=2, ops=["a", "b"])
    sample = cell.sample(0)
    good = sample.rows.values[0, cell.compiled.options != 1].tolist()
    told = scripted(
        f'{{"version": "1", "values": {[0.0] * len(good)} if len(asked) in (1, 3) else {good}}}'
    )
    with Peer("smac", cell, python=HERE) as peer:
        peer.tell(peer.ask(), 2.0)
        assert peer.ask() == sample
        assert peer.rejected == 2
    assert [message["value"] for message in told()[1:]] == [None, 2.0, 2.0]


def test_a_peer_that_proposes_no_member_is_given_up(scripted, monkeypatch):
    monkeypatch.setattr(peers, "_REDRAWS", 7)
    width = int((CELL.compiled.options != 1).sum())
    scripted(f'{{"version": "1", "values": {[0.0] * width}}}')
    with (
        Peer("smac", CELL, python=HERE) as peer,
        pytest.raises(PeerError, match="smac proposed 7 rows in turn that are no members"),
    ):
        peer.ask()


def test_what_it_did_not_ask_for_cannot_be_told():
    with random_peer(SPACE) as peer:
        with pytest.raises(ObservationError, match="stdlib:random learns only what it asked for"):
            peer.tell(SPACE.sample(0), 1.0)
        arch = peer.ask()
        with pytest.raises(ObservationError, match="is still to be told the result of"):
            peer.ask()
        with pytest.raises(ObservationError, match="a result must be finite, got nan"):
            peer.tell(arch, np.nan)
        peer.tell(arch, 1.0)
        peer.ask()


def test_a_missing_library_names_what_to_install(tmp_path):
    bare = tmp_path / "smac" / "bin" / "python"
    bare.parent.mkdir(parents=True)
    bare.symlink_to(sys.executable)  # beside no site-packages
    with pytest.raises(
        MissingExtraError, match=r"No module named 'ConfigSpace'\. .*bin/python -m pip install smac"
    ):
        Peer("smac", SPACE, python=bare)


def test_a_worker_that_dies_is_reported_with_its_last_words(scripted):
    scripted('print("too little memory", file=sys.stderr) or os._exit(3)')
    with pytest.raises(PeerError, match="smac ended with code 3; it said: too little memory"):
        Peer("smac", SPACE, python=HERE)


def test_an_error_of_the_library_is_reported(scripted):
    scripted('{"error": "ValueError: too wide", "missing": False}')
    with pytest.raises(PeerError, match="smac failed: ValueError: too wide; it said: nothing"):
        Peer("smac", SPACE, python=HERE)


def test_a_worker_that_takes_too_long_is_ended(scripted):
    scripted("time.sleep(600)")
    with pytest.raises(PeerError, match=r"smac took longer than 0\.5 s for a proposal"):
        Peer("smac", SPACE, python=HERE, timeout=0.5)


def test_what_is_no_interpreter_cannot_be_started(tmp_path):
    with pytest.raises(PeerError, match=r"smac cannot be started: .* Is --peer-python an interp"):
        Peer("smac", SPACE, python=tmp_path)


def test_closing_ends_the_process_and_can_be_repeated():
    peer = random_peer(SPACE)
    process = peer._process._process
    peer.close()
    peer.close()
    assert process.poll() is not None
    gc.collect()  # what is left open would warn here


def test_pools_are_refused():
    pool = ab.Pool([(["input", "a", "output"], [(0, 1), (1, 2)])] * 3)
    with pytest.raises(ProblemError, match=r"space\.net: peer 'smac' cannot search a pool"):
        Peer("smac", ab.Space(net=pool), python=HERE)


def test_the_worker_needs_no_archbo():
    tree = ast.parse(peers.WORKER.read_text())
    needed = imported(tree.body)
    assert needed <= {"__future__", *sys.stdlib_module_names}
    assert "archbo" not in imported(ast.walk(tree))


def test_interpreters_are_given_by_library(tmp_path):
    python = tmp_path / "python"
    python.touch()
    found = parse_pythons([f"optuna={python}", f"smac={python}"])
    assert found == {"optuna": python, "smac": python}
    assert interpreter("optuna:gp", found) == interpreter("optuna:tpe", found) == python
    assert interpreter("stdlib:random", {}) == HERE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("optuna", r"--peer-python: expected library=interpreter, got 'optuna'\. Write optuna=/"),
        ("optun=/bin/sh", r"--peer-python: no peer library 'optun'\. Did you mean 'optuna'\?"),
        ("smac=/no/where", "--peer-python smac: there is no file /no/where"),
    ],
)
def test_interpreters_that_make_no_sense_are_refused(text, message):
    with pytest.raises(ProblemError, match=message):
        parse_pythons([text])


def test_a_peer_without_an_interpreter_says_how_to_make_one():
    with pytest.raises(
        MissingExtraError,
        match=r"peer 'optuna:gp' needs an environment of its own\. python -m venv optuna && "
        r"optuna/bin/pip install optuna scipy torch; then --peer-python optuna=",
    ):
        interpreter("optuna:gp", {})


def test_an_unknown_peer_is_refused():
    with pytest.raises(ProblemError, match=r"no peer 'optuna:tpf'\. Did you mean 'optuna:tpe'\?"):
        library("optuna:tpf")


@pytest.mark.slow
@pytest.mark.skipif(
    not REAL, reason="ARCHBO_PEERS names no interpreters, such as optuna=/path/bin/python,smac=…"
)
@pytest.mark.parametrize("name", [name for name in PACKAGES if PACKAGES[name]])
def test_real_peers_search_every_kind_of_decision(name):
    pythons = parse_pythons(REAL)
    if library(name) not in pythons:
        pytest.skip(f"ARCHBO_PEERS names no interpreter for {library(name)}")
    options = {"python": pythons[library(name)], "seed": 1, "trials": 24}
    first = searched(Peer(name, SPACE, **options), 24, value)
    again = searched(Peer(name, SPACE, **options), 12, value)
    assert first[:12] == again
    values = [value(arch) for arch in first]
    assert np.mean(values[12:]) > np.mean(values[:6]) - 1
    cells = searched(Peer(name, CELL, **options), 14, lambda arch: len(arch.value["edges"]))
    assert len(cells) == 14
