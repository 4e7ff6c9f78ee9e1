"""How kernels add, multiply and scale, and their default priors."""

import numpy as np
import pytest
from scipy import stats

from archbo.errors import ProblemError
from archbo.kernels import (
    RBF,
    Exponential,
    Hamming,
    HistogramRBF,
    LogNormal,
    Matern52,
    Product,
    Scaled,
    Sum,
    shared_distances,
    structure,
)

RNG = np.random.default_rng(0)
ROWS = {
    "o": RNG.integers(0, 3, (9, 2)).astype(float),
    "o.active": RNG.random((9, 2)) < 0.7,
    "u": RNG.random((9, 1)),
    "u.active": np.ones((9, 1), dtype=bool),
    "f": RNG.standard_normal((9, 3)),
    "wl": RNG.integers(0, 4, (9, 5), dtype=np.uint64),
}
H, M = Hamming("o", (1.0, 1.0)), Matern52("u", (1.0,))
F, W = RBF("f", (1.0,) * 3), HistogramRBF(("wl",))


def covariance(kernel, theta):
    return kernel.covariance(np.asarray(theta), kernel.distances(ROWS, ROWS))


def test_a_sum_adds_and_a_product_multiplies():
    h, m, f = covariance(H, [0.1, -0.2]), covariance(M, [0.3]), covariance(F, [0.0, 0.1, -1.0])
    added = covariance(H + M + F, [0.1, -0.2, 0.3, 0.0, 0.1, -1.0])
    np.testing.assert_allclose(added, h + m + f, rtol=1e-14)
    # Exponential factors come first: H, F, then M.
    product = H * M * F
    assert product.factors == (H, F, M)
    np.testing.assert_allclose(
        covariance(product, [0.1, -0.2, 0.0, 0.1, -1.0, 0.3]), h * m * f, rtol=1e-13
    )


def test_a_scale_multiplies_by_an_amplitude():
    scaled = covariance(Scaled(M), [np.log(3.0), 0.3])
    np.testing.assert_allclose(scaled, 3 * covariance(M, [0.3]), rtol=1e-14)


def test_sums_and_products_flatten():
    assert Sum((H, M, F, W)) == (H + M) + (F + W)
    assert (H * F) * (W * M) == Product((H, F, W, M)) == Product((H, Product((F, W * M))))


def prior_by_name(kernel):
    return dict(zip(kernel.names, np.exp(kernel.prior.mean), strict=True))


def test_the_default_prior_counts_all_blocks_of_a_term_and_all_terms():
    kernel = structure(H * W, F, H * M * Scaled(F))
    assert prior_by_name(kernel) == pytest.approx(
        {
            "0.amplitude": 1 / 3,
            "0.o.0": 1 / 3,
            "0.o.1": 1 / 3,
            "0.wl": 1 / 3,
            "1.amplitude": 1 / 3,
            "1.f.0": 1 / 3,
            "1.f.1": 1 / 3,
            "1.f.2": 1 / 3,
            "2.0.amplitude": 1 / 3,
            "2.1.o.0": 1 / 6,
            "2.1.o.1": 1 / 6,
            "2.1.u.0": 1 / 6,
            "2.1.amplitude": 1.0,  # it stands in no sum of its own
            "2.1.f.0": 1 / 6,
            "2.1.f.1": 1 / 6,
            "2.1.f.2": 1 / 6,
        }
    )
    np.testing.assert_array_equal(kernel.prior.sd, 1.0)


def test_the_prior_of_a_sum_within_a_product_counts_the_other_factors():
    kernel = F * (H + M)
    assert kernel.blocks == 5
    assert prior_by_name(kernel) == pytest.approx(
        {"f.0": 1 / 5, "f.1": 1 / 5, "f.2": 1 / 5, "0.o.0": 1 / 5, "0.o.1": 1 / 5, "1.u.0": 1 / 4}
    )


def test_names_that_two_factors_share_get_the_factor_before_them():
    assert (Scaled(H) * Scaled(M)).names == (
        "0.amplitude",
        "0.o.0",
        "0.o.1",
        "1.amplitude",
        "1.u.0",
    )
    assert (H * F).names == ("o.0", "o.1", "f.0", "f.1", "f.2")
    assert structure(M).names == ("0.amplitude", "0.u.0")


@pytest.mark.parametrize("kind", [Sum, Product])
def test_nothing_cannot_be_added_or_multiplied(kind):
    with pytest.raises(ProblemError, match="needs at least one"):
        kind(())


def test_equal_parts_of_several_kernels_are_computed_once():
    first, second = structure(H * F, W), structure(F)
    (((h, f),), (w,)), ((again,),) = shared_distances([first, second], ROWS, ROWS)
    assert again is f
    np.testing.assert_array_equal(h, H.distances(ROWS, ROWS))
    np.testing.assert_array_equal(f, F.distances(ROWS, ROWS))
    np.testing.assert_array_equal(w, W.distances(ROWS, ROWS))


def test_a_kernel_without_columns_is_one():
    nothing = {"f": np.zeros((4, 0))}
    kernel = RBF("f", ()) * RBF("f", ())
    D = kernel.distances(nothing, nothing)
    np.testing.assert_array_equal(kernel.covariance(np.zeros(0), D), np.ones((4, 4)))
    assert kernel.pullback(np.zeros(0), D, np.ones((4, 4))).shape == (0,)
    assert kernel.prior.log_density(np.zeros(0)) == 0


def test_only_products_of_exponentials_are_fused():
    assert isinstance(H, Exponential)
    assert not isinstance(M, Exponential)


def test_log_normal_density_and_slope_equal_scipy_and_finite_differences():
    prior = LogNormal(np.array([-1.0, 2.0]), np.array([0.5, 1.5]))
    theta = np.array([0.3, 1.0])
    reference = stats.norm(prior.mean, prior.sd).logpdf(theta).sum()
    assert prior.log_density(theta) == pytest.approx(reference, rel=1e-13)
    h = 1e-6
    numeric = [
        (prior.log_density(theta + h * e) - prior.log_density(theta - h * e)) / (2 * h)
        for e in np.eye(2)
    ]
    np.testing.assert_allclose(prior.slope(theta), numeric, rtol=1e-7)
