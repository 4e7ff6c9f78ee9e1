"""Grammars: the laws of spaces, strings and networks against plain recursion, errors."""

from collections import Counter
from functools import cache
from itertools import product

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from archbo.errors import ArchitectureError, SpaceError
from archbo.graphs.batch import label
from archbo.spaces import Chain, Choice, Float, Grammar, Space
from archbo.spaces.grammars.terms import Term, read
from archbo.spaces.moves import mutate, sample
from archbo.testing.spaces import LAWS, SpaceLaws

KERNELS = ["3", "5"]
NET = {
    "net": ["seq(net, net)", "par(net, net)", "op"],
    "op": ["conv(kernel)", "pool"],
    "kernel": KERNELS,
}
RESIDUAL = {"residual(x)": "par(x, skip_connect)"}
GRAMMARS = {
    "recursive": Grammar("net", NET, max_depth=4),
    "deep": Grammar("net", NET, max_depth=6),
    "skips and nothing": Grammar(
        "net", {"net": [*NET["net"], "skip_connect", "none"], "op": ["conv"]}, max_depth=4
    ),
    "one member": Grammar("net", {"net": ["seq(a, par(b, c))"]}, max_depth=1),
    "cells of cells": Grammar(
        "net",
        {
            "net": ["seq(cell, pool, cell)", "seq(cell, cell)"],
            "cell": ["par(edge, edge, seq(edge, edge))", "residual(edge)"],
            "edge": ["none", "c3", "c1"],
        },
        max_depth=3,
        combinators={"residual(x)": "par(x, id)"},
        skip="id",
    ),
    "repeated cells": Grammar(
        "net",
        {"net": ["twice(cell)", "seq(cell, cell, cell)"], "cell": ["residual(op)", "op"],
         "op": ["conv(kernel)", "pool"], "kernel": KERNELS},
        max_depth=4,
        combinators=RESIDUAL | {"twice(x)": "seq(x, residual(x))"},
    ),
    "parameters": Grammar(
        "op",
        {
            "op": ["conv(k, act(f, f))", "sep(k)", "seq(conv(k), sep(k, k))", "pool"],
            "k": ["3", "5", "odd(f)"],
            "f": ["relu", "gelu"],
        },
        max_depth=3,
    ),
    "several derivations": Grammar(
        "net",
        {
            "net": ["seq(net, net)", "large", "small"],
            "large": ["conv(k)", "pool"],
            "small": ["pool", "conv(3)", "id"],
            "k": KERNELS,
        },
        max_depth=4,
    ),
}  # fmt: skip
SPACES = GRAMMARS | {
    "in a space": Space(
        net=GRAMMARS["recursive"],
        lr=Float(1e-4, 1, log=True),
        head=Choice({"linear": None, "net": GRAMMARS["several derivations"]}),
    ),
    "in a chain": Chain(GRAMMARS["repeated cells"], length=(1, 3)),
}


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES, scope="class")
class TestGrammars(SpaceLaws):
    pass


JOINTS = ("seq", "par", "residual", "twice", "both")


@cache
def derived(grammar, term, depth, parameter=False):
    """All strings that a term derives within a depth."""
    rules = dict(grammar.rules)
    if term.name in rules:
        if depth == 0:
            return set()
        bodies = [read(text, SpaceError, "") for text in rules[term.name]]
        return set().union(*(derived(grammar, body, depth - 1, parameter) for body in bodies))
    if not parameter and term.name not in JOINTS:
        depth, parameter = grammar.max_depth, True
    inner = [derived(grammar, arg, depth, parameter) for arg in term.args]
    return {str(Term(term.name, tuple(Term(a) for a in args))) for args in product(*inner)}


def strings(grammar):
    return derived(grammar, Term(grammar.start), grammar.max_depth)


def plain(term, combinators):
    """A term with the user's combinators written out."""
    for head, body in combinators:
        head = read(head, SpaceError, "")
        if head.name == term.name:
            values = dict(zip((arg.name for arg in head.args), term.args, strict=True))

            def filled(t, values=values):
                return values.get(t.name) or Term(t.name, tuple(map(filled, t.args)))

            return plain(filled(read(body, SpaceError, "")), combinators)
    return Term(term.name, tuple(plain(arg, combinators) for arg in term.args))


