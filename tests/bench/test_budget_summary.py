from dataclasses import replace

import numpy as np
import pytest

from archbo.bench.budget_summary import (
    against_budget,
    against_clock,
    at_budgets,
    at_times,
    budget_checkpoints,
    budget_differences,
    budget_markdown,
    last_time,
    summarise_budgets,
    times,
)
from archbo.bench.budgeted import BudgetSearch
from archbo.bench.summary import p_value

HAND = BudgetSearch(
    "table",
    "hand",
    0,
    budget=4.0,
    workers=2,
    begun=5,
    full=9,
    end=40.0,
    first_regret=8.0,
    random_regret=4.0,
    full_seconds=20.0,
    trainings=[0, 1, 0, 2],
    ids=["a", "b", "a", "c"],
    levels=[3, 3, 9, 9],
    values=[1.0, 2.0, 3.0, None],
    spent=[1.0, 1.5, 3.0, 4.0],
    clock=[10.0, 15.0, 30.0, 35.0],
    regrets=[6.0, 2.0, 3.0, 1.0],
    origins=["random"] * 4,
    propose_seconds=[0.001, 0.002, 0.003, 0.004],
    decide_seconds=[0.001, 0.0, 0.0, 0.0],
)
"""Two workers; every number is asked for below."""


def searches(methods, seeds=8, budget=30.0):
    """Regrets that fall at random; those of the second method are larger by a half."""
    found = []
    for k, method in enumerate(methods):
        for seed in range(seeds):
            rng = np.random.default_rng([seed, k])
            spent = np.sort(rng.uniform(0, budget, 60))
            regrets = np.minimum.accumulate(rng.exponential(2.0, 60)) + k / 2
            found.append(
                replace(
                    HAND,
                    method=method,
                    seed=seed,
                    budget=budget,
                    spent=spent.tolist(),
                    clock=(10 * spent).tolist(),
                    regrets=regrets.tolist(),
                    end=10 * budget,
                )
            )
    return found


@pytest.mark.parametrize(
    ("budget", "points"),
    [
        (3, [3]),
        (30, [3, 10, 30]),
        (40, [3, 10, 30, 40]),
        (200, [3, 10, 30, 100, 200]),
        (0.5, [0.5]),
    ],
)
def test_checkpoints_are_those_within_the_budget_and_its_end(budget, points):
    assert budget_checkpoints(budget) == points


def test_the_regret_at_a_budget_is_that_of_the_last_result_by_then():
    assert at_budgets(HAND, [0.9, 1.0, 1.4, 1.5, 2.9, 3.0, 9]).tolist() == [8, 6, 6, 2, 2, 3, 1]
    assert at_times(HAND, [0, 10, 29.9, 30, 99]).tolist() == [8, 6, 2, 3, 1]
    # where a sum of shares is rounded, too
    thirds = replace(HAND, spent=[1.0, 1.5, 3.0 + 4e-16, 4.0])
    assert at_budgets(thirds, [3.0]) == [3.0]


def test_a_line_has_all_that_is_judged():
    (line,) = summarise_budgets([HAND])
    assert {c: m.mean for c, m in line.regret.items()} == {3: 3, 4: 1}
    assert {c: m.mean for c, m in line.normalised.items()} == {3: 0.75, 4: 0.25}
    # a usual training takes 20 seconds, so that two workers train three in 30
    assert times([HAND]) == {3: 30, 4: 40}
    assert {c: m.mean for c, m in line.timely.items()} == {3: 3, 4: 1}
    assert (line.begun, line.in_full) == (5, 1 / 5)
    assert line.milliseconds == pytest.approx(2.5)
    assert line.last_milliseconds == pytest.approx(2.5)


def test_times_are_those_that_all_searches_of_a_benchmark_reached():
    sooner = replace(HAND, method="sooner", end=33.0)
    lines = summarise_budgets([HAND, sooner])
    assert [list(line.timely) for line in lines] == [[3], [3]]
    assert last_time([HAND, sooner]) == 33
    # what has nothing left to train is not cut: its answer stays
    through = replace(HAND, end=None)
    assert times([through, HAND]) == {3: 30, 4: 40}
    assert last_time([through]) == 35


def test_means_and_errors_are_over_seeds():
    given = searches(["first"])
    (line,) = summarise_budgets(given)
    for c in (3, 10, 30):
        at = [min([HAND.first_regret, *np.array(s.regrets)[np.array(s.spent) <= c]])
              for s in given]  # fmt: skip
        assert line.regret[c].mean == pytest.approx(np.mean(at))
        assert line.regret[c].error == pytest.approx(np.std(at, ddof=1) / 8**0.5)


def test_methods_are_compared_seed_by_seed():
    given = searches(["first", "second"])
    (found,) = budget_differences(given)
    assert (found.method, found.first, found.seeds) == ("second", "first", 8)
    gaps = np.array([at_budgets(b, [10])[0] - at_budgets(a, [10])[0]
                     for a, b in zip(given[:8], given[8:], strict=True)])  # fmt: skip
    assert found.gaps[10].mean == pytest.approx(gaps.mean())
    assert found.p_values[10] == p_value(gaps)
    (fewer,) = budget_differences([s for s in given if s.seed < 3 or s.method == "second"])
    assert fewer.seeds == 3


def test_curves_are_steps():
    given = searches(["first"], seeds=3)
    curve = against_budget(given)
    assert curve.across[-1] == 30
    for at in (0, 50, -1):
        assert curve.mean[at] == pytest.approx(
            np.mean([at_budgets(s, [curve.across[at]]) for s in given])
        )
    clock = against_clock(given, end=150.0)
    assert clock.across[-1] == 150
    assert clock.mean[-1] == pytest.approx(np.mean([at_times(s, [150.0]) for s in given]))


def test_tables_read_as_they_are():
    text = budget_markdown([HAND, replace(HAND, method="other", regrets=[6.0, 2.0, 4.0, 1.0])])
    assert (
        "| table | seeds | regret 3 | regret 4 | trainings | in full | ms/decision median, last |"
        in text
    )
    assert "| hand | 1 | 3.000 | 1.000 | 5 | 20% | 2.5, 2.5 |" in text
    assert "| normalised, a random network is 1 | regret 3 | regret 4 |" in text
    assert "| other | 1.000 | 0.250 |" in text
    assert "| by time, 2 workers | regret 3 (30 s) | regret 4 (40 s) |" in text
    assert "| more than hand | at 3 | at 4 |" in text
    assert "| other | +1.000, p = 1.000 | +0.000, p = 1.000 |" in text


def test_with_one_worker_there_is_no_table_by_time():
    assert "by time" not in budget_markdown([replace(HAND, workers=1)])


def test_a_search_without_any_result_is_its_first_network():
    empty = {name: [] for name in vars(HAND) if isinstance(getattr(HAND, name), list)}
    nothing = replace(HAND, **empty)
    (line,) = summarise_budgets([nothing])
    assert line.regret[3].mean == 8
    assert line.in_full == 0
    assert "| hand | 1 | 8.000 | 8.000 | 5 | 0% | none |" in budget_markdown([nothing])
