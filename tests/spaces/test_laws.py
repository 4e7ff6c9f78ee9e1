"""All laws, on random spaces of all kinds with all nestings."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archbo.spaces import Bool, Chain, Choice, EdgeCell, Float, Grammar, Int, NodeCell, Part, Space
from archbo.testing.spaces import LAWS, SpaceLaws

# a type checker may look at random items of what the strategies make
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module")

NAMES = st.sampled_from(["a", "b", "c", "parts", "self", "value", "compiled", "é"])
OPS = ["none", "skip_connect", "conv", "pool"]
OPTIONS = st.lists(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 3),
        st.floats(-2, 2),
        st.text(max_size=4),
        st.lists(st.integers(0, 2), max_size=2),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda option: f"{option + 0.0}" if type(option) in (int, float) else repr(option),
)


@st.composite
def ints(draw: st.DrawFn) -> Int:
    log = draw(st.booleans())
    low = draw(st.integers(1 if log else -5, 5))
    width = draw(st.sampled_from([0, 1, 2, 7, 500, 2**40]))
    return Int(low, low + width, log=log)


@st.composite
def floats(draw: st.DrawFn) -> Float:
    log = draw(st.booleans())
    low = draw(st.sampled_from([1e-300, 1e-4, 1, 3.7]) if log else st.floats(-1e6, 1e6))
    ratio = draw(st.sampled_from([1, 1 + 1e-6, 1.5, 1e3, 1e200]))
    return Float(low, low * ratio, log=True) if log else Float(low, low + ratio)


@st.composite
def edge_cells(draw: st.DrawFn) -> EdgeCell:
    ops = draw(st.lists(st.sampled_from(OPS), min_size=1, max_size=4, unique=True))
    if draw(st.booleans()):
        return EdgeCell(nodes=draw(st.integers(2, 4)), ops=ops)
    inputs, keep = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    return EdgeCell(nodes=inputs + draw(st.integers(2, 4)), ops=ops, inputs=inputs, keep=keep)


@st.composite
def node_cells(draw: st.DrawFn) -> NodeCell:
    nodes, edges = draw(st.integers(2, 5)), draw(st.integers(1, 7))
    ops = draw(st.lists(st.sampled_from(OPS), min_size=1, max_size=3, unique=True))
    return NodeCell(max_nodes=nodes, max_edges=edges, ops=ops)


@st.composite
def grammars(draw: st.DrawFn) -> Grammar:
    leaves = draw(st.lists(st.sampled_from([*OPS, "f(k)"]), min_size=1, max_size=3, unique=True))
    rules = {"net": ["seq(net, net)", "par(net, net)", *leaves], "k": ["1", "2"]}
    if "f(k)" not in leaves:
        del rules["k"]
    return Grammar("net", rules, max_depth=draw(st.integers(2, 3)))


def _nest(inner: st.SearchStrategy[Part]) -> st.SearchStrategy[Part]:
    lengths = st.one_of(st.integers(1, 3), st.sampled_from([(1, 2), (1, 3), (2, 4)]))
    options = st.dictionaries(
        st.text(st.characters(exclude_characters=".", codec="utf-8"), max_size=3),
        st.one_of(st.none(), inner),
        min_size=1,
        max_size=3,
    )
    return st.one_of(
        st.dictionaries(NAMES, inner, min_size=1, max_size=3).map(lambda parts: Space(**parts)),
        options.map(Choice),
        st.builds(Chain, inner, lengths, shared=st.booleans()),
    )


LEAVES = st.one_of(
    OPTIONS.map(Choice), ints(), floats(), st.just(Bool()), edge_cells(), node_cells(), grammars()
)
SPACES = st.recursive(LEAVES, _nest, max_leaves=5)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(space=SPACES, seed=st.integers(0, 2**32 - 2))
def test_law_holds_for_random_spaces(law, space, seed):
    law(space, seed)


EXAMPLES = {
    "digits": Space(
        cell=EdgeCell(nodes=4, ops=["none", "skip_connect", "conv_1x1", "conv_3x3"]),
        channels=Int(4, 32, log=True),
        head=Choice({"linear": None, "mlp": Space(width=Int(16, 256, log=True))}),
        lr=Float(1e-4, 1e-1, log=True),
    ),
    "chain of cells": Chain(
        Space(cell=EdgeCell(nodes=3, ops=["none", "conv"]), stride=Choice([1, 2])), length=(1, 3)
    ),
    "chain of chains": Chain(Chain(Choice(["conv", "pool"]), length=(1, 3)), length=(1, 2)),
    "chain of wide blocks": Choice({"none": None, "deep": Chain(Int(4, 400), length=(1, 5))}),
    "cells in a choice": Choice(
        {
            "edges": EdgeCell(nodes=3, ops=["none", "skip_connect", "conv"]),
            "nodes": NodeCell(max_nodes=4, max_edges=4, ops=["conv", "pool"]),
        }
    ),
    "spaces in spaces": Space(a=Space(b=Space(c=Bool(), d=Choice([None, 1, True, "1"])))),
    "one member": Space(a=Int(3, 3), b=Float(1, 1), c=Choice(["x"])),
    "one network": NodeCell(max_nodes=3, max_edges=1, ops=["conv", "pool"]),
    "DARTS": Space(
        normal=EdgeCell(nodes=7, ops=["skip_connect", "conv", "pool"], inputs=2, keep=2),
        reduction=EdgeCell(nodes=5, ops=["none", "conv", "pool"], inputs=2, keep=2),
    ),
    "cells that share one architecture": Chain(
        Space(cell=EdgeCell(nodes=3, ops=["none", "conv"]), act=Choice(["relu", "gelu"])),
        length=(2, 5),
        shared=True,
    ),
    "shared chains in a chain": Chain(Chain(Choice(["a", "b"]), length=(1, 2), shared=True), 2),
    "mostly dead cells": EdgeCell(nodes=9, ops=["none", "conv"]),
}


@pytest.mark.parametrize("space", EXAMPLES.values(), ids=EXAMPLES, scope="class")
class TestExamples(SpaceLaws):
    pass
