import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import archbo as ab
from archbo.errors import ProblemError
from archbo.fidelity import fidelity_from_dict

ends = st.integers(1, 500)


@given(low=ends, high=ends, eta=st.floats(1.1, 10))
def test_rungs_grow_by_the_factor_up_to_a_full_training(low, high, eta):
    if low >= high:
        return
    rungs = ab.Epochs(low, high).rungs(eta)
    assert rungs[-1] == high
    assert list(rungs) == sorted(set(rungs))
    assert low <= rungs[0] < low * eta + 0.5
    assert all(type(rung) is int for rung in rungs)
    assert all(b / eta - 1 <= a <= b / eta + 1 for a, b in pairwise(rungs))


@pytest.mark.parametrize(
    "fidelity",
    [
        ab.Epochs(1, 81),
        ab.Epochs(2, 9, continued=False),
        ab.Steps(100, 10_000),
        ab.Fidelity("data_fraction", 0.1, 1.0),
        ab.Fidelity("pixels", 8, 32),
        ab.Epochs(4, 108, levels=(4, 12, 36, 108)),
        ab.Fidelity("data_fraction", 0.1, 1.0, levels=(0.1, 0.3, 1.0)),
        ab.Steps(100, 10_000, cost=lambda steps: 50 + steps),
        ab.Fidelity("pixels", 8, 32, cost={8: 0.1, 32: 1}),
    ],
    ids=repr,
)
def test_a_fidelity_comes_back_from_json(fidelity):
    assert fidelity_from_dict(json.loads(json.dumps(fidelity.to_dict()))) == fidelity


def test_given_levels_are_the_rungs_and_say_the_factors():
    fidelity = ab.Epochs(4, 108, levels=[4, 12, 108])
    assert fidelity.rungs() == fidelity.rungs(7) == fidelity.levels == (4, 12, 108)
    assert fidelity.factors(7) == pytest.approx((3, 9))
    assert ab.Epochs(1, 100).factors(2.5) == (2.5,) * 5


def test_a_continued_training_reports_between_the_levels_one_of_its_own_does_not():
    assert ab.Epochs(1, 9, levels=(1, 3, 9)).level(5) == 5
    apart = ab.Epochs(1, 9, levels=(1, 3, 9), continued=False)
    assert apart.level(3.0) == 3
    with pytest.raises(ProblemError, match=r"tell: epochs must be one of 1, 3, 9, got 5"):
        apart.level(5, "tell")
    data = ab.Fidelity("data", 0.1, 1, levels=(0.1, 0.3, 1))
    assert data.level(0.3) == 0.3
    with pytest.raises(ProblemError, match=r"data must be one of 0\.1, 0\.3, 1, got 0\.5"):
        data.level(0.5)


def test_a_stored_fidelity_without_levels_is_read_as_before():
    stored = {"kind": "epochs", "low": 1, "high": 81, "continued": True}
    assert ab.Epochs(1, 81).to_dict() == stored
    assert fidelity_from_dict(stored) == ab.Epochs(1, 81)


@given(low=ends, more=ends, overhead=st.floats(0, 1e3), power=st.floats(0, 2), at=st.floats(0, 1.2))
def test_a_share_grows_with_the_level_up_to_one(low, more, overhead, power, at):
    fidelity = ab.Steps(low, low + more, cost=lambda steps: overhead + steps**power)
    levels = np.linspace(1e-3, fidelity.high, 50)
    shares = [fidelity.share(level) for level in levels]
    assert all(b >= a * (1 - 1e-9) for a, b in pairwise(shares))
    assert 0 < shares[0] <= shares[-1] == fidelity.share(None) == 1


def test_a_known_cost_is_the_share_wherever_it_is_asked():
    affine = ab.Fidelity("data", 0.1, 1.0, cost=lambda fraction: 0.1 + fraction)
    assert [affine.share(x) for x in (0.1, 0.37, 1.0)] == pytest.approx([2 / 11, 0.47 / 1.1, 1])
    assert affine.share(0.05) == pytest.approx(1 / 11)  # below the lowest in proportion
    square = ab.Epochs(1, 100, cost=lambda epochs: epochs**2)
    assert [square.share(k) for k in (2, 7, 33, 90)] == pytest.approx(
        [0.0004, 0.0049, 0.1089, 0.81], rel=0.01
    )
    given = ab.Epochs(1, 9, levels=(1, 3, 9), cost=[(9, 8), (1, 2)])
    assert given.share(3) == pytest.approx((2 + 6 / 4) / 8)


def test_a_function_is_asked_at_the_levels_only():
    asked = []

    def cost(level):
        asked.append(level)
        return 1.0 + level

    ab.Epochs(4, 108, levels=(4, 12, 36, 108), cost=cost)
    assert asked == [4, 12, 36, 108]


