"""All kernels keep the laws, on data with conditional decisions."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archbo.errors import ProblemError
from archbo.kernels import (
    RBF,
    Additive,
    GroupedHamming,
    Hamming,
    HistogramLinear,
    HistogramMinMax,
    HistogramRBF,
    Isotropic,
    IsotropicMatern52,
    Matern52,
    OptimalAssignment,
    Product,
    Scaled,
    Sum,
    structure,
)
from archbo.testing.kernels import LAWS

HAMMING = Hamming("options", (0.7, 0.8, 1.3))
MATERN = Matern52("numbers", (0.2, 0.4))
RADIAL = RBF("features", (2.0, 2.0, 0.5))
HISTOGRAM = HistogramRBF(("labels",), (3.0,))
KERNELS = [
    HAMMING,
    MATERN,
    RADIAL,
    HISTOGRAM,
    HistogramRBF(("labels", "deeper"), (5.0,)),
    Isotropic("features", (2.0,)),
    IsotropicMatern52("features", (2.0,)),
    GroupedHamming("options", (0, 1, 0), (1.4, 0.7)),
    Additive("options", (0, 1, 0)),
    Scaled(RADIAL) + Additive("options", (0, 0, 0)),
    HistogramMinMax(("labels",)),
    HistogramLinear(("labels", "deeper")),
    OptimalAssignment(("labels", "deeper")),
    structure(HistogramMinMax(("labels",)) * HAMMING * IsotropicMatern52("features"), RADIAL),
    RBF("features", (1.0,) * 3) * HAMMING,
    HAMMING * MATERN * HISTOGRAM,
    MATERN * MATERN * Scaled(RADIAL),
    MATERN * (HAMMING + RADIAL) * RADIAL,
    Product((MATERN,)),
    Product((HAMMING,)),
    Scaled(MATERN),
    Scaled(Scaled(HAMMING)),
    Sum((HAMMING,)),
    HAMMING + HISTOGRAM + HISTOGRAM * RADIAL,
    structure(HAMMING * MATERN, HISTOGRAM * RADIAL, RADIAL),
]


@st.composite
def encoded(draw):
    """Rows with few different values, so that many pairs agree; some decisions are inactive."""
    n = draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return {
        "options": rng.integers(0, 3, (n, 3)).astype(float),
        "options.active": rng.random((n, 3)) < 0.6,
        "numbers": rng.random((n, 2)),
        "numbers.active": rng.random((n, 2)) < 0.6,
        "features": rng.standard_normal((n, 3)).round(1),
        "labels": rng.integers(0, 4, (n, 6), dtype=np.uint64),
        "deeper": rng.integers(0, 2**64, (n, 4), dtype=np.uint64),
    }


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
@settings(max_examples=6)
@given(data=st.data())
def test_each_kernel_keeps_each_law(kernel, law, data):
    p = len(kernel.names)
    logs = st.lists(st.floats(-3, 2), min_size=p, max_size=p)
    law(kernel, data.draw(encoded()), np.array(data.draw(logs)))


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
def test_no_rows_give_an_empty_covariance(kernel):
    rng = np.random.default_rng(0)
    some = {
        "options": rng.integers(0, 3, (2, 3)).astype(float),
        "options.active": np.ones((2, 3), dtype=bool),
        "numbers": rng.random((2, 2)),
        "numbers.active": np.ones((2, 2), dtype=bool),
        "features": rng.standard_normal((2, 3)),
        "labels": np.ones((2, 6), dtype=np.uint64),
        "deeper": np.ones((2, 4), dtype=np.uint64),
    }
    none = {name: block[:0] for name, block in some.items()}
    theta = kernel.prior.mean
    for a, b in ((none, none), (none, some), (some, none)):
        D = kernel.distances(a, b)
        K = kernel.covariance(theta, D)
        assert K.shape == (len(a["options"]), len(b["options"]))
        np.testing.assert_array_equal(kernel.pullback(theta, D, K), np.zeros(len(theta)))


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
def test_kernels_are_values(kernel):
    assert kernel == kernel
    assert hash(kernel) == hash(kernel)
    with pytest.raises(FrozenInstanceError, match="cannot assign"):
        kernel.scale = (1.0,)


def test_a_missing_block_is_named_with_the_nearest():
    with pytest.raises(ProblemError, match=r"no block 'features'.*Did you mean 'feature'\?"):
        RADIAL.distances({"feature": np.zeros((1, 3))}, {})


def test_a_block_of_other_width_is_refused():
    rows = {"features": np.zeros((1, 2))}
    with pytest.raises(ProblemError, match="3 scales for block 'features' of 2 columns"):
        RADIAL.distances(rows, rows)
