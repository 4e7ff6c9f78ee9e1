"""Columns against the decisions and colours that they stand for."""

from collections import Counter

import numpy as np
import pytest

import archbo as ab
from archbo.encodings import Counts, Flat, Joined, OneHot, PathMultiset, Statistics
from archbo.encodings.columns import commonest, varying
from archbo.encodings.graphs import weisfeiler_lehman
from archbo.errors import ProblemError


def columns_of(found):
    """The columns in no order."""
    return sorted(map(tuple, found.T.tolist()))


def test_counts_are_those_of_all_colours_that_vary_the_commonest_first(node_cell, random_rows):
    rows, space = random_rows(node_cell, 50), node_cell.compiled
    levels = np.concatenate(weisfeiler_lehman(space.graphs(rows), 1), axis=1)
    counters = [Counter(row[row > 0].tolist()) for row in levels]
    every = {tuple(float(c[colour]) for c in counters) for colour in set(levels[levels > 0])}
    found = Counts(rounds=1).prepare(space, rows)(rows)
    assert columns_of(found) == sorted(column for column in every if len(set(column)) > 1)
    seen = (found > 0).sum(axis=0)
    assert (seen[1:] <= seen[:-1]).all()
    assert np.array_equal(Counts(rounds=1, most=3).prepare(space, rows)(rows), found[:, :3])


def test_columns_that_never_vary_or_repeat_an_earlier_one_are_left_out(edge_cell, random_rows):
    rows = random_rows(edge_cell, 30)
    x = np.arange(30.0)
    columns = np.stack([np.ones(30), x, x, -x, np.zeros(30)], axis=1)
    found = varying(lambda rows: columns, rows)
    assert found(rows).tolist() == columns[:, [1, 3]].tolist()
    assert varying(lambda rows: columns, rows, most=1)(rows).tolist() == columns[:, [1]].tolist()
    nothing = varying(lambda rows: columns[:, :1], rows)
    assert nothing(rows).tolist() == [[0.0]] * 30
    both = varying(lambda rows: columns, rows, most=1, beside=lambda rows: columns)
    assert both(rows).tolist() == columns[:, [1, 1, 3]].tolist()


def test_commonest_labels_are_those_that_most_rows_have():
    multisets = np.array([[7, 7, 7, 7], [5, 3, 0, 0], [3, 5, 9, 0], [3, 0, 0, 0]], dtype=np.uint64)
    labels, rows = commonest(multisets)
    assert labels.tolist() == [3, 5, 7, 9]
    assert rows.tolist() == [3, 2, 1, 1]
    assert commonest(multisets, 2)[0].tolist() == [3, 5]


def test_decisions_that_graphs_do_not_show_follow_the_counts(random_rows):
    cell = ab.NodeCell(4, 4, ["conv", "pool"])
    space = ab.Space(cell=cell, lr=ab.Float(0, 1), act=ab.Choice(["a", "b"]))
    rows = random_rows(space, 40)
    found = Counts().prepare(space.compiled, rows)(rows)
    inside = cell.compiled.rows(rows.values[:, : cell.width])
    alone = Counts().prepare(cell.compiled, inside)(inside)
    assert columns_of(found[:, :-3]) == columns_of(alone)
    assert np.array_equal(found[:, -1], rows.values[:, -2])


def test_flat_joins_decisions_colours_and_statistics(edge_cell, random_rows):
    rows, space = random_rows(edge_cell, 60), edge_cell.compiled
    found = Flat().prepare(space, rows)(rows)
    parts = [OneHot(), Counts(1, 256), Statistics()]
    joined = Joined(*parts).prepare(space, rows)(rows)
    assert np.array_equal(found, joined)
    assert found.shape[1] <= sum(part.prepare(space, rows)(rows).shape[1] for part in parts)
    assert np.array_equal(found[:, :30], OneHot().prepare(space, rows)(rows))


def test_what_cannot_be_joined_is_named(edge_cell, random_rows):
    with pytest.raises(ProblemError, match="at least one encoding is needed"):
        Joined()
    rows = random_rows(edge_cell, 5)
    with pytest.raises(ProblemError, match="'path_multiset' gives no columns"):
        Joined(OneHot(), PathMultiset()).prepare(edge_cell.compiled, rows)


def test_settings_out_of_range_are_refused():
    with pytest.raises(ProblemError, match="rounds must be at least 0, got -1"):
        Flat(rounds=-1)
    with pytest.raises(ProblemError, match="most must be at least 1, got 0"):
        Counts(most=0)