def network(term, skip, none):
    """Names of the operations; how often each feeds each, "in" and "out" being the ends."""
    names, edges = [], Counter()

    def follow(term, feeds):
        """What comes out of a term that is fed by this: how often each operation."""
        if term.name == "seq":
            for arg in term.args:
                feeds = follow(arg, feeds)
            return feeds
        if term.name == "par":
            return sum((follow(arg, feeds) for arg in term.args), Counter())
        if str(term) == skip:
            return feeds
        if str(term) == none:
            return Counter()
        names.append(str(term))
        edges.update({(source, len(names) - 1): many for source, many in feeds.items()})
        return Counter({len(names) - 1: 1})

    edges.update({(s, "out"): many for s, many in follow(term, Counter({"in": 1})).items()})
    return names, edges


def shown_network(batch, k):
    """The same of a graph in a batch."""
    size = batch.labels.shape[1]
    ends = {0: "in", size - 1: "out"}
    labels = batch.labels[k, 1 : 1 + int((batch.labels[k] != 0).sum()) - 2].tolist()
    edges = {
        (ends.get(int(s), int(s) - 1), ends.get(int(t), int(t) - 1)): int(batch.adjacency[k, s, t])
        for s, t in np.argwhere(batch.adjacency[k])
    }
    return labels, edges


def assert_networks_are_right(grammar, seed, count=20):
    rows = sample(grammar.compiled, np.random.default_rng(seed), count)
    batch = grammar.graphs(rows.values)
    for k, arch in enumerate(grammar.compiled.architectures(rows)):
        term = plain(read(arch.value, SpaceError, ""), grammar.combinators)
        names, edges = network(term, grammar.skip, grammar.none)
        assert shown_network(batch, k) == ([label(name) for name in names], edges)
        assert set(names) <= set(grammar.ops)
        assert [name for name in grammar.vertex_names(arch.numbers) if name][1:-1] == names


@pytest.mark.parametrize("name", GRAMMARS)
def test_graphs_are_those_of_the_strings(name):
    assert_networks_are_right(GRAMMARS[name], 0)


@pytest.mark.parametrize("name", [name for name in GRAMMARS if name != "deep"])
def test_members_are_the_derived_strings_each_once(name):
    grammar = GRAMMARS[name]
    reference = strings(grammar)
    assert grammar.size == len(reference)
    if len(reference) < 2000:
        found = [arch.value for arch in grammar.enumerate()]
        assert sorted(found) == sorted(reference)


@st.composite
def grammars(draw):
    names = ["start", "a", "b"][: draw(st.integers(1, 3))]
    leaves = st.sampled_from([*names, *names, "x", "y", "none", "skip_connect", "f(k)", "g(k, k)"])

    def joined(inner):
        some = st.lists(inner, min_size=2, max_size=3).map(", ".join)
        return st.one_of(
            st.tuples(st.sampled_from(["seq", "par"]), some).map(lambda t: f"{t[0]}({t[1]})"),
            inner.map(lambda x: f"both({x})"),
        )

    bodies = st.recursive(leaves, joined, max_leaves=3)
    rules = {n: draw(st.lists(bodies, min_size=1, max_size=4, unique=True)) for n in names}
    rules["k"] = ["1", "h(1)", "2"]
    used = [n for n in rules if n == "start" or any(n in str(rules[m]) for m in rules if m != n)]
    combinators = {"both(x)": "par(x, seq(x, y))"}
    rules = {name: rules[name] for name in rules if name in used}
    return Grammar("start", rules, draw(st.integers(1, 4)), combinators)


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(grammar=grammars(), seed=st.integers(0, 1000))
def test_random_grammars_keep_the_laws(grammar, seed):
    try:
        size = grammar.size
    except SpaceError:
        assume(False)
    assume(size < 2000)
    assert size == len(strings(grammar))
    assert_networks_are_right(grammar, seed, count=5)
    for law in LAWS:
        law(grammar, seed)


