from dataclasses import replace
from itertools import pairwise
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import archbo as ab
from archbo.data import Curve
from archbo.methods.costs import Costs

LEVELS = (1, 3, 9, 27, 81)
CONTINUED, AFRESH = (ab.Epochs(1, 81, continued=continued) for continued in (True, False))
TRUTHS = {
    "proportional": lambda level: level / 81,
    "a tenth of overhead": lambda level: 0.1 + 0.9 * level / 81,
    "mostly overhead": lambda level: 0.5 + 0.5 * level / 81,
    "a root": lambda level: (level / 81) ** 0.7,
    "a power": lambda level: (level / 81) ** 1.4,
    "overhead and a power": lambda level: 0.05 + 0.95 * (level / 81) ** 1.3,
}
SPACE = ab.Space(x=ab.Int(0, 10_000))
ARCHS = [SPACE.architecture({"x": x}) for x in range(1000)]


def timed(network, level, seconds, state=ab.State.PAUSED):
    return Curve(ARCHS[network], np.array([float(level)]), np.zeros(1), state, None, seconds)


def trainings(truth, *, networks, seed=0, both=False, rates=0.4, noise=0.1, outliers=0.0):
    """Networks of rates of their own, trained up to each rung in turn; or to two rungs each."""
    rng, found = np.random.default_rng(seed), []
    for k in range(networks):
        rate = 60 * np.exp(rates * rng.normal())
        levels = sorted(rng.choice(LEVELS, 2, replace=False)) if both else [LEVELS[k % 5]]
        for level in levels:
            seconds = rate * truth(level) * np.exp(noise * rng.normal())
            found.append(timed(k, level, seconds * (5 if rng.random() < outliers else 1)))
    return found


def error(costs, truth):
    """The largest factor by which a share is wrong."""
    ratios = [costs.share(level) / truth(level) for level in LEVELS]
    return max(max(ratio, 1 / ratio) for ratio in ratios)


KNOWN = {
    "continued": CONTINUED,
    "afresh": AFRESH,
    "with a cost": ab.Epochs(1, 81, cost=lambda epochs: 10 + epochs**1.5),
    "data": ab.Fidelity("data", 0.5, 81.0, levels=(0.5, 9.0, 81.0)),
}
curves = st.lists(
    st.builds(
        timed,
        network=st.integers(0, 6),
        level=st.sampled_from([*LEVELS, 2, 50]),
        seconds=st.one_of(
            st.none(), st.floats(0, 1e6), st.floats(0.1, 100), st.sampled_from([inf, nan, -1.0])
        ),
        state=st.sampled_from(list(ab.State)),
    ),
    max_size=20,
)
fidelities = st.sampled_from(list(KNOWN.values()))


@pytest.mark.parametrize("fidelity", KNOWN.values(), ids=KNOWN)
def test_without_seconds_a_share_is_what_was_known_before(fidelity):
    for known in ([], [timed(0, 1, None)], [timed(0, 1, 9.0), timed(1, 1, 30.0)]):
        costs = Costs.learned(fidelity, known)
        shares = [costs.share(level) for level in (0.7, *LEVELS)]
        assert shares == pytest.approx([fidelity.share(level) for level in (0.7, *LEVELS)])


@given(fidelity=fidelities, known=curves)
def test_a_share_grows_with_the_level_from_nothing_to_a_full_training(fidelity, known):
    costs = Costs.learned(fidelity, known)
    shares = [costs.share(level) for level in np.linspace(0, 81, 60)]
    assert shares[0] == 0
    assert all(a < b for a, b in pairwise(shares))
    assert shares[-1] == costs.share(None) == pytest.approx(1)


@given(fidelity=fidelities, known=curves, reached=st.integers(0, 80))
def test_going_on_costs_what_is_missing_and_a_training_of_its_own_the_whole(
    fidelity, known, reached
):
    costs = Costs.learned(fidelity, known)
    step = costs.step(reached, 81)
    assert step > 0
    begun = costs.step(0, reached) if fidelity.continued else 0
    assert begun + step == pytest.approx(1)


