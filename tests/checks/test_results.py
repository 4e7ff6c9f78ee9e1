import numpy as np
import pytest
from scipy.stats import binomtest

from archbo.checks.results import Distribution, Share


@pytest.mark.parametrize(("count", "total"), [(0, 1), (1, 1), (0, 40), (3, 40), (20, 40), (40, 40)])
def test_interval_of_a_share_is_the_exact_one(count, total):
    exact = binomtest(count, total).proportion_ci(0.95, method="exact")
    assert Share(count, total).interval == pytest.approx((exact.low, exact.high))


def test_distribution_leaves_out_what_is_not_finite():
    found = Distribution.of([4.0, np.nan, 1.0, 2.0, np.inf, 3.0, 5.0])
    assert found == Distribution(1.0, 2.0, 3.0, 4.0, 5.0)
    assert not found.constant
    assert Distribution.of([2.0, 2.0]).constant
    assert Distribution.of([np.nan]) is None