def multigraph(grammar, arch):
    names, edges = network(
        plain(read(arch.value, SpaceError, ""), grammar.combinators), grammar.skip, grammar.none
    )
    graph = nx.DiGraph()
    graph.add_nodes_from((k, {"op": name}) for k, name in enumerate(names))
    graph.add_nodes_from([("in", {"op": "input"}), ("out", {"op": "output"})])
    graph.add_edges_from((s, t, {"many": many}) for (s, t), many in edges.items())
    alive = nx.descendants(graph, "in") & nx.ancestors(graph, "out")
    return graph.subgraph({"in", "out", *alive}).copy()


@pytest.mark.parametrize("name", ["recursive", "skips and nothing", "cells of cells"])
def test_ids_are_equal_exactly_where_networkx_finds_an_isomorphism(name):
    grammar = GRAMMARS[name]
    rng = np.random.default_rng(0)
    rows = sample(grammar.compiled, rng, 12)
    archs = grammar.compiled.architectures(rows)
    archs += grammar.compiled.architectures(mutate(grammar.compiled, rows, rng))
    graphs = [multigraph(grammar, arch) for arch in archs]
    for i, a in enumerate(archs):
        for j, b in enumerate(archs[:i]):
            same = nx.is_isomorphic(
                graphs[i],
                graphs[j],
                node_match=lambda x, y: x["op"] == y["op"],
                edge_match=lambda x, y: x["many"] == y["many"],
            )
            assert (a.id == b.id) == same, (a, b)


def test_what_counts_for_the_id():
    rules = {"net": NET["net"], "op": ["a", "b", "c", "skip_connect", "none"]}
    grammar = Grammar("net", rules, max_depth=5)

    def id_of(value):
        return grammar.architecture(value).id

    assert id_of("seq(seq(a, b), c)") == id_of("seq(a, seq(b, c))")
    assert id_of("par(par(a, b), c)") == id_of("par(b, par(c, a))")
    assert len({id_of("a"), id_of("par(a, a)"), id_of("seq(a, a)")}) == 3
    assert id_of("seq(a, b)") != id_of("seq(b, a)")
    assert id_of("seq(a, skip_connect)") == id_of("a") == id_of("par(none, a)")
    assert id_of("par(skip_connect, skip_connect)") != id_of("skip_connect")
    assert id_of("seq(a, none)") == id_of("none") == id_of("par(none, seq(none, b))")
    both = "seq(par(a, b), par(c, skip_connect))"
    assert id_of(both) == id_of("seq(par(b, a), par(skip_connect, c))")
    assert id_of(both) != id_of("par(seq(par(b, a), c), par(a, b))")


def test_skips_and_nothing_mean_only_what_is_said():
    rules = {"net": ["seq(op, op)", "par(op, op)"], "op": ["skip_connect", "none", "id"]}
    usual = Grammar("net", rules, 2)
    assert (usual.skip, usual.none) == ("skip_connect", "none")
    assert usual == Grammar("net", rules, 2, skip="skip_connect", none="none")
    plain = Grammar("net", rules, 2, skip=None, none=None)
    assert len({arch.id for arch in plain.enumerate()}) == 18 - 3  # par commutes
    mine = Grammar("net", rules, 2, skip="id", none=None)
    assert mine.architecture("seq(id, none)").id == mine.architecture("seq(none, id)").id
    assert mine.architecture("par(id, none)").id != mine.architecture("par(none, none)").id


def test_a_combinator_is_the_network_that_it_stands_for():
    rules = {"net": ["residual(net)", "par(net, net)", "op"], "op": ["a", "skip_connect"]}
    grammar = Grammar("net", rules, 4, RESIDUAL)
    short, long = (grammar.architecture(v) for v in ("residual(a)", "par(a, skip_connect)"))
    assert short.id == long.id
    assert short != long


def test_white_space_does_not_count():
    grammar = GRAMMARS["recursive"]
    arch = grammar.architecture(" seq ( conv(3),pool )\n")
    assert arch.value == "seq(conv(3), pool)"
    assert arch == grammar.architecture("seq(conv(3), pool)")


def test_of_several_derivations_the_first_counts():
    grammar = GRAMMARS["several derivations"]
    arch = grammar.architecture("seq(pool, conv(3))")
    active = np.flatnonzero(arch.rows.active[0])
    rules = [grammar.compiled.decisions[d].path.split(".")[-1].split("[")[0] for d in active]
    assert "small" not in rules
    assert rules.count("large") == 2
    rows = sample(grammar.compiled, np.random.default_rng(0), 200)
    values = [arch.value for arch in grammar.compiled.architectures(rows)]
    assert len(set(values)) == len(set(rows.keys()))