@given(fidelity=fidelities, known=curves, unit=st.floats(1e-3, 1e3))
def test_the_unit_of_time_says_nothing(fidelity, known, unit):
    valid = [curve for curve in known if 1e-3 < (curve.seconds or 0) < inf]
    scaled = [replace(curve, seconds=curve.seconds * unit) for curve in valid]
    one, other = Costs.learned(fidelity, valid), Costs.learned(fidelity, scaled)
    assert one.share(3) == pytest.approx(other.share(3), rel=0.05)


@given(fidelity=fidelities, known=curves, data=st.data())
def test_the_order_of_the_trainings_says_nothing(fidelity, known, data):
    distinct = list({(c.architecture.id, c.reached): c for c in known}.values())
    shuffled = data.draw(st.permutations(distinct))
    one, other = Costs.learned(fidelity, distinct), Costs.learned(fidelity, shuffled)
    assert one.share(3) == pytest.approx(other.share(3), rel=0.05)


@given(fidelity=fidelities, known=curves)
def test_failed_and_unknown_times_are_left_out(fidelity, known):
    def tells(curve):
        return curve.state is not ab.State.FAILED and 0 < (curve.seconds or 0) < inf

    nothing = replace(timed(0, 1, 5.0), levels=np.zeros(0), values=np.zeros(0))
    told = [curve for curve in known if tells(curve)]
    assert Costs.learned(fidelity, [*known, nothing]) == Costs.learned(fidelity, told)


@pytest.mark.parametrize("both", [False, True], ids=["one level each", "two levels each"])
@pytest.mark.parametrize("truth", TRUTHS.values(), ids=TRUTHS)
def test_many_trainings_tell_the_cost(truth, both):
    known = trainings(truth, networks=500, both=both)
    costs = Costs.learned(AFRESH if both else CONTINUED, known)
    assert error(costs, truth) < (1.1 if both else 1.25)


@pytest.mark.parametrize("truth", TRUTHS.values(), ids=TRUTHS)
def test_a_fifth_of_the_trainings_on_a_busy_machine_changes_little(truth):
    known = trainings(truth, networks=500, both=True, outliers=0.2)
    assert error(Costs.learned(AFRESH, known), truth) < 1.25


def test_the_first_trainings_start_up_is_not_taken_for_the_cost_of_its_level():
    known = trainings(TRUTHS["proportional"], networks=25, both=True, noise=0.02)
    slow = [replace(known[0], seconds=known[0].seconds + 600), *known[1:]]
    one, other = Costs.learned(AFRESH, known), Costs.learned(AFRESH, slow)
    assert error(one, TRUTHS["proportional"]) < 1.1
    assert error(other, TRUTHS["proportional"]) < 1.2


@pytest.mark.parametrize("name", ["a tenth of overhead", "mostly overhead", "a root", "a power"])
def test_more_trainings_tell_more(name):
    errors = [
        np.median(
            [
                error(
                    Costs.learned(
                        AFRESH, trainings(TRUTHS[name], networks=n, both=True, seed=seed)
                    ),
                    TRUTHS[name],
                )
                for seed in range(9)
            ]
        )
        for n in (0, 3, 30, 300)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[1] < 0.8 * errors[0]


def test_a_trainings_rate_is_its_networks_own():
    """A large network in full and a small one briefly are no evidence; the same one twice is."""
    apart = Costs.learned(AFRESH, [timed(0, 1, 5.0), timed(1, 81, 81.0)])
    same = Costs.learned(AFRESH, [timed(0, 1, 5.0), timed(0, 81, 81.0)])
    assert 1 / 81 < apart.share(1) < same.share(1) < 5 / 81


def test_measured_seconds_override_the_cost_that_the_user_gave_only_where_they_contradict_it():
    wrong = ab.Epochs(1, 81, continued=False, cost=lambda epochs: 200 + epochs)
    right = ab.Epochs(1, 81, continued=False, cost=lambda epochs: 9 + epochs)
    truth = TRUTHS["a tenth of overhead"]
    known = trainings(truth, networks=100, both=True)
    for fidelity in (wrong, right):
        assert Costs.learned(fidelity, known[:2]).fidelity == fidelity
        assert error(Costs.learned(fidelity, known), truth) < 1.2
    assert error(Costs.learned(wrong, []), truth) > 6
    assert Costs.learned(right, known).fidelity == right
