"""Priors of decisions: what is drawn, and how likely it is said to be."""

import numpy as np
import pytest
from scipy import stats

import archbo as ab
from archbo.errors import SpaceError
from archbo.spaces import from_dict
from archbo.spaces.moves import sample
from archbo.spaces.prior import log_likeness, log_prior
from archbo.testing.spaces import LAWS

SPACE = ab.Space(
    op=ab.Choice(["a", "b", "c"], prior=[1, 1, 8]),
    head=ab.Choice({"linear": None, "mlp": ab.Space(width=ab.Int(1, 64, prior=10))}, prior=[1, 3]),
    lr=ab.Float(1e-4, 1e-1, log=True, prior=1e-3),
    norm=ab.Bool(prior=0.9),
    free=ab.Int(0, 9),
)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_a_space_with_priors_keeps_the_laws(law):
    law(SPACE, 0)


def test_options_are_drawn_as_often_as_their_weights_say():
    rows = sample(SPACE.compiled, np.random.default_rng(0), 20_000)
    share = np.bincount(rows.values[:, 0].astype(int)) / len(rows)
    assert np.allclose(share, [0.1, 0.1, 0.8], atol=0.01)
    assert rows.values[:, -2].mean() == pytest.approx(0.9, abs=0.01)


def test_numbers_are_drawn_near_their_guess_and_now_and_then_elsewhere():
    rows = sample(SPACE.compiled, np.random.default_rng(0), 20_000)
    unit = (np.log10(rows.values[:, 3]) + 4) / 3
    near = stats.truncnorm((0 - 1 / 3) / 0.15, (1 - 1 / 3) / 0.15, 1 / 3, 0.15)
    # a fifth is spread evenly, the rest is normal around the guess
    assert stats.kstest(unit, lambda u: 0.2 * u + 0.8 * near.cdf(u)).pvalue > 0.01
    assert set(rows.values[rows.active[:, 2], 2]) == set(range(1, 65))


def test_what_is_drawn_has_the_density_that_is_said():
    rows = sample(SPACE.compiled, np.random.default_rng(1), 40_000)
    density = np.exp(log_prior(SPACE.compiled, rows))
    # the mean of 1 / density over draws from it is the size of the whole, which is 1
    assert (1 / density).mean() == pytest.approx(1, abs=0.03)


def test_without_priors_all_members_are_equally_likely():
    space = ab.Space(a=ab.Choice(["x", "y"]), b=ab.Float(0, 1))
    rows = sample(space.compiled, np.random.default_rng(0), 10)
    assert log_prior(space.compiled, rows).tolist() == [0] * 10


def test_a_guess_makes_what_shares_decisions_with_it_likelier():
    cell = ab.EdgeCell(nodes=4, ops=["none", "skip_connect", "conv_3x3"])
    guess = cell.sample(0)
    rows = sample(cell.compiled, np.random.default_rng(1), 500)
    score = log_likeness(cell.compiled, rows, guess.rows).round(9)
    shared = (rows.values == guess.rows.values).sum(axis=1)
    assert stats.spearmanr(score, shared).statistic == pytest.approx(1)
    everything = sample(cell.compiled, np.random.default_rng(2), 40_000)
    total = np.exp(log_likeness(cell.compiled, everything, guess.rows)).mean()
    assert total == pytest.approx(1, abs=0.1)


def test_a_prior_is_a_part_of_the_space():
    assert from_dict(SPACE.to_dict()) == SPACE
    assert ab.Choice(["a", "b"], prior=[1, 2]) != ab.Choice(["a", "b"])
    assert repr(ab.Choice(["a", "b"], prior=[1, 2])) == "Choice(['a', 'b'], prior=(1, 2))"
    assert repr(ab.Int(1, 8, prior=4)) == "Int(1, 8, prior=4)"


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (ab.Choice(["a", "b"], prior=[1]), r"space\.x: a prior gives a weight to each of the 2"),
        (ab.Choice(["a", "b"], prior=[1, 0]), r"space\.x: a weight is a positive number, got 0"),
        (ab.Choice(["a", "b"], prior={"a": 1}), r"space\.x: a prior gives a weight to each"),
        (ab.Int(1, 8, prior=9), r"space\.x: a prior is a guess, a whole number from 1 to 8, got 9"),
        (ab.Float(0, 1, prior="x"), r"space\.x: a prior is a guess, a finite number from 0 to 1"),
        (ab.Bool(prior=1), r"space\.x: a prior is a probability between 0 and 1"),
    ],
)
def test_a_prior_that_makes_no_sense_is_refused(part, message):
    with pytest.raises(SpaceError, match=message):
        ab.Space(x=part).compiled  # noqa: B018
