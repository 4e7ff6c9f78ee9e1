"""Laws of a search space, whatever its parts.

Inherit `SpaceLaws` in a test class and give a fixture `space`; or call the `LAWS` with random
spaces, as a property-based test does. Each law takes a space and a seed, and asserts.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest

from archbo.arrays import Array
from archbo.errors import SpaceError
from archbo.spaces import Architecture, Part, from_dict
from archbo.spaces.moves import mutate, sample
from archbo.spaces.part import Kind

ENUMERABLE = 500
"""Spaces of at most so many members are also enumerated."""

_BATCH = 12
_WAYS_BACK = 4  # so many neighbors of each architecture are asked for theirs


def samples_are_members(space: Part, seed: int) -> None:
    """A sample is valid, and reads back from its plain value and from its JSON form."""
    arch = space.sample(seed)
    assert_member(space, arch)
    for value in (arch.value, arch.to_dict(), json.loads(json.dumps(arch.to_dict()))):
        again = space.architecture(value)
        assert again == arch
        assert again.numbers == arch.numbers
        assert again.value == arch.value
        assert again.id == arch.id


def samples_depend_on_their_seed_alone(space: Part, seed: int) -> None:
    """The same seed gives the same sample, as a number or as a generator."""
    first = space.sample(seed)
    assert space.sample(seed) == first
    assert space.sample(np.random.default_rng(seed)) == first


def neighbors_differ_in_one_decision(space: Part, seed: int) -> None:
    """Neighbors are members, distinct, one decision away; and each has the first as its own."""
    arch = space.sample(seed)
    found = space.neighbors(arch)
    assert arch not in found
    assert len({other.numbers for other in found}) == len(found)
    dependents = space.compiled.dependents
    for other in found:
        assert_member(space, other)
        both = arch.rows.active[0] & other.rows.active[0]
        differing = arch.rows.values[0] != other.rows.values[0]
        (changed,) = np.flatnonzero(differing & both)
        switched = arch.rows.active[0] != other.rows.active[0]
        assert dependents[changed][switched].all()
    chosen = np.random.default_rng(seed).permutation(len(found))[:_WAYS_BACK]
    for k in chosen:
        back = space.neighbors(found[k])
        assert any(_nearly(space, arch, other) for other in back), f"{found[k]} does not lead back"


def mutation_gives_another_network(space: Part, seed: int) -> None:
    """A mutant is a member and another network; SpaceError where there is only one."""
    arch = space.sample(seed)
    try:
        mutant = space.mutate(arch, seed)
    except SpaceError:
        assert space.size is not None
        assert space.size <= ENUMERABLE
        assert {other.id for other in space.enumerate()} == {arch.id}
        return
    assert_member(space, mutant)
    assert mutant != arch
    assert mutant.id != arch.id
    assert space.mutate(arch, seed) == mutant


def mutants_of_a_batch_are_members(space: Part, seed: int) -> None:
    """Batches mutate into members; a row changes wherever its space has more than one."""
    rng = np.random.default_rng(seed)
    rows = sample(space.compiled, rng, _BATCH)
    for before, after in zip(
        space.compiled.architectures(rows),
        space.compiled.architectures(mutate(space.compiled, rows, rng)),
        strict=True,
    ):
        assert_member(space, after)
        assert before != after or not space.neighbors(before)


def crossover_takes_each_decision_from_a_parent(space: Part, seed: int) -> None:
    """A child is a member, and each of its decisions is one of a parent's."""
    rng = np.random.default_rng(seed)
    a, b = space.sample(rng), space.sample(rng)
    child = space.crossover(a, b, rng)
    assert_member(space, child)
    inherited = np.zeros(len(child.numbers), dtype=bool)
    for parent in (a, b):
        same = parent.rows.values[0] == child.rows.values[0]
        inherited |= parent.rows.active[0] & same
    assert inherited[child.rows.active[0]].all()
    assert space.crossover(a, a, rng) == a


def space_reads_back_from_json(space: Part, seed: int) -> None:
    """The JSON form gives an equal space, with equal architectures."""
    again = from_dict(json.loads(json.dumps(space.to_dict())))
    assert again == space
    assert hash(again) == hash(space)
    assert repr(again) == repr(space)
    assert again.sample(seed) == space.sample(seed)


