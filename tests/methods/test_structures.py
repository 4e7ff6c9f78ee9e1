"""Structures of the user's encodings, and of each depth of refinement."""

import numpy as np
import pytest

import archbo as ab
from archbo.arrays import stream
from archbo.encodings import Counts, Encoder, PathMultiset, weisfeiler_lehman_to
from archbo.encodings.graphs import counts
from archbo.methods.structures import (
    MANY,
    deep_wl_structures,
    default_structures,
    encoded_structures,
    grouped_structures,
)
from archbo.spaces.moves import sample
from archbo.surrogates import fit

CELL = ab.NodeCell(6, 8, ["conv", "pool"])
MIXED = ab.Space(cell=CELL, act=ab.Choice(["relu", "gelu"]), lr=ab.Float(1e-4, 1e-1, log=True))


def encoder(space, *encodings):
    rows = sample(space.compiled, stream(0, "reference"), 60)
    return Encoder(space.compiled, rows, encodings=encodings)


@pytest.mark.parametrize("rounds", [2, 4])
def test_each_depth_has_a_structure_of_its_rounds_and_all_before(rounds):
    reference = encoder(MIXED, *weisfeiler_lehman_to(rounds)).reference
    context = ("0.context.0", "0.numbers.0")
    expected = [
        ("0.amplitude", "0." + "+".join(f"wl{j}" for j in range(k + 1)), *context)
        for k in range(rounds + 1)
    ]
    assert [kernel.names for kernel in deep_wl_structures(reference)] == expected


@pytest.mark.parametrize("depth", [0, 1])
def test_the_evidence_finds_the_depth_that_the_objective_has(depth):
    chain = ab.Chain(ab.Choice(["a", "b"]), length=12)
    code = encoder(chain, *weisfeiler_lehman_to(4))
    encoded = code.encode(sample(chain.compiled, stream(1, "rows"), 80))
    found, _ = counts(encoded[f"wl{depth}"])
    rng = np.random.default_rng(0)
    z = found @ rng.standard_normal(found.shape[1])
    z = (z - z.mean()) / z.std() + 0.1 * rng.standard_normal(80)
    evidence = [fit(k, encoded, z).log_evidence for k in deep_wl_structures(code.reference)]
    assert int(np.argmax(evidence)) == depth


def test_a_space_without_graphs_has_its_default_structures():
    reference = encoder(ab.Space(x=ab.Float(0, 1))).reference
    assert deep_wl_structures(reference) == default_structures(reference)


def test_the_context_multiplies_multisets_and_is_among_the_columns():
    reference = encoder(MIXED, PathMultiset(), Counts()).reference
    (kernel,) = encoded_structures(reference, ["path_multiset", "counts"])
    assert kernel.names == (
        *("0.amplitude", "0.path_multiset", "0.context.0", "0.numbers.0"),
        *("1.amplitude", "1.counts"),
    )


def test_a_search_takes_encodings_and_their_depths():
    method = ab.BayesianOptimization(
        encoding=weisfeiler_lehman_to(3), kernel=deep_wl_structures, candidates=20, climbers=0
    )
    opt = ab.Optimizer(CELL, method=method, seed=0)
    for _ in range(8):
        arch = opt.ask()
        opt.tell(arch, arch.value["ops"].count("conv"))
    mean, _ = opt.predict([opt.best[0]])
    assert np.isfinite(mean).all()


LARGE = ab.Space(
    body=ab.Chain(ab.Choice(["a", "b", "c"]), length=MANY),
    cell=CELL,
    act=ab.Choice(["relu", "gelu"]),
    lr=ab.Float(1e-4, 1e-1, log=True),
)


def test_many_decisions_share_scales_and_one_structure_is_additive():
    code = encoder(LARGE)
    plus, times, additive = grouped_structures(code.reference, code.groups)
    groups = max(code.groups["options"]) + 1
    for kernel in (plus, times):
        own = [name for name in kernel.names if ".options.group" in name]
        assert len(own) == groups < len(code.groups["options"])
    assert [name for name in additive.names if "options" in name or "context" in name] == [
        *(f"4.options.sum{g}" for g in range(groups)),
        "5.context.sum0",
    ]


@pytest.mark.parametrize(
    "space",
    [
        ab.Space(**{f"x{k}": ab.Choice(["a", "b"]) for k in range(MANY)}),
        ab.Chain(ab.Choice(["a", "b"]), length=(1, MANY)),
        LARGE,
    ],
    ids=["options alone", "a chain", "mixed"],
)
def test_large_spaces_of_each_kind_have_structures_that_fit(space):
    code = encoder(space)
    rows = code.encode(sample(space.compiled, stream(1, "rows"), 20))
    z = np.random.default_rng(0).standard_normal(20)
    for kernel in grouped_structures(code.reference, code.groups):
        assert np.isfinite(fit(kernel, rows, z).log_evidence)


@pytest.mark.parametrize("additive", [True, False])
def test_the_evidence_finds_whether_effects_add_up(additive):
    chain = ab.Chain(ab.Choice(["a", "b"]), length=20)
    code = encoder(chain)
    rows = sample(chain.compiled, stream(1, "rows"), 150)
    rng = np.random.default_rng(0)
    signs = 2 * rows.values[:, -20:] - 1
    one, other = rng.permutation(20)[:10], rng.permutation(20)[:10]
    found = (
        signs @ rng.standard_normal(20)
        if additive
        else signs[:, one].sum(1) * signs[:, other].sum(1)
    )
    z = (found - found.mean()) / found.std() + 0.1 * rng.standard_normal(150)
    encoded = code.encode(rows)
    evidence = [
        fit(k, encoded, z, iterations=40).log_evidence
        for k in grouped_structures(code.reference, code.groups)
    ]
    assert (int(np.argmax(evidence)) == len(evidence) - 1) == additive
