"""Features and constraints on random members, against all members."""

import time

import numpy as np
import pytest

import archbo as ab
from archbo.checks.members import look
from archbo.problem import Problem

SPACE = ab.Space(a=ab.Choice(["x", "y", "z"]), depth=ab.Int(1, 8))


def convs(arch):
    return arch["depth"] * (arch["a"] != "x")


def not_z(arch):
    return arch["a"] != "z"


def looked(features=None, constraints=None, *, seconds=60.0, space=SPACE):
    problem = Problem.make(space, features=features, constraints=constraints, draft=True)
    return look(problem, np.random.default_rng(0), seconds=seconds)


def test_shares_cover_those_of_all_members():
    info, feasible = looked({"convs": convs}, [{"convs": "<= 4"}, not_z])
    members = list(SPACE.enumerate())
    truth = {
        "convs <= 4": np.mean([convs(m) <= 4 for m in members]),
        "not_z": np.mean([not_z(m) for m in members]),
    }
    assert {c.name for c in info.constraints} == set(truth)
    for constraint in info.constraints:
        low, high = constraint.met.interval
        assert low <= truth[constraint.name] <= high
    both = [m for m in members if convs(m) <= 4 and not_z(m)]
    low, high = info.feasible.interval
    assert low <= len(both) / len(members) <= high
    assert {a.id for a in feasible} == {m.id for m in both}
    assert info.infeasible == ""


def test_feature_is_called_once_a_network_and_described():
    called = []

    def counted(arch):
        called.append(arch.id)
        return arch["depth"]

    info, _ = looked({"counted": counted})
    (feature,) = info.features
    assert sorted(called) == sorted({m.id for m in SPACE.enumerate()})
    assert (feature.distribution.least, feature.distribution.most) == (1, 8)
    assert feature.failed.count == 0
    assert info.feasible is None


def test_failing_feature_is_described_by_its_first_architectures():
    def fragile(arch):
        if arch["depth"] == 8:
            raise KeyError("eight")
        return float("nan") if arch["depth"] == 7 else 1.0

    info, feasible = looked({"fragile": fragile}, {"fragile": ">= 0"})
    (feature,) = info.features
    assert 0 < feature.failed.count < feature.failed.total == info.looked_at
    assert {f.error for f in feature.failures} <= {"KeyError: 'eight'", "gave nan"}
    assert all(f.architecture["depth"] >= 7 for f in feature.failures)
    assert all(arch["depth"] < 7 for arch in feasible)


def test_failing_predicate_is_not_met():
    def picky(arch):
        return 1 / (arch["depth"] - 3) > -10

    info, feasible = looked(constraints=[picky])
    assert "ZeroDivisionError" in info.constraints[0].failures[0].error
    assert all(arch["depth"] != 3 for arch in feasible)


def test_constraint_that_nothing_meets_says_how_close_it_got():
    info, feasible = looked({"convs": convs}, {"convs": "> 8"})
    assert feasible == []
    assert "convs > 8 (the closest found: 8)" in info.infeasible


def test_rare_members_that_random_ones_miss_do_not_count_as_infeasible():
    space = ab.Space(layers=ab.Chain(ab.Choice(list("abcdefgh")), length=10))

    def mismatches(arch):
        return sum(op != "c" for op in arch["layers"])

    info, feasible = looked({"mismatches": mismatches}, {"mismatches": "<= 1"}, space=space)
    assert info.feasible.count == 0
    assert feasible == []
    assert info.infeasible == ""


def test_time_that_is_up_leaves_a_prefix():
    def slow(arch):
        time.sleep(0.002)
        return 1.0

    space = ab.Space(a=ab.Int(1, 1000), b=ab.Int(1, 1000))
    info, _ = looked({"slow": slow}, seconds=0.05, space=space)
    assert 1 <= info.looked_at < 1000
    assert info.seconds_each >= 0.002
    assert info.features[0].milliseconds >= 2


def test_columns_of_a_pool_are_features():
    networkx = pytest.importorskip("networkx")
    graphs = []
    for label in "abc":
        graph = networkx.DiGraph()
        graph.add_node(0, op="input")
        graph.add_node(1, op=label)
        graph.add_node(2, op="output")
        graph.add_edges_from([(0, 1), (1, 2)])
        graphs.append(graph)
    pool = ab.Pool(graphs, features={"params": [1.0, 2.0, 3.0]})
    info, feasible = looked(constraints={"params": "<= 2"}, space=pool)
    assert info.features[0].name == "params"
    assert info.features[0].distribution.most == 3
    assert len(feasible) == 2
