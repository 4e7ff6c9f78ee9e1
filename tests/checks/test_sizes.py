"""Sizes of spaces, against going through all members."""

from collections import Counter

import numpy as np
import pytest
from scipy.stats import chisquare

import archbo as ab
from archbo.checks.classes import Bounds
from archbo.checks.sizes import count_cell, size_info, uniform_rows
from archbo.spaces.compiled import stack
from archbo.spaces.moves import enumerate_rows

EDGES = ab.EdgeCell(nodes=3, ops=["none", "skip_connect", "conv"])
NODES = ab.NodeCell(max_nodes=4, max_edges=4, ops=["a", "b"])

SPACES = {
    "a cell": EDGES,
    "no cell": ab.Space(a=ab.Int(1, 5), b=ab.Choice({"x": None, "y": ab.Bool()})),
    "a cell and more": ab.Space(cell=NODES, width=ab.Int(1, 3)),
    "two cells": ab.Space(normal=EDGES, reduction=NODES),
    "cells in a chain": ab.Space(body=ab.Chain(EDGES, length=(1, 2))),
    "a cell under a choice": ab.Space(
        head=ab.Choice(
            {"cell": ab.Space(c=EDGES, b=ab.Bool()), "none": None, "other": ab.Int(1, 4)}
        )
    ),
    "layers that are all alike": ab.Space(body=ab.Chain(EDGES, length=(1, 3), shared=True)),
    "cells that keep two edges into a node": ab.Space(
        cell=ab.EdgeCell(nodes=5, ops=["skip_connect", "a", "b"], inputs=2, keep=2), act=ab.Bool()
    ),
    "a grammar": ab.Grammar(
        "net",
        {
            "net": ["seq(net, net)", "par(net, net)", "op"],
            "op": ["conv(size)", "skip_connect"],
            "size": ["3", "5"],
        },
        max_depth=4,
    ),
    "one member": ab.Space(a=ab.Choice(["x"])),
}


@pytest.mark.parametrize("name", SPACES)
def test_size_with_and_without_duplicates_is_that_of_all_members(name):
    space = SPACES[name]
    info = size_info(space, np.random.default_rng(0), seconds=60)
    rows = stack(list(enumerate_rows(space.compiled)))
    assert info.members == len(rows)
    distinct = len(set(space.compiled.ids(rows)))
    assert info.distinct == Bounds(distinct, distinct)
    assert info.endless == ()


def test_infinite_space_still_says_how_many_cells_differ():
    space = ab.Space(cell=EDGES, head=ab.Choice({"mlp": ab.Space(lr=ab.Float(0, 1)), "no": None}))
    info = size_info(space, np.random.default_rng(0), seconds=60)
    assert info.members is None
    assert info.distinct is None
    assert info.endless == ("space.head.mlp.lr",)
    (cell,) = info.cells
    distinct = len({arch.id for arch in EDGES.enumerate()})
    assert cell.path == "space.cell"
    assert cell.distinct == Bounds(distinct, distinct)


@pytest.mark.parametrize(
    ("cell", "truth"),
    [
        (ab.EdgeCell(nodes=4, ops=["none", "skip_connect", "a", "b", "c"]), 5425),
        (ab.NodeCell(max_nodes=5, max_edges=6, ops=["a", "b"]), 307),
    ],
    ids=["edges", "nodes"],
)
def test_cell_too_large_for_the_time_is_bounded_by_a_sample(cell, truth):
    bounds = count_cell(cell, np.random.default_rng(1), seconds=1e-9)
    assert not bounds.exact
    assert bounds.low <= truth <= bounds.high <= cell.size


def test_space_of_several_sampled_cells_multiplies_their_bounds():
    cell = ab.EdgeCell(nodes=4, ops=["none", "skip_connect", "a", "b"])
    space = ab.Space(body=ab.Chain(cell, length=2), width=ab.Int(1, 3))
    info = size_info(space, np.random.default_rng(2), seconds=1e-9)
    truth = len(set(cell.compiled.ids(stack(list(enumerate_rows(cell.compiled))))))
    assert info.distinct.low == 3 * info.cells[0].distinct.low ** 2
    assert info.distinct.low <= 3 * truth**2 <= info.distinct.high


def test_too_rarely_valid_cell_still_has_a_lower_bound():
    cell = ab.NodeCell(max_nodes=12, max_edges=11, ops=["a", "b"])
    bounds = count_cell(cell, np.random.default_rng(3), seconds=1e-9)
    assert 20 < bounds.low < bounds.high == cell.size


def test_astronomic_space_has_a_lower_bound():
    rules = {"net": ["seq(net, net)", "par(net, net)", "op"], "op": ["conv", "pool"]}
    grammar = ab.Grammar("net", rules, max_depth=7)
    info = size_info(ab.Space(a=grammar, b=grammar), np.random.default_rng(5), seconds=1e-9)
    assert info.members == grammar.size**2 > 10**40
    assert 1000 < info.distinct.low < info.distinct.high == info.members


def test_uniform_rows_are_uniform_where_decisions_are_conditional():
    space = ab.Space(
        head=ab.Choice({"mlp": ab.Space(a=ab.Int(1, 4), b=ab.Bool()), "linear": None}), cell=NODES
    ).compiled
    rows = uniform_rows(space, np.random.default_rng(4), 20_000)
    seen = Counter(rows.keys())
    assert len(seen) == space.root.size
    assert chisquare(list(seen.values())).pvalue > 1e-3
