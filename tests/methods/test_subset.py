from dataclasses import replace

import numpy as np
import pytest

from archbo.data import Dataset, History, Observation
from archbo.encodings import Encoder
from archbo.methods import subset
from archbo.methods.processes import Bases, ProcessBelief
from archbo.methods.structures import default_structures
from archbo.problem import Problem
from archbo.spaces import Chain, Choice
from archbo.spaces.moves import sample
from archbo.surrogates.outcomes import HalfRank

SPACE = Chain(Choice(["a", "b", "c", "d", "e"]), length=8)


@pytest.fixture(scope="module")
def problem() -> Problem:
    return Problem.make(SPACE, maximize="score")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(SPACE.compiled, sample(SPACE.compiled, np.random.default_rng(0), 200))


def told(problem: Problem, count: int) -> Dataset:
    archs = SPACE.compiled.architectures(sample(SPACE.compiled, np.random.default_rng(1), count))
    return Dataset.make(problem, [Observation(a, float(np.sin(a.numbers).sum())) for a in archs])


def belief(dataset: Dataset, encoder: Encoder, bases: Bases | None = None) -> ProcessBelief:
    structures = default_structures(encoder.reference)
    return ProcessBelief.fit(
        dataset, encoder, structures, HalfRank(), iterations=3, temper=3.0, bases=bases
    )


def test_the_subset_holds_the_best_and_the_newest_and_is_the_same_each_time():
    rng = np.random.default_rng(0)
    z, near = rng.normal(size=2000), rng.random(2000)
    chosen = subset.local(z, near, 300)
    assert len(set(chosen.tolist())) == 300
    assert (np.diff(chosen) > 0).all()
    assert set(np.argsort(-z)[:50].tolist()) <= set(chosen.tolist())
    assert set(range(1975, 2000)) <= set(chosen.tolist())
    assert chosen.tolist() == subset.local(z, near, 300).tolist()


@pytest.mark.parametrize("n", [0, 1, 2, 300])
def test_few_observations_are_all_chosen(n):
    assert subset.local(np.zeros(n), np.zeros(n), 300).tolist() == list(range(n))
    assert subset.spread(np.zeros(n), 300).tolist() == list(range(n))


def test_few_observations_are_all_learned_from(problem, encoder):
    dataset = told(problem, 60)
    assert belief(dataset, encoder).models[0].n == len(dataset.rows)


def test_many_observations_are_learned_from_in_part(problem, encoder):
    n = len(told(problem, 3000).rows)
    model = belief(told(problem, 3000), encoder).models[0]
    assert model.n == subset.learned(n) < n
    assert model.factor.upper.shape == (model.n, model.n)


def test_kept_processes_change_no_prediction(problem, encoder):
    bases, hyperparameters = Bases(), {}
    there = encoder.encode(sample(SPACE.compiled, np.random.default_rng(2), 20))
    for count in (100, 101, 103, 106, 700, 705, 735):
        dataset = replace(told(problem, count), hyperparameters=hyperparameters)
        warm, cold = belief(dataset, encoder, bases), belief(dataset, encoder)
        assert [a.tolist() for a in warm.predict(there)] == [
            a.tolist() for a in cold.predict(there)
        ]
        hyperparameters = dict(warm.hyperparameters)


def test_results_put_together_as_they_come_are_those_of_one_go(problem):
    rng = np.random.default_rng(3)
    archs = SPACE.compiled.architectures(sample(SPACE.compiled, rng, 30))
    seen = [
        Observation(archs[k], None if k % 5 == 0 else float(k)) for k in rng.integers(30, size=90)
    ]
    history = History(problem)
    for observation in seen:
        history.add([observation])
    one, other = history.dataset(), Dataset.make(problem, seen)
    for name in ("values", "repeats", "failures"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(one.rows.values, other.rows.values)
