"""The model that is explained: Gaussian processes of the objective, fitted to a study's results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from archbo.arrays import Array, Float, Int, Rng, one_thread
from archbo.data import Dataset
from archbo.encodings import Encoder
from archbo.errors import ObservationError
from archbo.methods import BayesianOptimization, Search
from archbo.methods.bayesian import BayesianSearch
from archbo.methods.courses import CourseBelief
from archbo.methods.multifidelity import MultiFidelitySearch
from archbo.methods.processes import ProcessBelief
from archbo.methods.rungs import Runner
from archbo.problem import Problem
from archbo.spaces import Rows
from archbo.surrogates import CurveProcess, GaussianProcess

LEAST = 3
"""Networks with a value, before anything is said of others."""

_ASSUMED = 2.0  # residuals as large as they should be, before there are any
_BEYOND = 100.0  # on the model's scale: no prediction lies so far beyond the results


@dataclass(frozen=True, eq=False)
class Model:
    """What is believed of the noise-free result of a full training, larger is better.

    Its own scale is that of the transformed results, of which the mean is 0 and the sd 1. There
    differences among the better half count by their size, and how bad the bad are counts by rank
    only, so that a few collapsed trainings do not hide all else.

    Attributes:
        belief: one process for each kernel structure, weighted by evidence.
        encoder: of rows of the space.
        known: the networks that it was fitted to.
        results: [n] their observed values, larger is better; NaN where there is none of a full
            training.
        noise: sd of one full training around its network's own value, on the model's scale.
    """

    belief: ProcessBelief | CourseBelief
    encoder: Encoder
    known: Rows
    results: Float[Array, " n"]
    noise: float

    def mean(self, rows: Rows) -> Float[Array, " c"]:
        """Posterior mean on the model's scale."""
        means = np.stack([p.mean for p in self.belief.posteriors(self.encoder.encode(rows))])
        return self.belief.weights @ means

    def known_mean(self) -> Float[Array, " n"]:
        """The same of the known networks, each with what is its own."""
        encoded = self.encoder.encode(self.known)
        posteriors = self.belief.posteriors(encoded, np.arange(len(self.known)))
        return self.belief.weights @ np.stack([p.mean for p in posteriors])

    def draws(self, rows: Rows, rng: Rng, count: int) -> Float[Array, "s c"]:
        """Functions from the posterior at all rows together, on the model's scale."""
        encoded = self.encoder.encode(rows)
        models: Sequence[GaussianProcess | CurveProcess] = self.belief.models
        shares = _shares(self.belief.weights, count).tolist()
        found = [
            model.joint(encoded).sample(rng, share)
            for model, share in zip(models, shares, strict=True)
            if share
        ]
        return np.concatenate(found)

    def expected(
        self, rows: Rows, known: Int[Array, " c"] | None = None
    ) -> tuple[Float[Array, " c"], Float[Array, " c"]]:
        """Mean and sd in units of the objective, larger is better; see `Belief.predict`."""
        return self.belief.predict(self.encoder.encode(rows), known)

    def surprise(self, low: float, high: float) -> float:
        """How far results are from what the others predict, over how far they should be.

        The root mean square of leave-one-out residuals over their sd, of those trained networks
        that are predicted between two levels on the model's scale; drawn towards 1, the more the
        fewer there are. A search learns most about good networks, so its model may be too unsure,
        or too sure, of ordinary ones, whose results the transform has drawn together. 1 where the
        processes are of learning curves.
        """
        mean, variance, off = self._left_out
        there = (mean >= low) & (mean <= high)
        squares = off[there] ** 2 / variance[there]
        return float(np.sqrt((squares.sum() + _ASSUMED) / (len(squares) + _ASSUMED)))

    def bar(self) -> float:
        """What a network must reach to count as good as the best known one, on the model's scale.

        The best prediction of a known network from all others' results, so that its own luck is
        left out, less the root mean square by which such predictions of the better half were off.
        Where the processes are of learning curves, the best posterior mean less a training's noise.
        """
        mean, _, off = self._left_out
        if not len(off):
            return float(self.known_mean().max()) - self.noise
        better = np.argsort(-mean, kind="stable")[: (len(mean) + 1) // 2]
        return float(mean.max() - np.sqrt((off[better] ** 2).mean()))

    @cached_property
    def _left_out(self) -> tuple[Float[Array, " m"], Float[Array, " m"], Float[Array, " m"]]:
        """Mean and variance of each result given all others, and how far it was off.

        Nothing where the processes are of learning curves.
        """
        if isinstance(self.belief, CourseBelief):
            return (np.zeros(0),) * 3
        left = [model.leave_one_out() for model in self.belief.models]
        mean, variance = self.belief.mixed(
            np.stack([mean for mean, _ in left]), np.stack([variance for _, variance in left])
        )
        return mean, variance, self.belief.models[0].z - mean

    def places(self, rows: Rows) -> Int[Array, " c"]:
        """The position of each network among the known ones; -1 for others."""
        known = self.encoder.space.fingerprints(self.known).tolist()
        place = {key: i for i, key in enumerate(known)}
        keys = self.encoder.space.fingerprints(rows).tolist()
        return np.array([place.get(key, -1) for key in keys], dtype=np.int64)

    def to_objective(self, level: Float[Array, ...]) -> Float[Array, ...]:
        """From the model's scale to units of the objective, larger is better."""
        at, values = self._back
        return np.interp(level, at, values)

    @cached_property
    def _back(self) -> tuple[Float[Array, " u"], Float[Array, " u"]]:
        """The corners of the way back, which is linear between them."""
        scores = self.belief.outcomes.scores
        at = np.concatenate([scores[:1] - _BEYOND, scores, scores[-1:] + _BEYOND])
        each = np.tile(at, (len(self.belief.weights), 1))
        return at, self.belief.moments(each, np.zeros(each.shape))[0]


def fit(problem: Problem, dataset: Dataset, search: Search | None = None) -> Model:
    """The method's own Gaussian processes, or the default ones where it has others or none.

    They are fitted from their priors, so that what is explained follows from the results alone;
    trainings that still run are left out, and so are older studies.

    Args:
        problem: what was asked.
        dataset: all results.
        search: the method at work; None for the default.

    Raises:
        ObservationError: if fewer than `LEAST` networks have a value.
    """
    if problem.older or not _has_processes(search):
        problem = replace(problem, older=())
        search = BayesianOptimization().prepare(problem)
    with one_thread():
        if isinstance(search, MultiFidelitySearch):
            return _of_courses(search, dataset)
        assert isinstance(search, BayesianSearch)
        return _of_results(search, dataset)


def _has_processes(search: Search | None) -> bool:
    plain = search.plain if isinstance(search, MultiFidelitySearch) else search
    return isinstance(plain, BayesianSearch) and plain.settings.surrogate is None


def _of_results(search: BayesianSearch, dataset: Dataset) -> Model:
    _require(int(dataset.measured.sum()))
    settings = search.settings
    nothing = dataset.pending.take(slice(0, 0))
    belief = ProcessBelief.fit(
        replace(dataset, pending=nothing, hyperparameters={}),
        search.encoder,
        search.structures,
        settings.outcome,
        iterations=settings.iterations,
        temper=settings.temper,
        share=settings.own,
    )
    results = np.where(dataset.measured, dataset.values, np.nan)
    return _made(belief, search.encoder, dataset.rows, results)


def _of_courses(search: MultiFidelitySearch, dataset: Dataset) -> Model:
    plain, compiled, high = search.plain, search.problem.compiled, search.fidelity.high
    runners = [runner for runner in Runner.of(search.problem, dataset) if runner.points]
    _require(len(runners))
    rows = compiled.encode([runner.arch for runner in runners])
    belief = CourseBelief.fit(
        runners,
        plain.encoder.encode(rows),
        plain.structures[: search.settings.structures],
        search.fidelity,
        search.rungs,
        hyperparameters={},
        seed=search.problem.seed,
        temper=plain.settings.temper,
        doubt=0.0,
    )
    results = [runner.points.get(high, np.nan) for runner in runners]
    return _made(belief, plain.encoder, rows, np.array(results))


def _require(networks: int) -> None:
    if networks < LEAST:
        raise ObservationError(
            f"{networks} networks have a value, an explanation needs {LEAST}",
            hint="Train more first.",
        )


def _made(
    belief: ProcessBelief | CourseBelief, encoder: Encoder, known: Rows, results: Array
) -> Model:
    noise = float(belief.weights @ np.sqrt([model.noise for model in belief.models]))
    return Model(belief, encoder, known, results, noise)


def _shares(weights: Float[Array, " k"], count: int) -> Int[Array, " k"]:
    """How many of `count` draws come from each model: the largest remainders get one more."""
    exact = weights * count
    shares = np.floor(exact).astype(np.int64)
    more = np.argsort(shares - exact, kind="stable")[: count - int(shares.sum())]
    shares[more] += 1
    return shares
