"""Reading graphs: into one form, whatever they are given as; errors name what is wrong."""

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbo.errors import SpaceError
from archbo.graphs.reading import line, read_graph


def read(graph, attribute="op", labels=None):
    return read_graph(graph, "graph", attribute=attribute, labels=labels)


@st.composite
def dags(draw: st.DrawFn):
    size = draw(st.integers(1, 6))
    ops = draw(st.lists(st.sampled_from(["input", "output", "a", "b"]), min_size=size,
                        max_size=size))  # fmt: skip
    order = draw(st.permutations(range(size)))
    pairs = [(order[i], order[j]) for j in range(size) for i in range(j)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return ops, edges


def drawn(ops, edges):
    graph = nx.DiGraph()
    graph.add_nodes_from((v, {"op": op}) for v, op in enumerate(ops))
    graph.add_edges_from(edges)
    return graph


@given(dag=dags())
def test_every_graph_gets_one_input_one_output_and_topological_order(dag):
    ops, edges = read(dag)
    assert ops[0] == "input"
    assert ops[-1] == "output"
    assert all(s < t for s, t in edges)
    assert edges == sorted(edges, key=lambda edge: (edge[1], edge[0]))
    graph = drawn(ops, edges)
    begins = [v for v in graph if ops[v] == "input" and not graph.in_degree(v)]
    ends = [v for v in graph if ops[v] == "output" and not graph.out_degree(v)]
    assert begins == [0]
    assert ends == [len(ops) - 1]


@given(dag=dags())
def test_the_given_graph_stands_inside_unchanged(dag):
    ops, edges = read(dag)
    whole, given_graph = drawn(ops, edges), drawn(*dag)
    same = lambda a, b: a["op"] == b["op"]  # noqa: E731 - what networkx asks for
    for drop in ([], [0], [len(ops) - 1], [0, len(ops) - 1]):
        inner = whole.copy()
        inner.remove_nodes_from(drop)
        if nx.is_isomorphic(inner, given_graph, node_match=same):
            return
    pytest.fail("the graph is not inside")


@given(dag=dags())
def test_a_graph_that_was_read_reads_as_itself(dag):
    once = read(dag)
    assert read(once) == once


@given(dag=dags())
def test_pairs_digraphs_and_lines_read_alike(dag):
    ops, edges = dag
    names = sorted(set(ops))
    codes = [names.index(op) for op in ops]
    expected = read(dag)
    assert read(drawn(ops, edges)) == expected
    assert read((codes, edges), labels=names) == expected
    assert read(line(codes, edges), labels=names) == expected


def test_vertices_of_a_digraph_may_be_named_and_have_another_attribute():
    graph = nx.DiGraph([("x", "y"), ("y", "z")])
    nx.set_node_attributes(graph, {"x": "input", "y": "conv", "z": "output"}, "label")
    assert read(graph, attribute="label") == (["input", "conv", "output"], [(0, 1), (1, 2)])


def test_a_marked_end_stays_the_only_one():
    dead = (["output", "conv", "pool", "input"], [(3, 1), (1, 0), (2, 0), (3, 2)])
    assert read(dead) == (
        ["input", "conv", "pool", "output"],
        [(0, 1), (0, 2), (1, 3), (2, 3)],
    )
    assert read((["input", "a", "b", "output"], [(0, 1), (1, 3), (2, 3)])) == (
        ["input", "a", "b", "output"],
        [(0, 1), (1, 3), (2, 3)],
    )


def test_several_ends_are_joined():
    assert read((["a", "b", "c"], [(0, 2), (1, 2)])) == (
        ["input", "a", "b", "c", "output"],
        [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)],
    )
    assert read((["a", "b"], [])) == (
        ["input", "a", "b", "output"],
        [(0, 1), (0, 2), (1, 3), (2, 3)],
    )


UNLABELLED = nx.DiGraph([("x", "y")])


@pytest.mark.parametrize(
    ("graph", "labels", "message"),
    [
        (7, None, r"graph: expected a networkx DiGraph or \(operations, edges\), got int"),
        (nx.Graph([(0, 1)]), None, "graph: expected a DiGraph, got a Graph"),
        (nx.MultiDiGraph([(0, 1)]), None, "graph: expected a DiGraph, got a MultiDiGraph"),
        (UNLABELLED, None, r"graph: vertex 'x' has no attribute 'op'\. Set graph\.nodes\['x'\]"),
        (([], []), None, "graph: the graph has no vertices"),
        (("ab", []), None, "graph: expected a list of operations, got 'ab'"),
        ((["a"], 3), None, "graph: expected a list of edges, got 3"),
        ((["a"], [(0,)]), None, "graph: an edge is a pair of positions"),
        ((["a", 1], []), None, r"graph\[1\]: an operation is a name, got 1\. Give labels="),
        ((["a", "b"], [(0, 2)]), None, "graph: no edge from 0 to 2: the vertices are 0 to 1"),
        ((["a", "b"], [(0, 1), (0, 1)]), None, r"graph: edge \(0, 1\) is given twice"),
        ((["a"], [(0, 0)]), None, "graph: the graph has a cycle: 0 → 0"),
        ((["a"] * 4, [(0, 1), (1, 2), (2, 3), (3, 1)]), None, "has a cycle: 2 → 3 → 1 → 2"),
        (([0, 2], []), ["a", "b"], r"graph\[1\]: 2 is no position in the 2 labels"),
        (("0 x/", []), ["a"], "graph: expected a list of operations"),
        ("0 x/", ["a"], "graph: expected a line such as '0 2 1/0 1 1 2', got '0 x/'"),
        ("0 0/0 1 1", ["a"], "graph: expected a line such as"),
        ("0 0/0 1", None, r"graph\[0\]: 0 is no position in the 0 labels"),
    ],
)
def test_what_is_no_labelled_dag_is_refused(graph, labels, message):
    with pytest.raises(SpaceError, match=message):
        read(graph, labels=labels)
