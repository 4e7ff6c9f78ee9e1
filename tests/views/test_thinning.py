from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from archbo.data import Prediction, State
from archbo.views.infos import calibration_info, history_info
from archbo.views.thinning import (
    MOST_MARKS,
    spread_out,
    thinned_calibration,
    thinned_feature,
    thinned_history,
)

coordinate = st.floats(-10, 10) | st.just(float("nan")) | st.floats()
pairs = st.lists(st.tuples(coordinate, coordinate), max_size=80)


def many(make, count):
    rng = np.random.default_rng(0)
    one = make(0, 0.5, seconds=1.0)
    return [
        replace(
            one,
            number=i,
            value=None if i % 50 == 7 else float(rng.normal(0.5 + i / count, 0.1)),
            state=State.FAILED if i % 50 == 7 else State.FINISHED,
            architecture_id=str(i),
            prediction=Prediction(0.5 + i / count, 0.1),
        )
        for i in range(count)
    ]


@given(points=pairs, most=st.integers(1, 40))
def test_never_more_points_than_asked_for_and_each_once(points, most):
    kept = spread_out(points, most)
    assert len(kept) <= most
    assert kept == sorted(set(kept))
    assert kept or not points


def test_few_trials_are_all_drawn(shown):
    info = history_info(shown.records, shown.study)
    assert thinned_history(info, shown.study) is info


def test_of_many_trials_the_incumbents_the_ends_and_failures_stay(make, study):
    info = history_info(many(make, 6000), study)
    shown = thinned_history(info, study)
    numbers = {t.number for t in shown.trials}
    assert len(numbers) < 2 * MOST_MARKS
    assert {step.number for step in info.steps} | {0, 5999} <= numbers
    assert shown.steps == info.steps
    assert any(t.state is State.FAILED for t in shown.trials)


def test_every_trial_left_out_has_one_drawn_close_by(make, study):
    info = history_info(many(make, 6000), study)
    drawn = [t for t in thinned_history(info, study).trials if t.value is not None]
    at = np.array([(t.number / 6000, t.value / 2) for t in drawn])
    left = [t for t in info.trials if t.value is not None]
    far = [np.hypot(*(at - (t.number / 6000, t.value / 2)).T).min() for t in left[::17]]
    assert max(far) < 0.06


def test_thinned_predictions_keep_their_shares(make, study):
    info = calibration_info(many(make, 6000))
    shown = thinned_calibration(info, study)
    assert len(shown.points) <= MOST_MARKS // 2
    assert shown[1:] == info[1:]


def test_of_many_trials_those_stay_that_show_a_features_range(make, study):
    trials = [replace(t, features={"params": 10.0 ** (t.number / 1000)}) for t in many(make, 3000)]
    known = [t for t in trials if t.value is not None]
    drawn = thinned_feature(trials, "params", study, most=100)
    assert 40 < len(drawn) <= 100
    assert {t.number for t in drawn} <= {t.number for t in known}
    # on the scale of the figure, a logarithmic one, no decade is empty
    for low in range(3):
        assert sum(low <= t.number / 1000 < low + 1 for t in drawn) > 10
    assert thinned_feature(trials, "params", study, most=len(known)) == known
    assert thinned_feature(trials, "flops", study, most=100) == []
