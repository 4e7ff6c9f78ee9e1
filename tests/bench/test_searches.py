import json
from dataclasses import dataclass

import numpy as np
import pytest

import archbo as ab
from archbo.bench import Failing, Negated, find, regret
from archbo.bench.searches import Search, run_search
from archbo.data import Proposal
from archbo.errors import MissingExtraError
from archbo.methods.base import Search as MethodSearch


class Given(MethodSearch):
    def __init__(self, archs):
        self.archs = archs

    def propose(self, dataset, count, rng):  # noqa: ARG002
        return [Proposal(self.archs[dataset.trials], "given")]


@dataclass(frozen=True)
class Script:
    """A method that proposes what it is given, repeats included."""

    archs: list

    def prepare(self, problem):  # noqa: ARG002
        return Given(self.archs)


def test_all_that_is_judged_is_written_down(small, archs):
    order = [2, 5, 7, 7, 4, 8]
    script = Script([archs[k] for k in order])
    search = run_search(small, script, seed=3, trials=6, name="script")
    values = [small.objective(archs[k], 3, repeat=int(i == 3)) for i, k in enumerate(order)]
    assert (search.benchmark, search.method, search.seed, search.trials) == (
        "small",
        "script",
        3,
        6,
    )
    assert search.ids == [archs[k].id for k in order]
    assert search.values == values
    assert search.values[1] is None  # it failed
    assert set(search.values[2:4]) == {7.0, 8.0}  # a repeat has noise of its own
    assert search.regrets == [6, 3, 1, 1, 4, 0]
    assert search.observed_regrets == [6, 6, 1, 1, 1, 0]
    assert search.observed_tests == [102, 102, 107, 107, 107, 108]
    assert search.optimal == [False] * 5 + [True]
    assert search.first_optimum == 6
    assert search.training_seconds == [9, 18, 24, 24, 15, 27]
    assert search.model_regrets == []
    assert len(search.ask_seconds) == len(search.tell_seconds) == 6


def test_the_observed_best_is_by_the_mean_of_repeats(small, archs):
    """What was lucky once does not stay the best."""
    lucky = next(s for s in range(50) if (small.objective(archs[6], s),
                 small.objective(archs[7], s)) == (7.0, 7.0))  # fmt: skip
    search = run_search(
        small, Script([archs[6], archs[7], archs[6]]), seed=lucky, trials=3, name="script"
    )
    # 7 and 7, then 6 again: the first falls behind
    assert search.observed_regrets == [2, 2, 1]


def test_until_there_is_a_value_the_first_network_leads(small, archs):
    failing = Failing(small, share=1.0)
    search = run_search(failing, Script(archs), seed=0, trials=4, name="script")
    assert search.values == [None] * 4
    assert search.observed_regrets == [8.0] * 4


@pytest.mark.parametrize("method", ["bo", "random", "evolution"])
def test_a_search_depends_on_its_seed_alone(method, small):
    first, again, other = (run_search(small, method, seed=s, trials=7) for s in (1, 1, 2))
    assert (first.ids, first.values) == (again.ids, again.values)
    assert first.ids != other.ids


def test_all_methods_see_the_same_noise():
    benchmark = find("synthetic/20")
    searches = [run_search(benchmark, m, seed=4, trials=8) for m in ("random", "evolution", "tpe")]
    seen = {}
    for search in searches:
        for key, value in zip(search.ids, search.values, strict=True):
            assert seen.setdefault(key, value) == value
    assert len(seen) < sum(len(search.ids) for search in searches)  # some are shared


def test_a_loss_is_minimised(small):
    up = run_search(small, "bo", seed=0, trials=9)
    down = run_search(Negated(small), "bo", seed=0, trials=9)
    assert up.observed_regrets[-1] <= 1
    assert down.observed_regrets[-1] <= 1
    assert [v and -v for v in up.values] == down.values


def test_a_model_names_the_best_of_the_trained_by_its_mean(small):
    search = run_search(small, "bo", seed=0, trials=7)
    assert len(search.model_regrets) == len(search.model_tests) == 7
    opt = ab.Optimizer(small.space, maximize="value", seed=0)
    for k in range(7):
        arch = opt.ask()
        value = search.values[k]
        opt.tell(arch, ab.FAILED if value is None else value)
    archs = [o.architecture for o in opt.observations if o.value is not None]
    mean, _ = opt.predict(archs)
    assert search.model_regrets[-1] == regret(small, archs[int(mean.argmax())])


def test_a_search_ends_where_nothing_is_left(small):
    search = run_search(small, "random", seed=0, trials=50)
    assert len(set(search.ids)) == len(search.ids) == 9
    assert search.observed_regrets[-1] <= 1


def test_features_are_given_where_wanted(small):
    seen = []

    @dataclass(frozen=True)
    class Looks:
        def prepare(self, problem):
            seen.append(problem.features.names)
            return ab.RandomSearch().prepare(problem)

    for features in (False, True):
        run_search(small, Looks(), seed=0, trials=1, features=features)
    assert seen == [(), ("params",)]


def test_rows_and_json_hold_all(small):
    search = run_search(small, "bo", seed=0, trials=4)
    assert Search(**json.loads(json.dumps(search.to_dict()))) == search
    rows = search.rows()
    assert [row["training"] for row in rows] == [1, 2, 3, 4]
    assert [row["value"] for row in rows] == search.values
    assert [row["ask_seconds"] for row in rows] == search.ask_seconds
    assert {row["method"] for row in rows} == {"bo"}
    plain = run_search(small, "random", seed=0, trials=4).rows()
    assert {row["model_regret"] for row in plain} == {None}


def test_a_peer_searches_as_any_method_and_its_repeats_count(small):
    first, again = (run_search(small, "stdlib:random", seed=1, trials=12) for _ in range(2))
    assert first.values == again.values
    assert len(first.ids) == 12 > len(set(first.ids))
    assert first.model_regrets == []
    with pytest.raises(MissingExtraError, match="needs an environment of its own"):
        run_search(small, "smac", seed=0, trials=1)


def test_the_default_searches_a_table_as_before(recorded_trainings):
    """The regrets of seed 0 that the script of earlier versions gave."""
    benchmark = find("nas-bench-201/cifar10", recorded_trainings)
    search = run_search(benchmark, "random", seed=0, trials=30)
    by_hand = ab.Optimizer(benchmark.space, maximize="accuracy", seed=0, method="random")
    best, incumbent, regrets = -np.inf, 0, []
    for _ in range(30):
        arch = by_hand.ask()
        at = benchmark.position(arch)
        value = benchmark.objective(arch, 0)
        by_hand.tell(arch, value)
        if value > best:
            best, incumbent = value, at
        regrets.append(benchmark.best - benchmark.truths[incumbent])
    assert search.observed_regrets == regrets
    assert regrets[-1] == pytest.approx(0.716, abs=1e-3)
