"""Logs of normal functions against quadrature, scipy and exact arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from scipy import integrate, stats

from archbo.acquisition import log_cdf, log_h, log_pdf


def test_density_and_distribution_equal_scipy():
    z = np.array([-35.0, -3.0, -1.0, 0.0, 0.5, 8.0])
    np.testing.assert_allclose(log_pdf(z), stats.norm.logpdf(z), rtol=1e-14)
    np.testing.assert_allclose(log_cdf(z), stats.norm.logcdf(z), rtol=1e-13)


@pytest.mark.parametrize("z", [-45.0, -30.0, -12.0, -5.0, -1.01, -1.0, -0.99, 0.0, 0.7, 6.0, 30.0])
def test_log_h_equals_quadrature(z):
    # h(z) = integral of (z + v)+ phi(v); with v = t - z for z < 0, phi(v) = phi(z) e^(z t - t²/2)
    if z < 0:
        mass, _ = integrate.quad(
            lambda t: t * np.exp(z * t - 0.5 * t * t), 0, 60 / max(1, -z), epsrel=1e-13
        )
        expected = stats.norm.logpdf(z) + np.log(mass)
    else:
        mass, _ = integrate.quad(
            lambda v: (z + v) * stats.norm.pdf(v), -z, 40, epsrel=1e-13, points=[0.0, 5.0]
        )
        expected = np.log(mass)
    assert log_h(np.array([z]))[0] == pytest.approx(expected, rel=1e-11, abs=1e-11)


def tail(z):
    """Log h(z) + z²/2 + log(2 pi)/2, by the continued fraction of Mills' ratio, exactly."""
    # R = Phi(z) / phi(z) = 1 / (x + 1 / (x + 2 / (x + 3 / ...))) with x = -z
    x = Fraction(-z)
    inner = x
    for k in range(120, 1, -1):
        inner = x + Fraction(k) / inner
        inner = inner.limit_denominator(10**60)
    ratio = 1 / (x + 1 / inner)
    rest = 1 - x * ratio
    return float(np.log(float(rest * 10**20)) - 20 * np.log(10))


@pytest.mark.parametrize("z", [-6, -20, -49, -50, -51, -200, -1000, -(10**6)])
def test_log_h_equals_the_continued_fraction_in_the_tail(z):
    expected = tail(z) - 0.5 * float(z) ** 2 - 0.5 * np.log(2 * np.pi)
    assert log_h(np.array([float(z)]))[0] == pytest.approx(expected, rel=2e-14)
    # The part beside z²/2, which a relative error in the whole would hide
    beside = log_h(np.array([float(z)]))[0] + 0.5 * float(z) ** 2 + 0.5 * np.log(2 * np.pi)
    assert beside == pytest.approx(tail(z), abs=4e-16 * z * z + 1e-11)


def test_log_h_is_monotone_across_its_branches():
    for centre in (-50.0, -1.0, 0.0):
        z = centre + np.linspace(-1e-6, 1e-6, 2001)
        assert (np.diff(log_h(z)) >= 0).all()
    z = -np.logspace(8, -3, 20_001)
    assert (np.diff(log_h(z)) > 0).all()


def test_log_h_is_finite_far_out_on_both_sides():
    z = np.array([-1e150, -1e8, -1e4, 1e4, 1e8, 1e150])
    assert np.isfinite(log_h(z)).all()
    np.testing.assert_allclose(log_h(z[3:]), np.log(z[3:]), rtol=1e-14)


def test_shapes_are_kept():
    assert log_h(np.zeros((2, 0, 3))).shape == (2, 0, 3)
    assert log_h(np.full((2, 3), -3.0)).shape == (2, 3)
