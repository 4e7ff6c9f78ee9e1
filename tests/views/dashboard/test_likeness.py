from dataclasses import replace

import numpy as np

from archbo.spaces import Chain, Choice, EdgeCell, Float, Int, NodeCell, Space
from archbo.views.dashboard.feed import Snapshot
from archbo.views.dashboard.likeness import differences, similar


def test_decisions_that_differ_are_named_as_users_write_them():
    space = Space(
        cell=EdgeCell(nodes=3, ops=["none", "skip", "conv"]),
        body=Chain(Choice([1, 2]), length=(1, 3)),
        head=Choice({"linear": None, "mlp": Space(width=Int(16, 256))}),
        lr=Float(1e-4, 1e-1, log=True),
    )
    cell = [(0, 1, "conv"), (0, 2, "skip"), (1, 2, "conv")]
    first = {"cell": cell, "body": [1], "head": "linear", "lr": 0.01}
    second = {"cell": [(0, 1, "skip"), *cell[1:]], "body": [1, 2], "lr": 0.01}
    second["head"] = {"mlp": {"width": 32}}
    found = differences(space.architecture(first), space.architecture(second))
    assert set(found) == {
        ("cell 0→1", "conv", "skip"),
        ("body 2", "", "2"),
        ("head", "linear", ""),
        ("head.mlp.width", "", "32"),
    }


def test_edges_that_one_cell_lacks_are_differences():
    space = NodeCell(max_nodes=4, max_edges=5, ops=["a", "b"])
    plain = {"ops": ["a", "b"], "edges": [(0, 1), (1, 2), (2, 3)]}
    first = space.architecture(plain)
    second = space.architecture(plain | {"edges": [*plain["edges"], (0, 3)]})
    assert [d for d in differences(first, second) if "edges" in d.decision] == [
        ("edges 0→3", "", "edge")
    ]


def test_most_alike_are_those_with_the_fewest_and_smallest_differences(make, study):
    base = study.space.sample(np.random.default_rng(0))
    near = base.value | {"lr": base.value["lr"] * 1.01}
    far = study.space.sample(np.random.default_rng(5)).value
    records = [make(0, 0.5)]
    for number, value in enumerate([far, near, base.value], start=1):
        arch = study.space.architecture(value)
        records.append(
            replace(
                records[0],
                number=number,
                architecture_id=arch.id,
                architecture=arch.to_dict(),
            )
        )
    found = similar(Snapshot(study, records, 1), 0)
    assert [(each.record.number, each.differing) for each in found[:1]] == [(2, 1)]
    assert [each.record.number for each in found] == [2, 1]  # trial 3 is of the same network


def test_a_study_of_one_network_has_none_that_is_similar(make, study):
    assert similar(Snapshot(study, [make(0, 0.5)], 1), 0) == []