def test_a_change_from_series_to_parallel_keeps_what_is_joined():
    grammar = GRAMMARS["recursive"]
    arch = grammar.architecture("seq(conv(3), par(pool, conv(5)))")
    assert grammar.architecture("par(conv(3), par(pool, conv(5)))") in grammar.neighbors(arch)


def test_samples_have_all_sizes():
    grammar = Grammar("net", NET, max_depth=7)
    rows = sample(grammar.compiled, np.random.default_rng(0), 2000)
    sizes = (grammar.graphs(rows.values).labels != 0).sum(axis=1) - 2
    shares, _ = np.histogram(sizes, bins=[1, 8, 16, 24, 33])
    assert shares.sum() == 2000
    assert shares.min() > 300  # of 500, were they equal
    assert (sizes == 1).mean() < 0.1


def test_large_grammars_are_counted_and_encoded():
    grammar = Grammar("net", NET, max_depth=8)
    ways = 3
    for _ in range(6):
        ways = 2 * ways**2 + 3
    assert grammar.size == ways
    arch = max((grammar.sample(seed) for seed in range(20)), key=lambda arch: len(arch.value))
    assert arch.value.count("(") > 40
    assert grammar.architecture(arch.value).id == arch.id


def folded(grammar, term, rule, depth, level):
    """A string's term with what is below a level replaced by the name of its production."""
    bodies = [read(text, SpaceError, "") for text in dict(grammar.rules)[rule]]
    body = next(b for b in bodies if str(term) in derived(grammar, b, depth - 1))
    if level == 0:
        return Term(f"{rule} = {body}")

    def follow(body, term):
        if body.name in dict(grammar.rules):
            return folded(grammar, term, body.name, depth - 1, level - 1)
        if body.name not in JOINTS:
            return term
        return Term(body.name, tuple(map(follow, body.args, term.args)))

    return follow(body, term)


@pytest.mark.parametrize("name", ["recursive", "cells of cells", "repeated cells"])
@pytest.mark.parametrize("level", range(5))
def test_folded_graphs_show_the_derivation_down_to_a_level(name, level):
    grammar = GRAMMARS[name]
    level = min(level, grammar.max_depth)
    rows = sample(grammar.compiled, np.random.default_rng(1), 15)
    batch = grammar.folded(rows.values, level)
    for k, arch in enumerate(grammar.compiled.architectures(rows)):
        term = folded(
            grammar, read(arch.value, SpaceError, ""), grammar.start, grammar.max_depth, level
        )
        names, edges = network(plain(term, grammar.combinators), grammar.skip, grammar.none)
        assert shown_network(batch, k) == ([label(name) for name in names], edges)
    if level == grammar.max_depth:
        np.testing.assert_array_equal(
            batch.pruned().packed().labels, grammar.graphs(rows.values).pruned().packed().labels
        )


