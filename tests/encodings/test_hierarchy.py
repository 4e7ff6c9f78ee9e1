"""Colours of folded graphs, against counts by hand and plain Weisfeiler-Lehman."""

import numpy as np
import pytest

import archbo as ab
from archbo.encodings import HierarchicalWL
from archbo.encodings.graphs import weisfeiler_lehman
from archbo.errors import ProblemError
from archbo.kernels.histograms import squared_distances

RULES = {
    "net": ["seq(net, net)", "par(net, net)", "op"],
    "op": ["conv(kernel)", "pool"],
    "kernel": ["3", "5"],
}
GRAMMAR = ab.Grammar("net", RULES, max_depth=4)


def multisets(values, space=GRAMMAR, **settings):
    rows = space.compiled.encode([space.architecture(value) for value in values])
    return HierarchicalWL(**settings).prepare(space.compiled, rows)(rows)


def shared(values, **settings):
    """How many colours the first two have in common, ends not counted."""
    a, b = (set(row[row > 0].tolist()) for row in multisets(values, **settings))
    ends = multisets(["pool", "seq(conv(3), conv(3))"], **settings)
    outer = set.intersection(*(set(row[row > 0].tolist()) for row in ends))
    return len((a & b) - outer)


def test_networks_that_agree_in_outline_share_colours_of_the_outline():
    pair = ["seq(conv(3), pool)", "seq(conv(5), conv(3))"]
    # level 0: the start's production; 1: the two rules inside; 2: those of the operations
    assert shared(pair, levels=(0,), rounds=0) == 1 + 1  # and conv(3) in the whole graph
    assert shared(pair, levels=(1,), rounds=0) == 1 + 1  # both parts are `net = op`
    assert shared(pair, levels=(2,), rounds=0) == 1 + 1  # `op = conv(kernel)`
    assert shared(pair, levels=(), rounds=0) == 1
    assert shared(["seq(conv(3), pool)", "par(conv(3), pool)"], levels=(0,), rounds=0) == 2


def test_levels_add_to_the_colours_of_the_whole_graph():
    rows = GRAMMAR.compiled.encode([GRAMMAR.sample(seed) for seed in range(8)])
    whole = np.concatenate(weisfeiler_lehman(GRAMMAR.compiled.graphs(rows), 2), axis=1)
    found = HierarchicalWL(rounds=2).prepare(GRAMMAR.compiled, rows)(rows)
    for ours, plain in zip(found, whole, strict=True):
        assert set(plain.tolist()) <= set(ours.tolist())


def test_a_detail_deep_inside_matters_less_than_the_outline():
    values = [
        "seq(seq(conv(3), pool), par(pool, pool))",
        "seq(seq(conv(5), pool), par(pool, pool))",
        "par(par(conv(3), pool), seq(pool, pool))",
    ]
    found = multisets(values)
    to_detail, to_outline = squared_distances(found[:1], found[1:])[0]
    assert 0 < to_detail < to_outline


def test_what_is_no_grammar_counts_as_it_is_and_what_is_inactive_not_at_all():
    space = ab.Space(
        head=ab.Choice({"none": None, "net": GRAMMAR}),
        cell=ab.EdgeCell(nodes=3, ops=["conv", "pool"]),
    )
    cell = [(0, 1, "conv"), (0, 2, "conv"), (1, 2, "pool")]
    values = [{"head": "none", "cell": cell}, {"head": {"net": "pool"}, "cell": cell}]
    without, with_net = multisets(values, space, rounds=0)
    assert (without > 0).sum() == 5
    assert set(without.tolist()) < set(with_net.tolist())


def test_a_search_reads_it():
    from archbo.kernels import HistogramRBF, structure

    def kernel(reference):
        return [structure(HistogramRBF.of(("hierarchical_wl",), reference))]

    method = ab.BayesianOptimization(kernel=kernel, encoding=HierarchicalWL(rounds=1))
    opt = ab.Optimizer(GRAMMAR, method=method, seed=0)
    for _ in range(8):
        arch = opt.ask()
        opt.tell(arch, arch.value.count("conv"))
    assert opt.propose().origin == "model"


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ProblemError, match="encoding: levels must be at least 0, got -1"):
        HierarchicalWL(levels=(2, -1))
    with pytest.raises(ProblemError, match="encoding: rounds must be at least 0, got -1"):
        HierarchicalWL(rounds=-1)
