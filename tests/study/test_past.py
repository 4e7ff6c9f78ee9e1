from dataclasses import replace

import numpy as np
import pytest

import archbo as ab
from archbo.data import Dataset, Observation, State

SPACE = ab.Space(a=ab.Int(1, 50), b=ab.Choice(["x", "y"]))


@pytest.fixture
def study():
    with ab.Study(None, SPACE, maximize="a", method="random") as study:
        study.run(lambda arch, trial: arch["a"] + 0.5 / arch["a"], trials=12)
        yield study


def same(a, b):
    for name in ("values", "repeats", "failures", "scatter"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    np.testing.assert_array_equal(a.rows.values, b.rows.values)
    np.testing.assert_array_equal(a.pending.values, b.pending.values)
    return a.trials == b.trials


def afresh(study, records):
    """What the same trials give without anything that was kept."""
    done = [r for r in records if r.state is not State.RUNNING]
    return Dataset.make(
        study.problem,
        [Observation(study.architecture(r), r.value) for r in done],
        [study.architecture(r) for r in records if r.state is State.RUNNING],
    )


def test_what_was_learned_before_is_what_is_learned_at_once(study):
    records = study.trials
    for count in (0, 1, 5, 12):
        assert same(study.dataset(records[:count]), afresh(study, records[:count]))


def test_a_result_is_learned_once(study):
    records = study.trials
    study.dataset(records)
    asked = []
    study._observation = lambda record: asked.append(record.number)
    assert study.dataset(records).trials == 12
    assert asked == []


def test_a_training_that_goes_on_leaves_those_behind_it_open(study):
    records = study.trials
    records[4] = replace(records[4], state=State.RUNNING, value=None)
    records[7] = replace(records[7], state=State.FAILED, value=None, error="broke")
    assert same(study.dataset(records), afresh(study, records))
    ended = [*records[:4], replace(records[4], state=State.FINISHED, value=3.0), *records[5:]]
    assert same(study.dataset(ended), afresh(study, ended))


def test_other_trials_are_learned_anew(study):
    records = study.trials
    study.dataset(records)
    others = [replace(record, value=(record.value or 0) + 1) for record in records]
    assert same(study.dataset(others), afresh(study, others))
    assert same(study.dataset(records[:3]), afresh(study, records[:3]))


def test_repeats_behind_what_is_kept_change_nothing_of_it(study):
    records = study.trials
    running = replace(records[10], state=State.RUNNING, value=None)
    again = replace(
        records[11],
        architecture=records[0].architecture,
        architecture_id=records[0].architecture_id,
        value=40.0,
    )
    for _ in range(2):
        changed = [*records[:10], running, again]
        assert same(study.dataset(changed), afresh(study, changed))
