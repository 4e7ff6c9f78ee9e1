"""Units in which all epochs are alike, and the way back."""

import numpy as np
import pytest

from archbo.surrogates.curve_outcomes import CurveOutcomes
from archbo.surrogates.learning_curves import Curves

EPOCHS = np.array([1.0, 3.0, 9.0, 27.0])


def values(n, seed=0):
    """Means rise, spreads shrink, and the order stays."""
    ends = np.random.default_rng(seed).standard_normal((n, 1))
    return np.array([10.0, 50, 70, 80]) + ends * np.array([8.0, 4, 2, 1])


def test_epochs_whose_order_is_the_same_become_alike():
    z = CurveOutcomes.of(Curves(EPOCHS, values(300), 27)).curves.values
    apart = np.abs(z[:, 1:] - z[:, :1])
    assert np.median(apart) < 0.02
    assert apart.max() < 0.7
    assert z.std() == pytest.approx(1)


def test_an_epoch_that_the_good_alone_reached_does_not_make_them_average():
    y = values(200)
    y[y[:, 0] < np.quantile(y[:, 0], 0.8), 1:] = np.nan
    z = CurveOutcomes.of(Curves(EPOCHS, y, 27)).curves.values
    good = ~np.isnan(z[:, 1])
    np.testing.assert_allclose(z[good, 3], z[good, 0], atol=0.3)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_the_way_back_inverts_the_transform(scale):
    y = scale * values(50)
    outcomes = CurveOutcomes.of(Curves(EPOCHS, y, 27))
    for g, epoch in enumerate(EPOCHS.tolist()):
        back, sd = outcomes.to_objective(
            outcomes.curves.values[:, g], np.full(50, 1e-9), epoch=epoch
        )
        np.testing.assert_allclose(back, y[:, g], rtol=1e-3)
        assert (sd < 1e-6 * scale).all()


def test_order_is_kept_within_an_epoch():
    y = values(60) + np.random.default_rng(1).standard_normal((60, 4))
    z = CurveOutcomes.of(Curves(EPOCHS, y, 27)).curves.values
    for g in range(4):
        assert (np.argsort(y[:, g]) == np.argsort(z[:, g])).all()


def test_trainings_of_other_networks_at_each_fidelity_have_units_of_their_own():
    y = np.full((40, 4), np.nan)
    y[:20, 0], y[20:, 3] = values(20)[:, 0], values(20, seed=1)[:, 3]
    z = CurveOutcomes.of(Curves(EPOCHS, y, 27)).curves.values
    assert abs(np.nanmedian(z[:, 0]) - np.nanmedian(z[:, 3])) < 0.2
    assert 0.5 < np.nanstd(z[:, 0]) / np.nanstd(z[:, 3]) < 2


@pytest.mark.parametrize("y", [[], [[]], [[5.0]], [[5.0, 5.0]] * 3, [[np.nan, 2.0]]])
def test_few_and_equal_values_have_units(y):
    table = np.array(y, dtype=float).reshape(len(y), -1 if y else 0)
    curves = Curves(np.arange(1.0, table.shape[1] + 1), table, 9)
    outcomes = CurveOutcomes.of(curves)
    assert np.isfinite(outcomes.curves.values[outcomes.curves.known]).all()
    mean, sd = outcomes.to_objective(np.zeros(2), np.ones(2))
    assert np.isfinite(mean).all()
    assert (sd > 0).all()
