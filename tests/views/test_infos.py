import numpy as np
import pytest
from scipy.stats import spearmanr

from archbo.data import Prediction, State
from archbo.spaces import EdgeCell
from archbo.views.infos import (
    calibration_info,
    counts_info,
    failures,
    history_info,
    members,
    one_line,
    scalar_settings,
    study_info,
)


def test_settings_become_the_study(shown):
    assert shown.study.objective == "accuracy"
    assert shown.study.maximize
    assert shown.study.facts["versions"] == "archbo 0.1.0"
    assert not study_info(shown.settings | {"direction": "minimize"}).maximize


def test_history_has_a_step_for_every_new_best(make, study):
    records = [make(i, v) for i, v in enumerate([0.5, 0.4, 0.6, 0.6, 0.7])]
    assert [(s.number, s.value) for s in history_info(records, study).steps] == [
        (0, 0.5),
        (2, 0.6),
        (4, 0.7),
    ]


def test_history_of_a_minimised_objective_goes_down(make, shown):
    study = study_info(shown.settings | {"direction": "minimize"})
    records = [make(i, v) for i, v in enumerate([0.5, 0.6, 0.4])]
    assert [s.number for s in history_info(records, study).steps] == [0, 2]


def test_history_equals_the_best_mean_after_each_trial(make, study):
    rng = np.random.default_rng(1)
    records = [make(i, float(rng.normal()), seed=int(rng.integers(6))) for i in range(60)]
    expected = []
    for end in range(1, 61):
        groups = {}
        for r in records[:end]:
            groups.setdefault(r.architecture_id, []).append(r.value)
        expected.append(max(np.mean(g) for g in groups.values()))
    steps = history_info(records, study).steps
    found = [[s.value for s in steps if s.number <= end][-1] for end in range(60)]
    assert found == pytest.approx(expected)


def test_a_repeat_that_lowers_the_mean_dethrones_the_incumbent(make, study):
    records = [make(0, 0.9), make(1, 0.8), make(2, 0.5, seed=0)]
    steps = history_info(records, study).steps
    assert [(s.number, s.value) for s in steps] == [(0, 0.9), (2, 0.8)]
    assert steps[-1].architecture_id == records[1].architecture_id


def test_members_are_distinct_and_count_with_their_mean(make, study):
    records = [make(0, 0.6), make(1, 0.9), make(2, 0.8, seed=0), make(3, None, state=State.FAILED)]
    best = members(records, study)
    assert [(m.value, m.trials) for m in best] == [(0.9, (1,)), (pytest.approx(0.7), (0, 2))]
    assert members(records, study, limit=1) == best[:1]


def test_calibration_counts_what_lies_inside(make):
    records = [
        make(i, 0.0, prediction=Prediction(mean, 1.0)) for i, mean in enumerate([0.5, 1.5, -2.5])
    ]
    info = calibration_info([*records, make(3, 1.0), make(4, None, state=State.RUNNING)])
    assert len(info.points) == 3
    assert info.within_one == pytest.approx(1 / 3)
    assert info.within_two == pytest.approx(2 / 3)
    assert info.rank_correlation is None  # constant observations


def test_rank_correlation_equals_scipys(make):
    rng = np.random.default_rng(2)
    means, values = rng.integers(0, 8, 40).astype(float), rng.integers(0, 8, 40).astype(float)
    records = [
        make(i, v, prediction=Prediction(m, 1.0))
        for i, (m, v) in enumerate(zip(means, values, strict=True))
    ]
    expected = spearmanr(means, values).statistic
    assert calibration_info(records).rank_correlation == pytest.approx(expected)


def test_failures_are_grouped_by_reason_the_most_frequent_first(make):
    errors = ["b", "a", "a", None]
    records = [make(i, None, state=State.FAILED, error=e) for i, e in enumerate(errors)]
    assert [(f.error, f.trials) for f in failures(records)] == [
        ("a", (1, 2)),
        ("b", (0,)),
        ("no reason recorded", (3,)),
    ]


def test_counts_of_nothing_are_zero():
    counts = counts_info([])
    assert counts.states == dict.fromkeys(State, 0)
    assert counts.seconds == 0


def test_scalar_settings_are_those_that_the_drawing_leaves_out(shown):
    architecture = shown.study.space.architecture(shown.records[0].architecture)
    settings = scalar_settings(architecture)
    assert "lr" in settings
    assert not {"cell", "body"} & set(settings)
    assert any(path.startswith("head") for path in settings)


def test_a_cell_alone_has_no_scalar_settings_and_a_readable_line():
    cell = EdgeCell(nodes=3, ops=["none", "conv"]).sample(np.random.default_rng(0))
    assert scalar_settings(cell) == {}
    assert one_line(cell).startswith("[0→1 ")
