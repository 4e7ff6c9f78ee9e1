"""The forest against scikit-learn's, and its variance against the observations in each leaf."""

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor

from archbo.surrogates import RandomForest
from archbo.testing.surrogates import SurrogateLaws, fit

RNG = np.random.default_rng(0)
X = RNG.random((30, 2))
Z = np.sin(5 * X[:, 0]) + 0.1 * RNG.standard_normal(30)
REPEATS = RNG.integers(1, 4, 30).astype(float)
THERE = {"encoding": RNG.random((50, 2))}


class TestForest(SurrogateLaws):
    @pytest.fixture
    def learner(self):
        return RandomForest(trees=30)


class TestExtraTrees(SurrogateLaws):
    @pytest.fixture
    def learner(self):
        return RandomForest(trees=30, leaf=2, extra=True)


@pytest.mark.parametrize("extra", [False, True])
def test_the_mean_is_that_of_scikit_learn(extra):
    model = fit(RandomForest(trees=20, leaf=2, extra=extra), {"encoding": X}, Z, REPEATS)
    reference = (ExtraTreesRegressor if extra else RandomForestRegressor)(
        n_estimators=20,
        min_samples_leaf=2,
        max_features=5 / 6,
        bootstrap=not extra,
        random_state=int(np.random.default_rng(0).integers(2**31)),
    )
    order = np.lexsort([REPEATS, Z, *X.T])  # that a forest is grown from
    reference.fit(X[order], Z[order], sample_weight=REPEATS[order])
    np.testing.assert_allclose(
        model.predict(THERE).mean, reference.predict(THERE["encoding"]), rtol=1e-12
    )


def test_the_variance_is_the_total_one_over_trees_and_leaves():
    model = fit(RandomForest(trees=8, leaf=3, extra=True), {"encoding": X}, Z, REPEATS)
    found = model.predict(THERE).variance
    known, there = X.astype(np.float32), THERE["encoding"].astype(np.float32)
    for c in range(50):
        means, squares = [], []
        for tree in model.trees:  # each grown from all observations
            mates = tree.apply(known) == tree.apply(there[c : c + 1])[0]
            means.append(np.average(Z[mates], weights=REPEATS[mates]))
            squares.append(np.average(Z[mates] ** 2, weights=REPEATS[mates]))
        assert found[c] == pytest.approx(np.mean(squares) - np.mean(means) ** 2, abs=1e-9)


def test_the_variance_has_a_floor():
    model = fit(RandomForest(trees=5, floor=0.25), {"encoding": X}, np.zeros(30))
    assert (model.predict(THERE).variance == 0.25).all()