def test_with_a_cost_the_factors_are_those_of_the_cost():
    fidelity = ab.Epochs(1, 9, cost=lambda epochs: 3 + epochs)
    assert fidelity.rungs(3) == (1, 3, 9)
    assert fidelity.factors(3) == pytest.approx((6 / 4, 12 / 6))


def test_only_what_is_counted_can_be_continued():
    assert ab.Epochs(1, 81).continued
    assert not ab.Epochs(1, 81, continued=False).continued
    assert not ab.Fidelity("data_fraction", 0.1, 1.0).continued
    assert ab.Fidelity("pixels", 8, 32).rungs(2) == (8, 16, 32)


def test_a_full_training_is_no_short_level():
    fidelity = ab.Epochs(1, 80)
    assert fidelity.short(79) == 79
    assert fidelity.short(80) is fidelity.short(None) is None
    assert fidelity.share(20) == 0.25
    assert fidelity.share(None) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ab.Epochs(0, 81), r"fidelity: epochs are whole numbers from 1, got 0"),
        (lambda: ab.Steps(1, 9.5), r"fidelity: steps are whole numbers from 1, got 9\.5"),
        (lambda: ab.Epochs(9, 9), r"the low end must be below the high one, got 9 and 9"),
        (lambda: ab.Epochs(1, 9, continued=1), r"continued must be True or False, got 1"),
        (lambda: ab.Fidelity("", 0.1, 1), r"expected a name, got ''\. Say ab\.Fidelity"),
        (lambda: ab.Fidelity("data", 0.0, 1), r"data must be a positive number, got 0\.0"),
        (lambda: ab.Fidelity("data", 0.1, float("inf")), r"a positive number, got inf"),
        (lambda: ab.Epochs(1, 9, levels=9), r"fidelity\.levels: expected a list of levels, got 9"),
        (lambda: ab.Epochs(1, 9, levels="19"), r"expected a list of levels, got '19'"),
        (lambda: ab.Epochs(1, 9, levels=(1, 2.5, 9)), r"epochs are whole numbers from 1, got 2\.5"),
        (lambda: ab.Epochs(1, 9, levels=(1, 9, 3)), r"levels: levels must ascend, got 1, 9, 3"),
        (lambda: ab.Epochs(1, 9, levels=(3, 9)), r"must begin with 1 and end with 9, got 3, 9"),
        (lambda: ab.Steps(1, 9, levels=()), r"must begin with 1 and end with 9, got none"),
        (lambda: ab.Fidelity("data", 0.1, 1, levels=(0.1, "1")), r"a positive number, got '1'"),
        (lambda: ab.Fidelity("data", 0.1, 1, levels=(0.1, 0.5)), r"with 0\.1 and end with 1"),
        (
            lambda: ab.Epochs(1, 9, cost=3),
            r"fidelity\.cost: expected pairs of numbers, got 3\. Say cost=lambda level",
        ),
        (lambda: ab.Epochs(1, 9, cost=lambda k: k - 1), r"cost at 1 must be a positive number"),
        (lambda: ab.Epochs(1, 9, cost=lambda k: None), r"cost at 1 must be .*, got None"),
        (lambda: ab.Epochs(1, 9, cost={1: 2, 9: "8"}), r"cost at 9 must be .*, got '8'"),
        (lambda: ab.Epochs(1, 9, cost=lambda k: 1 / k), r"cannot cost less: 1\.0 at 1, 0\.5 at 2"),
        (lambda: ab.Epochs(1, 9, cost={1: 2, 3: 4}), r"from 1 to 9, each level once, got \[1, 3\]"),
        (lambda: ab.Epochs(1, 9, cost=[(1, 2), (1, 3), (9, 9)]), r"each level once, got \[1, 1, 9"),
        (lambda: ab.Epochs(1, 81).rungs(1), r"eta must be a number above 1, got 1"),
        (lambda: ab.Epochs(1, 81).level(0.5), r"epochs must be a whole number from 1 to 81"),
        (lambda: ab.Epochs(1, 81).level(82), r"from 1 to 81, got 82"),
        (lambda: fidelity_from_dict({"kind": "epoch"}), r"no fidelity 'epoch'.*'epochs'"),
        (lambda: fidelity_from_dict({"kind": "steps", "low": 1}), r"fidelity: .*'high'"),
        (lambda: ab.Optimizer(ab.Space(a=ab.Int(1, 3)), fidelity=81), r"expected a fidelity, got"),
    ],
)
def test_what_is_no_fidelity_is_refused(make, message):
    with pytest.raises(ProblemError, match=message):
        make()
