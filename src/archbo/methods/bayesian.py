"""Bayesian optimization: fit, score, propose. Every part can be swapped.

Source: Shahriari et al. 2016, section 2; averaging over models by their evidence as Malkomes and
Garnett 2018, here the acquisition instead of the posterior, and few fixed structures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from archbo.acquisition import Acquisition, LogExpectedImprovement
from archbo.arrays import Array, Rng, one_thread, stream
from archbo.data import Dataset, Prediction, Proposal
from archbo.encodings import Encoder, Encoding, default_encoding
from archbo.encodings.decisions import categorical_columns
from archbo.errors import ExhaustedError, ProblemError
from archbo.kernels import Encoded, Kernel
from archbo.kernels.blocks import join_rows
from archbo.kernels.blocks import rows as take
from archbo.methods.base import Search
from archbo.methods.belief import Belief, FullBelief
from archbo.methods.candidates import (
    Known,
    Taken,
    filled,
    maximin,
    neighborhood,
    new_rows,
    offspring,
    pool,
    random_rows,
)
from archbo.methods.learned import LearnedBelief, ReadBy
from archbo.methods.multifidelity import MultiFidelity, MultiFidelitySearch
from archbo.methods.processes import Bases, ProcessBelief
from archbo.methods.structures import (
    ENCODINGS,
    MANY,
    default_structures,
    encoded_structures,
    grouped_structures,
)
from archbo.methods.transfer import OlderPrediction, ranks_well, with_older
from archbo.problem import Problem
from archbo.spaces import Architecture, Rows
from archbo.spaces.compiled import stack
from archbo.spaces.moves import sample
from archbo.surrogates import Learner
from archbo.surrogates.outcomes import HalfRank, OutcomeTransform

_REFERENCE = 1000  # random members that scale the encodings and that the start design is from
_SCALED = 300  # of those, how many scale the kernels: their distances are all pairs
_SPREAD = 3  # spread networks between the best and the second best of an older search: to judge it
_DESIGN = 32  # the start design goes on so far where no result comes back in time
_PARENTS = 10  # the best networks, whose mutants are candidates
_REPEATED = 10  # networks to measure before one is trained again
_IMPROVEMENT = LogExpectedImprovement()  # what a new network promises, whatever chose it
_LONGER = 5  # where decisions are many, climbs take so many times as many steps, of random moves
_PATIENCE = 2  # and go on until so many of them led no higher
_SHORTLIST = 16  # candidates for each place in a batch; a single place goes to the best


@dataclass(frozen=True)
class BayesianOptimization:
    """A surrogate, and an acquisition function that weighs what it expects.

    Unless told otherwise: a Gaussian process for each of several kernel structures, and their
    expected improvement.

    Args:
        initial: trainings before the first fit, spread over the space.
        candidates: how many networks are scored before the local search.
        climbers: so many of the best candidates are climbed from,
        climbs: so often, to the best of their neighbors; where decisions are many, in more and
            smaller steps, to the best of random mutants and mixtures.
        iterations: of the optimizer of the hyperparameters, at most.
        temper: the structures weigh by evidence^(1 / temper).
        own: what a kernel does not explain is noise, and in part the network's own deviation, which
            its next training shows again. This part is assumed before anything was trained again;
            from then on the differences between such trainings tell.
        repeat: a network is trained again, against noise, where that is expected to raise the best
            posterior mean by more than a new one would improve on it, divided by this; 0 for never.
        trust: of what the user believes: after n trainings the prior counts to the power of
            trust / n (Hvarfner et al. 2022, https://arxiv.org/abs/2204.11051).
        surrogate: what is fitted instead of Gaussian processes.
        encoding: how the surrogate sees architectures; one, or several for several blocks.
        kernel: a kernel, or what makes one or several from an encoded sample of the space; None for
            the default structures or, where an encoding is given, for one of that encoding.
        outcome: the transform of the objective that is modelled.
        acquisition: the score of a candidate.
        short: how trainings that are short of full ones are spent, where the problem has a
            fidelity; None to train everything in full. Another surrogate than Gaussian processes,
            and older results, know full trainings only.

    Raises:
        ProblemError: if a number is too small, or a surrogate comes with a kernel.
    """

    initial: int = 5
    candidates: int = 400
    climbers: int = 5
    climbs: int = 2
    iterations: int = 12
    temper: float = 5.0
    own: float = 0.5
    repeat: float = 1.0
    trust: float = 10.0
    surrogate: Learner | None = None
    encoding: Encoding | Sequence[Encoding] | None = None
    kernel: Kernel | Callable[[Encoded], Sequence[Kernel]] | None = None
    outcome: OutcomeTransform = field(default_factory=HalfRank)
    acquisition: Acquisition = field(default_factory=LogExpectedImprovement)
    short: MultiFidelity | None = field(default_factory=MultiFidelity)

    def __post_init__(self) -> None:
        least = {"initial": 1, "candidates": 8, "climbers": 0, "climbs": 0, "iterations": 0}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise ProblemError(f"{name} must be at least {low}, got {getattr(self, name)}")
        if not self.temper > 0:
            raise ProblemError(f"temper must be positive, got {self.temper}")
        for name in ("trust", "repeat"):
            if not getattr(self, name) >= 0:
                raise ProblemError(f"{name} must not be negative, got {getattr(self, name)}")
        if not 0 <= self.own <= 1:
            raise ProblemError(f"own must be from 0 to 1, got {self.own}")
        if self.surrogate is not None and self.kernel is not None:
            raise ProblemError(
                "a kernel is for Gaussian processes, and another surrogate is given",
                hint="Leave out one of surrogate= and kernel=.",
            )

    @property
    def encodings(self) -> tuple[Encoding, ...]:
        """The encodings beside the blocks that every search has."""
        if self.encoding is None:
            return () if self.surrogate is None else (default_encoding(self.surrogate.block),)
        return tuple(self.encoding) if isinstance(self.encoding, Sequence) else (self.encoding,)

    def prepare(self, problem: Problem) -> Search:
        with one_thread():  # the scales, too, are the same on every machine
            plain = BayesianSearch(self, problem)
        fidelity, able = problem.fidelity, self.surrogate is None and not problem.older
        if fidelity is None or self.short is None or not able or len(fidelity.rungs()) < 2:
            return plain
        return MultiFidelitySearch(self.short, problem, fidelity, plain)


class BayesianSearch(Search):
    """Bayesian optimization at work, each training a full one."""

    def __init__(self, settings: BayesianOptimization, problem: Problem) -> None:
        self.settings = settings
        self.problem = problem
        space, features = problem.compiled, problem.features
        if problem.older and settings.surrogate is not None:
            raise ProblemError(
                f"{settings.surrogate!r} cannot learn from older results",
                path="older",
                hint="Only Gaussian processes can: leave out surrogate=.",
            )
        self._older = [
            OlderPrediction(results, f"older{k}") for k, results in enumerate(problem.older)
        ]
        self._reference = sample(space, stream(problem.seed, "reference"), _REFERENCE)
        known = (lambda rows: features.values(space, rows)) if features.names else None
        encodings = settings.encodings
        self._many = len(categorical_columns(space)) >= MANY
        plain = settings.surrogate is None and settings.kernel is None and not encodings
        if plain and not self._many and space.graphs(self._reference.take([0])):
            encodings = ENCODINGS
        self._fine = len(ENCODINGS) if encodings is ENCODINGS else 0
        if settings.surrogate is not None and len(encodings) == 1:
            encodings = (ReadBy(encodings[0], settings.surrogate.block, known),)
        self.encoder = Encoder(space, self._reference, known, (*encodings, *self._older))
        self._few = take(self.encoder.reference, slice(0, _SCALED))
        self.structures = [] if settings.surrogate is not None else self._structures()
        self._bases = Bases()
        self._known = Known(problem)
        self._design: Rows | None = None

    def _structures(self) -> list[Kernel]:
        few = self._few
        settings = self.settings
        if isinstance(settings.kernel, Kernel):
            return [settings.kernel]
        if settings.kernel is not None:
            return list(settings.kernel(few))
        if settings.encodings:
            return encoded_structures(few, [encoding.name for encoding in settings.encodings])
        if self._many:
            return grouped_structures(few, self.encoder.groups)
        return default_structures(few, told=bool(self.problem.features.functions))

    def propose(self, dataset: Dataset, count: int, rng: Rng) -> list[Proposal]:
        with one_thread():
            initial = self._initial(dataset, count, rng)
            if len(initial) == count:
                return initial
            try:
                return initial + self._modelled(dataset, count - len(initial), initial, rng)
            except ExhaustedError:
                if not initial:
                    raise
                return initial

    def predict(self, dataset: Dataset, archs: list[Architecture]) -> tuple[Array, Array]:
        with one_thread():
            rows = self.problem.compiled.encode(archs)
            known = self._positions(dataset, rows)
            mean, sd = self._belief(dataset).predict(self.encoder.encode(rows), known)
        return self.problem.objective.inward(mean), sd  # turning inward is its own inverse

    def _positions(self, dataset: Dataset, rows: Rows) -> Array:
        """Where the networks of rows are in the dataset, -1 for those that are not."""
        place = {key: i for i, key in enumerate(self._known.keys(dataset.rows))}
        keys = self.problem.compiled.fingerprints(rows).tolist()
        return np.array([place.get(key, -1) for key in keys], dtype=np.int64)

    def _belief(self, dataset: Dataset) -> FullBelief:
        settings = self.settings
        if settings.surrogate is not None:
            return LearnedBelief.fit(dataset, self.encoder, settings.surrogate, settings.outcome)
        names = self._useful(dataset)
        return ProcessBelief.fit(
            dataset,
            self.encoder,
            with_older(self.structures, self._few, names) if names else self.structures,
            settings.outcome,
            iterations=settings.iterations,
            temper=settings.temper,
            share=settings.own,
            fine=self._fine,
            bases=self._bases,
        )

    def _initial(self, dataset: Dataset, count: int, rng: Rng) -> list[Proposal]:
        """What is left of the start design; it goes on for as long as there is no result."""
        learned = dataset.measured.any() or dataset.failures.any()
        useful = self._useful(dataset)
        lost = len(self._older) - len(useful)  # one training for each older search that misled
        left = max(0, self.settings.initial + lost - dataset.trials)
        wanted = min(count, left) if learned or left else count
        if wanted == 0:
            return []
        taken = self._known.taken(dataset.rows, dataset.pending)
        rows, taken = new_rows(self.problem, self._planned(useful), taken)
        rows = rows.take(slice(0, wanted))
        if len(rows) < wanted:
            rows = filled(self.problem, rows, wanted, rng, taken)
        return [Proposal(arch, "initial") for arch in self.problem.compiled.architectures(rows)]

    def _useful(self, dataset: Dataset) -> list[str]:
        """The blocks of those older predictions that rank the results well."""
        if not self._older:
            return []
        known, measured = self.encoder.known(dataset.rows), dataset.measured
        return [
            older.name
            for older in self._older
            if ranks_well(known[older.name][measured, 0], dataset.values[measured])
        ]

    def _planned(self, useful: Sequence[str]) -> Rows:
        """The start design, and in it the best of older searches."""
        design = self.start_design()
        if not self._older:
            return design
        older = list(zip(self._older, self.problem.older, strict=True))
        best = [results.rows.take(results.ranked[:1]) for _, results in older]
        second = [
            results.rows.take(results.ranked[1:2])
            for prediction, results in older
            if prediction.name in useful
        ]
        near, rest = design.take(slice(0, _SPREAD)), design.take(slice(_SPREAD, None))
        return stack([*best, near, *second, rest])

    def start_design(self) -> Rows:
        """Feasible networks far from each other, the most central one first."""
        if self._design is None:
            nothing = Taken.of(self.problem)
            rows, _ = new_rows(self.problem, self._reference, nothing)
            if len(rows) < _DESIGN:
                rng = stream(self.problem.seed, "design")
                rows = random_rows(self.problem, _REFERENCE // 4, rng, nothing)
            chosen = maximin(self.encoder.design_points(rows), max(_DESIGN, self.settings.initial))
            self._design = rows.take(np.array(chosen))
        return self._design

    def _modelled(
        self, dataset: Dataset, count: int, beside: list[Proposal], rng: Rng
    ) -> list[Proposal]:
        """Proposals by the acquisition, given others that go out with them."""
        dataset = dataset.with_pending(self.problem, [p.architecture for p in beside])
        taken = self._known.taken(dataset.rows, dataset.pending)
        rows, taken = self._pool(dataset, taken, rng)
        belief, acquisition = self._belief(dataset), self.settings.acquisition
        lean = self.leaning(dataset.trials)
        drawing = rng.spawn(1)[0]  # so that what an acquisition draws changes no candidate
        rows, encoded, score = self.climb(belief, rows, taken, lean, rng, drawing)
        most = 1 if count == 1 else _SHORTLIST * count
        short = np.argsort(-score, kind="stable")[: None if acquisition.pool_wide else most]
        picks = belief.choose(
            take(encoded, short), acquisition, drawing, count=count, offset=lean(rows.take(short))
        )
        mean, sd = belief.moments(
            np.stack([pick.mean for pick in picks], axis=1),
            np.stack([pick.variance for pick in picks], axis=1),
        )
        mean = self.problem.objective.inward(mean)
        archs = self.problem.compiled.architectures(rows.take(short[[p.index for p in picks]]))
        new = take(encoded, short[[picks[0].index]])
        again = self._again(dataset, belief, new, drawing)
        found = [
            Proposal(
                arch,
                "model",
                Prediction(float(mean[i]), float(sd[i])),
                picks[i].score,
                belief.hyperparameters,
            )
            for i, arch in enumerate(archs)
        ]
        return [*again, *found][:count]

    def _again(
        self, dataset: Dataset, belief: FullBelief, new: Encoded, drawing: Rng
    ) -> list[Proposal]:
        """The network to train again, if that gains more than the new one promises.

        Where trainings that were repeated gave the very same value there is no noise to fight.
        """
        settings, repeated = self.settings, dataset.repeats > 1
        exact = repeated.any() and not dataset.scatter.any()
        if not settings.repeat or exact or int(dataset.measured.sum()) < _REPEATED:
            return []
        positions, gain = belief.repeat_gain()
        if not len(positions):
            return []
        keys = self._known.keys(dataset.rows)
        busy = set(self.problem.compiled.fingerprints(dataset.pending).tolist())
        free = np.array([keys[i] not in busy for i in positions.tolist()], dtype=bool)
        gain = np.where(dataset.measured[positions] & free, gain, -np.inf)
        (promised,) = belief.score(new, _IMPROVEMENT, drawing)
        if gain.max() + np.log(settings.repeat) <= promised:
            return []
        best = int(gain.argmax())
        rows = dataset.rows.take(positions[[best]])
        (arch,) = self.problem.compiled.architectures(rows)
        mean, sd = belief.predict(self.encoder.encode(rows), positions[[best]])
        expected = Prediction(float(self.problem.objective.inward(mean)[0]), float(sd[0]))
        return [Proposal(arch, "again", expected, float(gain[best]), belief.hyperparameters)]

    def _pool(self, dataset: Dataset, taken: Taken, rng: Rng) -> tuple[Rows, Taken]:
        """New networks, many of them near the best."""
        values = np.where(dataset.measured, dataset.values, -np.inf)
        best = dataset.rows.take(np.argsort(-values, kind="stable")[:_PARENTS])
        return pool(self.problem, best, self.settings.candidates, rng, taken)

    def leaning(self, trials: int) -> Callable[[Rows], Array]:
        """What the user believes of rows, which fades with the trials."""
        fading = self.settings.trust / max(1, trials)
        return lambda rows: fading * self.problem.log_prior(rows)

    def climb(
        self,
        belief: Belief,
        rows: Rows,
        taken: Taken,
        lean: Callable[[Rows], Array],
        rng: Rng,
        drawing: Rng,
    ) -> tuple[Rows, Encoded, Array]:
        """Candidates with others near the best of them, their encoding and their scores."""
        settings = self.settings
        encoded = self.encoder.encode(rows)
        score = belief.score(encoded, settings.acquisition, drawing) + lean(rows)
        climbs = 0 if settings.acquisition.pool_wide or not settings.climbers else settings.climbs
        patience = _PATIENCE if self._many else 1
        for _ in range(_LONGER * climbs if self._many else climbs):
            top = rows.take(np.argsort(-score, kind="stable")[: settings.climbers])
            if self._many:  # too many neighbors to go through
                near, taken = offspring(self.problem, top, settings.candidates // 5, rng, taken)
            else:
                near, taken = neighborhood(self.problem, top, taken, most=settings.candidates // 2)
            if not len(near):
                break
            near_encoded = self.encoder.encode(near)
            near_score = belief.score(near_encoded, settings.acquisition, drawing) + lean(near)
            patience -= int(near_score.max() <= score.max())
            rows, encoded = stack([rows, near]), join_rows(encoded, near_encoded)
            score = np.concatenate([score, near_score])
            if patience == 0:
                break
        return rows, encoded, score
