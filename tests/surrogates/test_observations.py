"""What learners share: reading blocks, checking settings, knowing nothing."""

import subprocess
import sys

import numpy as np
import pytest

import archbo.surrogates as surrogates
from archbo.errors import MissingExtraError, NumericalError, ProblemError
from archbo.surrogates import Posterior
from archbo.surrogates.observations import Observations, Unknown, fitted, read, require_library

LEARNERS = [
    surrogates.DeepEnsemble,
    surrogates.DensityRatio,
    surrogates.GradientBoosting,
    surrogates.GraphNeuralNetwork,
    surrogates.RandomForest,
]
ROWS = {"encoding": np.arange(6.0).reshape(3, 2), "wl0": np.ones((3, 2), dtype=np.uint64)}


def test_observations_are_put_in_one_order():
    def seen(order):
        found: list[Observations] = []

        def fit(known):
            found.append(known)
            return Unknown()

        X, z = np.array([[2.0], [1.0], [1.0]]), np.array([0.0, 3.0, 2.0])
        fitted(fit, X[order], z[order], np.ones(3))
        return found[0]

    first, second = seen([0, 1, 2]), seen([2, 0, 1])
    np.testing.assert_array_equal(first.X, second.X)
    assert first.z.tolist() == second.z.tolist() == [2.0, 3.0, 0.0]


def test_nothing_observed_is_a_standard_normal():
    model = fitted(lambda known: pytest.fail("called"), np.ones((0, 2)), np.ones(0), np.ones(0))
    posterior = model.predict(ROWS)
    assert isinstance(posterior, Posterior)
    assert posterior.mean.tolist() == [0, 0, 0]
    assert posterior.variance.tolist() == [1, 1, 1]
    drawn = Unknown().sample(ROWS, np.random.default_rng(0), 2)
    assert drawn.shape == (2, 3)
    assert (drawn == drawn[:, :1]).all()


def test_results_that_are_not_finite_are_refused():
    with pytest.raises(NumericalError, match="1 of 2 observations are not finite"):
        fitted(lambda known: Unknown(), np.ones((2, 1)), np.array([0.0, np.inf]), np.ones(2))


def test_a_block_that_is_missing_or_no_numbers_is_named():
    with pytest.raises(ProblemError, match=r"'encodin', which .* Did you mean 'encoding'\?"):
        read(ROWS, "encodin")
    with pytest.raises(ProblemError, match="needs numbers on 2 axes, the block 'wl0' has uint64"):
        read(ROWS, "wl0")
    with pytest.raises(ProblemError, match="needs numbers on 3 axes, the block 'encoding' has"):
        read(ROWS, "encoding", axes=3)


def test_a_missing_library_names_the_command_that_installs_it():
    with pytest.raises(
        MissingExtraError, match=r"Unknown needs Nothing\. pip install 'archbo\[no\]'"
    ):
        require_library(Unknown(), "no_such_library", name="Nothing", extra="no")


def test_settings_load_neither_pytorch_nor_scikit_learn():
    names = [cls.__name__ for cls in LEARNERS]
    code = (
        "import sys; import archbo.surrogates as s;"
        f"[getattr(s, name)() for name in {names}];"
        "sys.exit(' '.join({'torch', 'sklearn'} & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


BAD = [
    ("RandomForest", {"trees": 0}, "RandomForest: trees must be at least 1, got 0"),
    ("RandomForest", {"leaf": 0}, "RandomForest: leaf must be at least 1, got 0"),
    ("RandomForest", {"share": 1.5}, r"RandomForest: share must be in \(0, 1\], got 1\.5"),
    ("RandomForest", {"floor": 0.0}, r"RandomForest: floor must be positive, got 0\.0"),
    ("GradientBoosting", {"depth": 0}, "GradientBoosting: depth must be at least 1, got 0"),
    ("GradientBoosting", {"rate": 0.0}, r"GradientBoosting: rate must be in \(0, 1\], got 0\.0"),
    ("GradientBoosting", {"floor": -1.0}, r"GradientBoosting: floor must be positive, got -1\.0"),
    ("DeepEnsemble", {"members": 0}, "DeepEnsemble: members must be at least 1, got 0"),
    ("DeepEnsemble", {"prior": -0.1}, r"DeepEnsemble: prior must be at least 0, got -0\.1"),
    ("DeepEnsemble", {"rate": 0.0}, r"DeepEnsemble: rate must be positive, got 0\.0"),
    ("DeepEnsemble", {"loss": "norml"}, r"there is no loss 'norml'\. Did you mean 'normal'\?"),
    ("GraphNeuralNetwork", {"rounds": 0}, "GraphNeuralNetwork: rounds must be at least 1, got 0"),
    ("GraphNeuralNetwork", {"rate": -1.0}, r"GraphNeuralNetwork: rate must be positive, got -1\.0"),
    ("DensityRatio", {"share": 1.0}, r"DensityRatio: share must be in \(0, 1\), got 1\.0"),
    ("DensityRatio", {"prior": 0.0}, r"DensityRatio: prior must be positive, got 0\.0"),
]


@pytest.mark.parametrize(("name", "settings", "complaint"), BAD)
def test_a_setting_out_of_its_range_is_named(name, settings, complaint):
    with pytest.raises(ProblemError, match=complaint):
        getattr(surrogates, name)(**settings)
