from math import inf, isnan

import numpy as np
import pytest
from scipy import stats

import archbo as ab
from archbo.data import State, TrialRecord
from archbo.errors import ObservationError
from archbo.problem import Objective
from archbo.study.confirmation import confirmation

SPACE = ab.Space(a=ab.Int(1, 9))


def records(*rows):
    """Rows of architecture, origin and value: None is a failure, "…" a trial in training."""
    states = {None: State.FAILED, "…": State.RUNNING}
    return [
        TrialRecord(
            number, f"id{a}", {"a": a}, states.get(value, State.FINISHED), origin,
            value if isinstance(value, float) else None,
        )
        for number, (a, origin, value) in enumerate(rows)
    ]  # fmt: skip


def confirmed(*rows, maximize=True):
    found = records(*rows)
    return confirmation(
        found, Objective("a", maximize), lambda record: SPACE.architecture(record.architecture)
    )


A = [0.90, 0.92, 0.97, 0.91]
B = [0.70, 0.75, 0.71]


def both():
    return confirmed(
        (1, "model", 0.95), (2, "initial", 0.99), (3, "model", 0.98), (1, "repeat", 0.93),
        *((1, "confirm", value) for value in A), *((2, "confirm", value) for value in B),
    )  # fmt: skip


def test_means_and_intervals_are_of_the_new_trainings_alone():
    first, second = both().members
    assert [first.architecture.value, second.architecture.value] == [{"a": 1}, {"a": 2}]
    assert (first.selected, second.selected) == (pytest.approx(0.94), 0.99)
    assert first.mean == pytest.approx(np.mean(A))
    low, high = stats.t.interval(0.95, 3, np.mean(A), stats.sem(A))
    assert first.mean - first.margin == pytest.approx(low)
    assert first.mean + first.margin == pytest.approx(high)
    assert first.trials == (4, 5, 6, 7)
    assert first.overall == pytest.approx(np.mean([0.95, 0.93, *A]))


def test_the_lead_has_welchs_interval():
    lead = both().lead
    interval = stats.ttest_ind(A, B, equal_var=False).confidence_interval(0.95)
    assert lead.value - lead.margin == pytest.approx(interval.low)
    assert lead.value + lead.margin == pytest.approx(interval.high)
    assert lead.clear
    assert both().winner.architecture["a"] == 1


def test_smaller_is_better_where_it_is_minimised():
    found = confirmed(
        (1, "model", 0.5), (2, "model", 0.4),
        (1, "confirm", 0.3), (1, "confirm", 0.31), (2, "confirm", 0.9), (2, "confirm", 0.91),
        maximize=False,
    )  # fmt: skip
    assert found.winner.architecture["a"] == 1
    assert found.lead.value == pytest.approx(0.6)
    assert found.lead.clear


def test_one_training_has_no_interval_and_no_clear_lead():
    found = confirmed((1, "m", 0.9), (2, "m", 0.1), (1, "confirm", 0.9), (2, "confirm", 0.1))
    assert found.winner.margin == inf
    assert found.lead.margin == inf
    assert not found.lead.clear


def test_equal_results_have_an_interval_of_no_width():
    again = [(key, "confirm", value) for key, value in ((1, 0.9), (2, 0.8)) for _ in range(2)]
    found = confirmed((1, "m", 0.9), (2, "m", 0.8), *again)
    assert found.winner.margin == 0.0
    assert found.lead.clear


def test_failures_are_counted_and_never_win():
    found = confirmed(
        (1, "m", 0.99), (2, "m", 0.5), (3, "m", 0.6),
        (1, "confirm", None), (2, "confirm", 0.5), (3, "confirm", "…"),
    )  # fmt: skip
    assert [member.architecture["a"] for member in found.members] == [2, 1]
    assert [member.failed for member in found.members] == [0, 1]
    assert isnan(found.members[1].mean)
    assert found.lead is None


def test_nothing_confirmed_says_so():
    for found in (confirmed((1, "m", 0.9)), confirmed((1, "m", 0.9), (1, "confirm", None))):
        with pytest.raises(ObservationError, match="nothing has been confirmed yet"):
            _ = found.winner
