from itertools import product
from math import inf

import numpy as np
import pytest

from archbo.bench.searches import Search
from archbo.bench.summary import (
    against_time,
    against_trainings,
    checkpoints,
    differences,
    markdown,
    p_value,
    summarise,
)


def search(method, seed, regrets, *, model=(), trials=None, times=None, tests=None, optimal=None):
    n = len(regrets)
    return Search(
        "table",
        method,
        seed,
        trials or n,
        False,
        ids=[str(k) for k in range(n)],
        values=[0.0] * n,
        regrets=list(regrets),
        tests=[None] * n,
        optimal=[k == optimal for k in range(n)],
        observed_regrets=list(regrets),
        observed_tests=[None] * n if tests is None else list(tests),
        model_regrets=list(model),
        model_tests=[t and t + 1 for t in tests] if tests and model else [None] * len(model),
        training_seconds=[None] * n if times is None else list(times),
        ask_seconds=[0.001 * (k + 1) for k in range(n)],
        tell_seconds=[0.001] * n,
    )


@pytest.fixture
def searches():
    rng = np.random.default_rng(0)
    found = []
    for seed in range(12):
        for method, worse in (("first", 0.0), ("second", 0.5)):
            falling = np.minimum.accumulate(rng.random(35)) + worse
            found.append(search(method, seed, falling.tolist(), times=rng.random(35) + 1))
    return found


def test_checkpoints_end_with_the_last_training():
    assert checkpoints(100) == [10, 20, 30, 50, 100]
    assert checkpoints(7) == [7]


def test_means_and_errors_are_those_over_seeds(searches):
    lines = summarise(searches)
    assert [line.method for line in lines] == ["first", "second"]
    for line in lines:
        own = [s for s in searches if s.method == line.method]
        for c in (10, 20, 30, 35):
            at = [s.observed_regrets[c - 1] for s in own]
            assert line.observed[c].mean == pytest.approx(sum(at) / 12)
            spread = sum((v - sum(at) / 12) ** 2 for v in at) / 11
            assert line.observed[c].error == pytest.approx((spread / 12) ** 0.5)
        assert line.seeds == 12
        assert line.model == {}
        assert line.test is None
        assert line.milliseconds == pytest.approx(19)  # the median of 2 to 36
        assert line.last_milliseconds == pytest.approx(31.5)


@pytest.mark.parametrize(
    ("firsts", "median"), [([2, 4, None], 5), ([None, None, 1], inf), ([0, 1, 2], 2), ([3, 5], 5)]
)
def test_trainings_to_the_optimum_are_the_median(firsts, median):
    group = [search("m", s, [1.0] * 6, optimal=k) for s, k in enumerate(firsts)]
    assert summarise(group)[0].to_optimum == median


def test_a_search_that_ended_early_keeps_its_last_regret():
    group = [search("m", 0, [3, 1], trials=4), search("m", 1, [3, 3, 2, 0], trials=4)]
    assert against_trainings(group).mean.tolist() == [3, 2, 1.5, 0.5]


def test_the_answer_by_the_model_begins_where_there_is_one():
    group = [
        search("m", 0, [3, 1, 0], model=[None, 2, 1], tests=[90, 91, 92]),
        search("m", 1, [3, 3, 3], model=[4, 4, 3], tests=[80, 80, 80]),
    ]
    (line,) = summarise(group)
    assert line.model[3].mean == 2
    assert line.test.mean == 86
    assert line.model_test.mean == 87
    text = markdown(group)
    assert "| m, observed value | 1.500 ± 1.500 | 86.000 ± 6.000 |" in text
    assert "| m, posterior mean | 2.000 ± 1.000 | 87.000 ± 6.000 |" in text


def test_one_seed_has_no_error():
    (line,) = summarise([search("m", 0, [1.0, 0.25])])
    assert str(line.observed[2]) == "0.250"


def test_methods_are_compared_seed_by_seed(searches):
    (found,) = differences(searches)
    assert (found.method, found.first, found.seeds) == ("second", "first", 12)
    gaps = [b.observed_regrets[29] - a.observed_regrets[29]
            for a, b in zip(searches[::2], searches[1::2], strict=True)]  # fmt: skip
    assert found.gaps[30].mean == pytest.approx(np.mean(gaps))
    assert found.gaps[30].error == pytest.approx(np.std(gaps, ddof=1) / 12**0.5)
    assert found.p_values[30] == p_value(np.array(gaps))
    # only the seeds that both have
    (fewer,) = differences([s for s in searches if s.seed < 4 or s.method == "second"])
    assert fewer.seeds == 4


@pytest.mark.parametrize("count", [1, 5, 9])
def test_the_p_value_is_that_of_all_signs(count):
    """Under no difference each rank is as likely to count for either side."""
    gaps = np.random.default_rng(count).normal(0.4, 1, count)
    ranks = np.argsort(np.argsort(np.abs(gaps))) + 1
    seen = ranks[gaps > 0].sum()
    sums = np.array([np.array(s) @ ranks for s in product([0, 1], repeat=count)])
    tail = min((sums <= seen).mean(), (sums >= seen).mean())
    assert p_value(gaps) == pytest.approx(min(1, 2 * tail))


def test_the_p_value_without_differences_is_1_and_ties_are_no_error():
    assert p_value(np.zeros(9)) == 1
    assert p_value(np.array([0.0, 1, 1, 1, 2, 2, 2, 3, 3])) < 0.05
    assert p_value(np.repeat([1.0, -1.0], 40)) > 0.9


def test_curves_against_time_are_steps_of_the_recorded_seconds(searches):
    group = [s for s in searches if s.method == "first"]
    curve = against_time(group)
    ends = [np.cumsum(s.training_seconds) for s in group]
    assert curve.across[0] == pytest.approx(max(e[0] for e in ends))
    assert curve.across[-1] == pytest.approx(min(e[-1] for e in ends))
    for k in (0, 60, 150):
        t = curve.across[k]
        at = [s.observed_regrets[max(j for j in range(35) if e[j] <= t + 1e-12)]
              for s, e in zip(group, ends, strict=True)]  # fmt: skip
        assert curve.mean[k] == pytest.approx(np.mean(at))
        assert curve.error[k] == pytest.approx(np.std(at, ddof=1) / 12**0.5)


def test_without_recorded_times_there_is_no_such_curve():
    assert against_time([search("m", 0, [1, 0])]) is None


def test_tables_can_be_read_as_markdown(searches):
    text = markdown(searches)
    head, rule, first, second, *_ = text.splitlines()
    assert head.startswith("| table | seeds | regret 10 | regret 20 | regret 30 | regret 35 |")
    assert rule.count("---") == head.count("|") - 1 == 8
    assert first.startswith("| first | 12 | 0.")
    assert second.endswith("| over 35 | 19.0, 31.5 |")
    assert "| more than first | at 10 | at 20 | at 30 | at 35 |" in text
    assert "| second | +0." in text
    assert "p < .001" in text or "p = 0.0" in text


def test_each_benchmark_has_its_tables(searches):
    from dataclasses import replace

    other = [replace(s, benchmark="other") for s in searches[:3]]
    text = markdown([*searches, *other])
    assert "| table | seeds |" in text
    assert "| other | seeds |" in text
