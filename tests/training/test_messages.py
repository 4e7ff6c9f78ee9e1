import pickle

import pytest

from archbo.training import Failed, Finished, Lost, Reported, Task


def task(number, *, seed=0, attempt=1):
    return Task.make(number, {"a": 1}, study_seed=seed, attempt=attempt, epochs=3)


def test_the_seed_is_the_same_on_every_attempt():
    assert task(5).seed == task(5, attempt=2).seed == task(5).seed


def test_seeds_differ_between_trials_and_studies_and_fit_31_bits():
    seeds = {task(number, seed=seed).seed for number in range(100) for seed in range(10)}
    assert len(seeds) == 1000
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert max(seeds) > 2**30


def test_a_negative_study_seed_is_a_seed_too():
    assert task(0, seed=-1).seed != task(0, seed=1).seed


@pytest.mark.parametrize(
    "message",
    [
        task(0),
        Reported(0, 1, 3, 0.1),
        Finished(0, 1, 0.1, 2.0),
        Failed(0, 1, "ValueError", None, 2.0),
        Lost(0, 1, "exited with code 3", 2.0),
    ],
    ids=lambda message: type(message).__name__,
)
def test_messages_survive_pickling_and_do_not_change(message):
    assert pickle.loads(pickle.dumps(message)) == message
    with pytest.raises(AttributeError, match="cannot assign to field 'number'"):
        message.number = 2