OF_RULES = [
    ({"op": []}, r"space\.op: a rule needs a list of productions, got \(\)"),
    ({"op": "pool"}, r"space\.op: a rule needs a list of productions, got 'pool'"),
    ({"op": [3]}, r"space\.op\[0\]: a production is a text, got 3"),
    ({"op": ["pool", " "]}, r"space\.op\[1\]: expected a name, found the end"),
    (
        {"op": ["conv(kernel"]},
        r"space\.op\[0\]: this parenthesis is never closed at position 4, beh",
    ),
    (
        {"op": ["conv(kernel))"]},
        r"space\.op\[0\]: this parenthesis was never opened, found '\)' at",
    ),
    ({"op": ["conv kernel"]}, r"space\.op\[0\]: expected a comma, found 'kernel' at position 5"),
    ({"op": ["conv(a b)"]}, r"space\.op\[0\]: expected a comma or '\)', found 'b' at position 7"),
    ({"op": ["conv()"]}, r"space\.op\[0\]: expected a name, found '\)' at position 5"),
    ({"op": ["pool", " pool"]}, r"space\.op\[1\]: duplicate production 'pool'"),
    ({"par": ["a"]}, r"space\.par: 'par' joins networks, it cannot be a rule"),
    ({3: ["a"]}, r"space: a rule has a plain name, got 3"),
    (
        {"net": ["seq(op)"]},
        r"space\.net\[0\]: 'seq' is applied to two or more, got 1 in 'seq\(op\)'",
    ),
    ({"net": ["seq"]}, r"space\.net\[0\]: 'seq' is applied to two or more, got 0 in 'seq'"),
    (
        {"net": ["op(3)"]},
        r"space\.net\[0\]: 'op' is a rule, it is applied to nothing, got 'op\(3\)'",
    ),
    (
        {"net": ["opp"]},
        r"space\.op: no derivation from 'net' uses this rule\. Is 'opp' meant to be",
    ),
    (
        {"more": ["x"]},
        r"space\.more: no derivation from 'net' uses this rule\. Use it, or remove it",
    ),
    ({"net": ["seq(net, op)"]}, r"space\.net: this rule can never end: .* needs net\. Give it"),
    (
        {"net": ["seq(loop, op)", "op"], "loop": ["seq(loop, op)", "seq(loop, loop)"]},
        r"space\.loop: this rule can never end: each of its productions needs loop",
    ),
    ({"net": ["net", "op"]}, r"space\.net: this rule leads back to itself: net → net\. Remove"),
    (
        {"net": ["more", "op"], "more": ["net", "a"]},
        r"space\.net: this rule leads back to itself: net → more → net",
    ),
    (
        {"op": ["conv(seq(a, kernel))"]},
        r"space\.op\[0\]: 'seq' joins networks, it is no parameter of 'conv'\. .*\"conv\(x\)\"",
    ),
    (
        {"net": ["residual(net)", "op"]},
        r"space\.net\[0\]: 'net' derives networks, it is no parameter of 'residual'\. To join",
    ),
    (
        {"kernel": ["seq(a, b)"]},
        r"space\.kernel\[0\]: a parameter joins no networks, got 'seq\(a, b\)'",
    ),
    (
        {"op": ["conv(kernel, kernel, kernel, kernel)"], "kernel": [str(k) for k in range(10)]},
        r"space: 'conv\(.*\)' has 10000 settings, more than 4096",
    ),
]


@pytest.mark.parametrize(("rules", "message"), OF_RULES)
def test_rules_that_make_no_sense_say_where_and_why(rules, message):
    with pytest.raises(SpaceError, match=f"^{message}"):
        _ = Grammar("net", NET | rules, max_depth=5).size


