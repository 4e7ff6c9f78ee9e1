"""Laws of acquisition functions: what every one must keep, for those who write one.

Each law takes an acquisition, and raises AssertionError where it breaks the law. `check` goes
through all of them:

    from archbo.testing.acquisition import check

    def test_my_acquisition_keeps_the_laws():
        check(MyAcquisition())
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from archbo.acquisition.base import Acquisition, Averaging, Outlook
from archbo.kernels import Isotropic, structure
from archbo.kernels.blocks import Encoded, rows
from archbo.surrogates import GaussianProcess, Posterior


def check(acquisition: Acquisition) -> None:
    """All laws."""
    for law in LAWS:
        law(acquisition)


def outlook(candidates: int = 12, *, known: int = 8, seed: int = 0) -> Outlook:
    """What a Gaussian process that knows some rows expects of others."""
    rng = np.random.default_rng(seed)
    kernel = structure(Isotropic("x"))
    trained: Encoded = {"x": rng.uniform(-2, 2, (known, 2))}
    model = GaussianProcess.observe(
        kernel,
        trained,
        np.sin(2 * trained["x"]).sum(axis=1),
        theta=np.zeros(len(kernel.names)),
        log_noise=-4.0,
    )
    others: Encoded = {"x": rng.uniform(-2, 2, (candidates, 2))}
    return Outlook(
        model.predict(others), model.best, others, trained, model, np.random.default_rng(seed)
    )


def scores_each_candidate(acquisition: Acquisition) -> None:
    """One number for each candidate, none of them NaN or infinite upwards; also with none known."""
    for candidates, known in ((12, 8), (1, 8), (12, 1), (12, 0)):
        score = acquisition(outlook(candidates, known=known))
        assert score.shape == (candidates,), f"{score.shape} for {candidates} candidates"
        assert not np.isnan(score).any(), "a score is NaN"
        assert (score < np.inf).all(), "a score is infinite"


def is_a_function_of_its_arguments(acquisition: Acquisition) -> None:
    """The same outlook, its generator included, gives the same scores."""
    assert np.array_equal(acquisition(outlook()), acquisition(outlook())), "the scores differ"


def leaves_its_arguments_alone(acquisition: Acquisition) -> None:
    """Posterior and rows are not changed."""
    given, same = outlook(), outlook()
    acquisition(given)
    assert np.array_equal(given.posterior.mean, same.posterior.mean), "the means were changed"
    assert np.array_equal(given.posterior.variance, same.posterior.variance), "the variances were"
    for name, block in given.candidates.items():
        assert np.array_equal(block, same.candidates[name]), f"the block {name!r} was changed"


def does_not_care_for_the_order(acquisition: Acquisition) -> None:
    """Candidates in another order get the same scores, unless chance decides."""
    if acquisition.averaging is Averaging.DRAW:
        return
    given = outlook()
    order = np.random.default_rng(1).permutation(12)
    moved = replace(
        given,
        posterior=Posterior(given.posterior.mean[order], given.posterior.variance[order]),
        candidates=rows(given.candidates, order),
    )
    np.testing.assert_allclose(
        acquisition(moved), acquisition(given)[order], rtol=1e-6, err_msg="another order"
    )


def prefers_what_is_surely_better(acquisition: Acquisition) -> None:
    """Where all else is equal, a candidate with a larger mean scores at least as high."""
    if acquisition.pool_wide:
        return
    better = []
    for candidate in range(12):
        given = outlook()
        mean = given.posterior.mean.copy()
        before = acquisition(given)[candidate]
        mean[candidate] += 0.5
        raised = replace(given, posterior=Posterior(mean, given.posterior.variance))
        better.append(acquisition(raised)[candidate] >= before)
    assert all(better), "a larger mean lowers a score"


LAWS = (
    scores_each_candidate,
    is_a_function_of_its_arguments,
    leaves_its_arguments_alone,
    does_not_care_for_the_order,
    prefers_what_is_surely_better,
)