def enumeration_gives_every_member_once(space: Part, seed: int) -> None:
    """`size` is the number of members; each is enumerated once, a sample among them."""
    size = space.size
    if size is None:
        with pytest.raises(SpaceError, match="cannot be enumerated"):
            next(space.enumerate())
    elif size <= ENUMERABLE:
        members = list(space.enumerate())
        assert len(members) == size
        assert len(set(members)) == size
        for member in members[:: max(1, size // _BATCH)]:
            assert_member(space, member)
        assert space.sample(seed) in set(members)


def equal_ids_have_equal_fingerprints(space: Part, seed: int) -> None:
    """Ids and fingerprints agree, and neither depends on the batch that it is computed in."""
    compiled, rng = space.compiled, np.random.default_rng(seed)
    start = sample(compiled, rng, _BATCH)
    archs = compiled.architectures(start) + compiled.architectures(mutate(compiled, start, rng))
    rows = compiled.encode(archs)
    ids, prints = compiled.ids(rows), compiled.fingerprints(rows)
    assert len(prints) == len(ids) == len(archs)
    for a, b in combinations(range(len(archs)), 2):
        assert ids[a] != ids[b] or prints[a] == prints[b]
        assert archs[a] != archs[b] or ids[a] == ids[b]
    for k, arch in enumerate(archs[:3]):
        assert arch.id == ids[k]
        assert compiled.fingerprints(arch.rows)[0] == prints[k]


def rows_of_a_batch_are_the_rows_one_by_one(space: Part, seed: int) -> None:
    """Encoding, graphs and unit values treat each row by itself."""
    compiled = space.compiled
    rows = sample(compiled, np.random.default_rng(seed), _BATCH)
    archs = compiled.architectures(rows)
    assert compiled.valid(rows).all()
    again = compiled.encode(archs)
    np.testing.assert_array_equal(again.values, rows.values)
    np.testing.assert_array_equal(again.active, rows.active)
    unit = compiled.to_unit(rows)
    assert ((unit >= 0) & (unit <= 1)).all()
    graphs = compiled.graphs(rows)
    for k, arch in enumerate(archs):
        np.testing.assert_array_equal(arch.rows.values[0], rows.values[k])
        np.testing.assert_array_equal(arch.rows.active[0], rows.active[k])
        np.testing.assert_array_equal(compiled.to_unit(arch.rows)[0], unit[k])
        for path, single in compiled.graphs(arch.rows).items():
            np.testing.assert_array_equal(single.labels[0], graphs[path].labels[k])
            np.testing.assert_array_equal(single.adjacency[0], graphs[path].adjacency[k])


def empty_batches_stay_empty(space: Part, seed: int) -> None:
    """Nothing in, nothing out."""
    compiled, rng = space.compiled, np.random.default_rng(seed)
    rows = compiled.encode([])
    assert len(sample(compiled, rng, 0)) == len(rows) == 0
    assert len(mutate(compiled, rows, rng)) == 0
    assert compiled.ids(rows) == compiled.architectures(rows) == []
    assert len(compiled.fingerprints(rows)) == len(compiled.to_unit(rows)) == 0
    assert all(len(batch) == 0 for batch in compiled.graphs(rows).values())


def features_are_finite(space: Part, seed: int) -> None:
    """Features are finite numbers, of the same names for every architecture."""
    features = space.features(space.sample(seed))
    assert np.isfinite(list(features.values())).all()
    assert list(features) == list(space.features(space.sample(seed + 1)))


def architectures_draw_themselves(space: Part, seed: int) -> None:
    """The graph is in topological order, and draws as SVG, as text and in one line."""
    arch = space.sample(seed)
    graph = arch.graph
    assert len(graph.labels) == len(graph.alive) == len(graph.group)
    assert all(source < target and many > 0 for source, target, many in graph.edges)
    assert all(graph.group[source] == graph.group[target] for source, target, _ in graph.edges)
    assert "<svg" in graph._repr_svg_()
    assert isinstance(str(graph), str)
    assert "\n" not in repr(arch)
    assert space.graph(arch) == graph


def architectures_pickle_hash_and_stay(space: Part, seed: int) -> None:
    """Pickles are equal and small; equal architectures hash alike; nothing changes them."""
    arch = space.sample(seed)
    cached = arch.id, arch.graph
    again = pickle.loads(pickle.dumps(arch))
    assert again == arch
    assert again.space == space
    assert (again.id, again.graph) == cached
    assert len({again, arch, space.architecture(arch.value)}) == 1
    with pytest.raises(AttributeError, match="does not change"):
        arch.numbers = ()
    for name in arch:
        assert name in arch
        arch[name]


LAWS: list[Callable[[Part, int], None]] = [
    samples_are_members,
    samples_depend_on_their_seed_alone,
    neighbors_differ_in_one_decision,
    mutation_gives_another_network,
    mutants_of_a_batch_are_members,
    crossover_takes_each_decision_from_a_parent,
    space_reads_back_from_json,
    enumeration_gives_every_member_once,
    equal_ids_have_equal_fingerprints,
    rows_of_a_batch_are_the_rows_one_by_one,
    empty_batches_stay_empty,
    features_are_finite,
    architectures_draw_themselves,
    architectures_pickle_hash_and_stay,
]


class SpaceLaws:
    """What every space must keep."""

    @pytest.mark.parametrize("seed", range(5))
    @pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
    def test_law(self, space: Part, law: Callable[[Part, int], None], seed: int) -> None:
        law(space, seed)


def assert_member(space: Part, arch: Architecture) -> None:
    """Fail unless its row is valid, each number within its decision's bounds."""
    assert arch.space == space
    assert space.architecture(arch.value) == arch
    rows = arch.rows
    assert space.compiled.valid(rows).all()
    for decision, number, active in zip(
        space.compiled.decisions, rows.values[0], rows.active[0], strict=True
    ):
        if active:
            assert decision.low <= number <= decision.high, decision.path
            assert decision.kind is Kind.REAL or number == round(number), decision.path
        else:
            assert number == 0, decision.path


def _nearly(space: Part, a: Architecture, b: Architecture) -> bool:
    """Whether two rows are equal up to the rounding of reals."""
    real = np.array([d.kind is Kind.REAL for d in space.compiled.decisions])
    same: Array = a.rows.values[0] == b.rows.values[0]
    near = np.isclose(space.compiled.to_unit(a.rows)[0], space.compiled.to_unit(b.rows)[0])
    return bool((same | (real & near)).all() and (a.rows.active == b.rows.active).all())