OF_SETTINGS = [
    ({"start": "nett"}, r"space: start='nett' is no rule\. Did you mean 'net'\?"),
    ({"rules": []}, r"space: rules are \{\"name\": .*, got \[\]"),
    ({"max_depth": 0}, r"space: max_depth must be a whole number from 1 to 64, got 0"),
    (
        {"max_depth": 1},
        r"space\.net: this rule cannot end within max_depth=1\. It needs max_depth=2",
    ),
    (
        {"max_depth": 2},
        r"space\.net\[0\]: the production 'seq\(net, net\)' cannot .*=2\. It needs max_depth=3",
    ),
    (
        {"max_depth": 1, "rules": {"net": ["conv(kernel)"], "kernel": ["odd"], "odd": ["3"]}},
        r"space\.net: this rule cannot end within max_depth=1\. It needs max_depth=2",
    ),
    (
        {"max_depth": 1, "rules": {"net": ["a", "b(k)"], "k": ["odd"], "odd": ["3"]}},
        r"space\.net\[1\]: the production 'b\(k\)' cannot .*=1\. It needs max_depth=2",
    ),
    ({"skip": "id"}, r"space: skip='id' is not among the operations\. Known: 'pool', 'conv\(3\)'"),
    ({"skip": "pool", "none": "pool"}, r"space: none and skip are both 'pool'"),
    (
        {"max_depth": 12},
        r"space: with max_depth=12 a network may have 1024 operations, more than 256",
    ),
    (
        {"max_depth": 9, "skip": "pool"},
        r"space: with max_depth=9 a network of 'pool' may sum its input up 2e\+19 times",
    ),
    (
        {"max_depth": 60, "rules": {"net": ["seq(a, seq(a, seq(a, seq(a, net))))", "b"]}},
        r"space: with max_depth=60 parentheses may be 236 deep, more than 200",
    ),
    (
        {
            "max_depth": 8,
            "rules": {
                "net": ["seq(net, net)", "par(a, a)", "seq(b, b)", "pool"],
                "a": ["seq(net, b)", "pool"],
                "b": ["par(a, net)", "pool"],
            },
        },
        r"space: unrolled to max_depth=8 there are more than 4096 decisions",
    ),
    ({"combinators": 3}, r"space: combinators are \{.*, got 3"),
    (
        {"combinators": {"residual(x)": 3}},
        r"space: a combinator is two texts, got \('residual\(x\)', 3\)",
    ),
    (
        {"combinators": {"residual": "par(x, pool)"}},
        r"space\.residual: a combinator is applied to variables, got 'residual'",
    ),
    (
        {"combinators": {"residual(x)": "par(y, pool)"}},
        r"space\.residual: the variable 'x' is not used",
    ),
    (
        {"combinators": {"residual(x)": "par(x, op)"}},
        r"space\.residual: 'op' cannot stand in the body",
    ),
    (
        {"combinators": {"first(x)": "second(x)", "second(x)": "seq(x, x)"}},
        r"space\.first: 'second' cannot stand in the body",
    ),
    ({"combinators": {"twice(x, x)": "seq(x, x)"}}, r"space\.twice: the name 'x' is taken"),
    ({"combinators": {"op(x)": "seq(x, x)"}}, r"space\.op: the name 'op' is taken"),
    (
        {"combinators": {"residual(x)": "par(x(3), pool)"}},
        r"space\.residual: a variable is applied to nothing, got 'x\(3\)'",
    ),
    (
        {"combinators": {"residual(x)": "conv(x)"}},
        r"space\.residual: a variable is no parameter, got 'conv\(x\)'",
    ),
    (
        {"combinators": RESIDUAL, "rules": NET | {"net": ["residual(net, net)", "op"]}},
        r"space\.net\[0\]: 'residual' is applied to 1, got 2 in 'residual\(net, net\)'",
    ),
]


@pytest.mark.parametrize(("settings", "message"), OF_SETTINGS)
def test_settings_that_make_no_sense_say_where_and_why(settings, message):
    with pytest.raises(SpaceError, match=f"^{message}"):
        _ = Grammar(**{"start": "net", "rules": NET, "max_depth": 5} | settings).size


def test_errors_name_the_part():
    with pytest.raises(
        SpaceError, match=r"^space\.body\.op\[0\]: this parenthesis is never closed"
    ):
        Space(body=Grammar("op", {"op": ["conv(3"]}, max_depth=2))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "expected a derived string, got 3"),
        ("", "expected a name, found the end"),
        ("seq(pool", "this parenthesis is never closed at position 3, behind 'seq'"),
        ("conv(7)", r"'kernel' derives no '7', at position 5, behind 'conv\('\. Known: '3', '5'"),
        ("conv", "'conv' is applied to 1, got 0 in 'conv', at position 0"),
        ("pool(3)", r"'pool' is applied to 0, got 1 in 'pool\(3\)'"),
        ("seq(pool, poool)", r"'net' derives no 'poool', at position 10.*mean 'pool'\?"),
        ("seq(pool, pool, pool)", "'seq' is applied to 2, got 3"),
        ("residual(pool)", "'net' derives no 'residual', at position 0"),
        ("net", "'net' derives no 'net', at position 0"),
        ("seq(conv(3), conv(pool))", "'kernel' derives no 'pool', at position 18"),
        ("seq(seq(seq(pool, pool), pool), pool)", "its derivation is 5 deep, max_depth=4"),
        ("seq(" * 300, "parentheses are more than 200 deep at position 800"),
    ],
)
def test_strings_that_are_not_derived_say_where_and_why(value, message):
    space = Space(net=GRAMMARS["recursive"])
    with pytest.raises(ArchitectureError, match=rf"^space\.net: {message}"):
        space.architecture({"net": value})


def test_a_fixed_name_inside_a_production_is_expected_as_it_is():
    grammar = Grammar("net", {"net": ["seq(stem, op)"], "op": ["a"]}, 2)
    with pytest.raises(ArchitectureError, match="expected 'stem', got 'a', at position 4"):
        grammar.architecture("seq(a, a)")
