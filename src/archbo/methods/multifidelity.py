"""Bayesian optimization that decides how far each training goes.

Every choice, a new network or a paused one up to its next rung, is weighed by the improvement of a
full training's result per cost that it promises, see `archbo.acquisition.stages`, by a model of
whole courses of training, see `archbo.surrogates.curves`. What guards against short trainings that
mislead: a first bracket of spread networks; some random ones; a share of full trainings, which
grows; and plain Bayesian optimization, which chooses half of them, or as many as short ones are
improbable to tell anything.

Source: the choice between running, paused and new trainings as freeze-thaw, Swersky et al. 2014
(https://arxiv.org/abs/1406.3896), with another rule; model-based networks on rungs as BOHB, Falkner
et al. 2018 (https://arxiv.org/abs/1807.01774), and MOBSTER, Klein et al. 2020
(https://arxiv.org/abs/2003.10865).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import floor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from archbo.arrays import Array, Rng, one_thread
from archbo.data import Curve, Dataset, Decision, Proposal, State
from archbo.errors import ExhaustedError, ProblemError
from archbo.fidelity import FidelityRange, check_eta
from archbo.kernels.blocks import rows as take
from archbo.methods.base import Method, Search
from archbo.methods.costs import Costs
from archbo.methods.courses import CourseBelief
from archbo.methods.hyperband import climb, first_bracket
from archbo.methods.newcomers import Newcomers
from archbo.methods.rungs import RungSearch, Runner
from archbo.problem import Problem
from archbo.spaces import Architecture

if TYPE_CHECKING:
    from archbo.methods.bayesian import BayesianSearch

_WEIGHED = 16  # of the candidates, and of the paused trainings of a rung, whose rates are computed
_NOTHING = 1e-9  # a rate below it does not tell candidates apart


@dataclass(frozen=True)
class MultiFidelity:
    """How Bayesian optimization spends short trainings.

    Args:
        eta: each rung trains so many times further than the one below; trainings pause at rungs.
        start: so many spread networks begin, and the best of each rung go on, one in eta, up to the
            last rung before a full training.
        least: trainings go past a rung only when so many have reached it: what a value there means
            is not known before.
        share: the part of the budget for full trainings at first: where they have taken less, the
            next training is a full one.
        late: what short trainings can tell is soon known, and which of the good is best they do not
            tell: when so many full trainings' worth is spent, their part of the budget is half of
            what it was at first.
        plain: the part of the full trainings that plain Bayesian optimization chooses, which learns
            from full ones alone, as soon as there are as many as it begins with.
        doubt: probability beforehand that short trainings say nothing of full ones. Where it is
            larger after the results, it takes the place of `plain` and of the part for full ones.
        random: the part of new networks that are random.
        structures: so many of the default kernel structures are averaged over.
        schedule: a method of rungs that decides what goes on and when a new network begins, such as
            `Asha()`; then only the networks are chosen by the model.

    Raises:
        ProblemError: if a number makes no sense.
    """

    eta: float = 3.0
    start: int = 9
    least: int = 3
    share: float = 0.5
    late: float = 20.0
    plain: float = 0.5
    doubt: float = 0.3
    random: float = 1 / 3
    structures: int = 3
    schedule: Method | None = None

    def __post_init__(self) -> None:
        check_eta(self.eta)
        for name in ("start", "least", "structures"):
            if type(getattr(self, name)) is not int or getattr(self, name) < 1:
                raise ProblemError(f"{name} must be a whole number from 1", path="MultiFidelity")
        if not self.late > 0:
            raise ProblemError(f"late must be positive, got {self.late}", path="MultiFidelity")
        for name in ("share", "plain", "doubt", "random"):
            if not 0 <= getattr(self, name) < 1:
                raise ProblemError(
                    f"{name} must be at least 0 and below 1, got {getattr(self, name)}",
                    path="MultiFidelity",
                )


class _Step(NamedTuple):
    """What to train next.

    Attributes:
        level: up to which.
        runner: a network that goes on; None for a new one.
        proposal: of a new network, without its level.
    """

    level: float
    runner: Runner | None = None
    proposal: Proposal | None = None


class MultiFidelitySearch(Search):
    """Bayesian optimization at work on trainings that can be short.

    Args:
        settings: how it spends them.
        problem: which has a fidelity.
        plain: Bayesian optimization of full trainings.
    """

    def __init__(
        self,
        settings: MultiFidelity,
        problem: Problem,
        fidelity: FidelityRange,
        plain: BayesianSearch,
    ) -> None:
        self.settings = settings
        self.problem = problem
        self.fidelity = fidelity
        self.plain = plain
        self.newcomers = Newcomers(problem, plain, random=settings.random)
        self.rungs = fidelity.rungs(settings.eta)
        self.bracket = first_bracket(fidelity, settings.eta, settings.start)[:-1]
        schedule = settings.schedule and settings.schedule.prepare(problem)
        self.schedule = schedule if isinstance(schedule, RungSearch) else None

    def propose(self, dataset: Dataset, count: int, rng: Rng) -> list[Proposal]:
        with one_thread():
            runners = Runner.of(self.problem, dataset)
            found: list[Proposal] = []
            while len(found) < count:
                try:
                    step = self._next(dataset, runners, rng)
                except ExhaustedError:
                    if found or any(runner.state is State.RUNNING for runner in runners):
                        break
                    raise
                found.append(self._proposal(step))
                if step.runner is None:
                    runners.append(Runner(found[-1].architecture, {}, State.RUNNING))
                else:
                    step.runner.state = State.RUNNING
            return found

    def decide(self, dataset: Dataset, curve: Curve, rng: Rng) -> Decision:
        """The training goes on at once if it is what would be trained next."""
        if self.schedule is not None:
            return self.schedule.decide(dataset, curve, rng)
        with one_thread():
            runners = Runner.of(self.problem, dataset)
            own = next(r for r in runners if r.arch.id == curve.architecture.id)
            own.state = State.PAUSED
            try:
                step = self._next(dataset, runners, rng)
            except ExhaustedError:
                return Decision()
            return Decision(target=step.level) if step.runner is own else Decision()

    def predict(self, dataset: Dataset, archs: list[Architecture]) -> tuple[Array, Array]:
        with one_thread():
            runners = Runner.of(self.problem, dataset)
            belief = self._belief(dataset, runners)
            place = {runner.arch.id: k for k, runner in enumerate(runners)}
            known = np.array([place.get(arch.id, -1) for arch in archs], dtype=np.int64)
            encoded = self.plain.encoder.encode(self.problem.compiled.encode(archs))
            mean, sd = belief.predict(encoded, known)
        return self.problem.objective.inward(mean), sd

    def _proposal(self, step: _Step) -> Proposal:
        level = self.fidelity.short(step.level)
        if step.runner is None:
            assert step.proposal is not None
            return replace(step.proposal, fidelity=level)
        origin = "promoted" if step.proposal is None else step.proposal.origin
        runner = step.runner
        resume = runner.reached if self.fidelity.continued and runner.points else None
        return Proposal(runner.arch, origin, fidelity=level, resume=resume)

    def _next(self, dataset: Dataset, runners: list[Runner], rng: Rng) -> _Step:
        """What to train next.

        Raises:
            ExhaustedError: if there is nothing to train, now or ever.
        """
        if self.schedule is not None:
            return self._scheduled(self.schedule, dataset, runners, rng)
        begun = self._beginning(runners, rng)
        if begun is not None:
            return begun
        belief = self._belief(dataset, runners)
        straight, plain = self._full(runners, belief.misled)
        if plain:
            step = self._plain(dataset, belief, runners, rng)
            if step is not None:
                return step
        costs = self._costs(dataset)
        top = self._open(runners)
        rate, step = self._paused(belief, runners, costs, top, straight=straight)
        try:
            new_rate, new = self._new(belief, runners, costs, top, rng, straight=straight)
        except ExhaustedError:
            if step is None:
                _, step = self._paused(belief, runners, costs, len(self.rungs), straight=False)
            if step is None:
                raise
            return step
        return new if step is None or new_rate > rate else step

    def _beginning(self, runners: list[Runner], rng: Rng) -> _Step | None:
        """The first bracket, of spread networks, and more of them until there is a value."""
        size = self.settings.start
        members = runners[:size]
        if len(members) == size:
            going = climb(members, self.bracket) if self.bracket else None
            if going is not None:
                return _Step(going[1], going[0])
            if any(runner.points for runner in runners):
                return None
        try:
            return _Step(self.rungs[0], proposal=self.newcomers.spread(runners, rng))
        except ExhaustedError:
            if any(runner.points for runner in runners):
                return None
            raise

    def _belief(self, dataset: Dataset, runners: Sequence[Runner]) -> CourseBelief:
        plain, compiled = self.plain, self.problem.compiled
        running = [runner.arch for runner in runners if runner.state is State.RUNNING]
        return CourseBelief.fit(
            runners,
            plain.encoder.known(compiled.encode([runner.arch for runner in runners])),
            plain.structures[: self.settings.structures],
            self.fidelity,
            self.rungs,
            hyperparameters=dataset.hyperparameters,
            seed=self.problem.seed,
            temper=plain.settings.temper,
            doubt=0.0 if self.schedule else self.settings.doubt,
            pending=plain.encoder.encode(compiled.encode(running)) if running else None,
        )

    def _costs(self, dataset: Dataset) -> Costs:
        """What levels cost: learned, where each is a training of its own.

        The seconds of a training that was continued since are no longer known as they were, and
        proposals would not follow from what was known.
        """
        if self.fidelity.continued:
            return Costs(self.fidelity)
        return Costs.learned(self.fidelity, dataset.curves)

    def _full(self, runners: Sequence[Runner], misled: float) -> tuple[bool, bool]:
        """Whether the next training is a full one, and whether plain optimization chooses it."""
        settings = self.settings
        spent, full = self._spent(runners)
        short = (1 - settings.share) / (1 + spent / settings.late)
        # the first one waits until its share is spent, later ones begin it
        due = full + 1 <= max(1 - short, misled) * (spent + (full > 0))
        learned = full >= self.plain.settings.initial  # before, plain optimization is a guess
        part = max(settings.plain if learned else 0.0, misled)
        return due, due and floor((full + 1) * part) > floor(full * part)

    def _spent(self, runners: Sequence[Runner]) -> tuple[float, float]:
        """Full trainings' worth of what was trained, and how many were full ones."""
        share = self.fidelity.share
        if self.fidelity.continued:
            spent = sum(share(runner.reached) for runner in runners)
        else:
            spent = sum(share(level) for runner in runners for level in runner.points)
        return spent, float(sum(runner.reached >= self.fidelity.high for runner in runners))

    def _open(self, runners: Sequence[Runner]) -> int:
        """Position of the highest rung that trainings may go to."""
        for k, level in enumerate(self.rungs[:-1]):
            if sum(runner.reached >= level for runner in runners) < self.settings.least:
                return k
        return len(self.rungs) - 1

    def _plain(
        self, dataset: Dataset, belief: CourseBelief, runners: Sequence[Runner], rng: Rng
    ) -> _Step | None:
        """A full training that plain Bayesian optimization proposes; None if it has none."""
        known = [r.arch for r in runners if r.state is State.RUNNING]
        dataset = replace(dataset, pending=self.problem.compiled.encode(known))
        try:
            (proposal, *_) = self.plain.propose(dataset, 1, rng)
        except ExhaustedError:
            return None
        full = self.fidelity.high
        for runner in runners:
            if runner.arch.id == proposal.architecture.id and runner.reached < full:
                return _Step(full, runner, proposal) if runner.state is State.PAUSED else None
        more = {**belief.hyperparameters, **proposal.hyperparameters}
        return _Step(full, proposal=replace(proposal, hyperparameters=more))

    def _paused(
        self,
        belief: CourseBelief,
        runners: Sequence[Runner],
        costs: Costs,
        top: int,
        *,
        straight: bool,
    ) -> tuple[float, _Step | None]:
        """The best rate among paused trainings, and the step; none where none may go on."""
        groups: dict[tuple[int, float], list[int]] = {}
        for place, i in enumerate(belief.known.tolist()):
            runner = runners[i]
            if runner.state is State.PAUSED and runner.reached < self.fidelity.high:
                k = sum(level <= runner.reached for level in self.rungs)
                if k <= top:
                    start = runner.reached if self.fidelity.continued else 0.0
                    groups.setdefault((k, start), []).append(place)
        best: tuple[float, _Step | None] = (-1.0, None)
        hopes = belief.weights @ np.stack([final.mean + final.sd for final in belief.finals])
        for (k, start), members in groups.items():
            which = np.array(members)
            which = which[np.argsort(-hopes[which], kind="stable")[:_WEIGHED]]
            levels = self.rungs[k:]
            rates = belief.rates_of(which, levels, costs, start, straight=straight)
            j = int(rates.rate.argmax())
            if rates.rate[j] > best[0]:
                stage = len(levels) - 1 if straight else int(rates.stage[j])
                level = levels[min(stage, top - k)]
                best = float(rates.rate[j]), _Step(level, runners[belief.known[which[j]]])
        return best

    def _new(
        self,
        belief: CourseBelief,
        runners: Sequence[Runner],
        costs: Costs,
        top: int,
        rng: Rng,
        *,
        straight: bool,
    ) -> tuple[float, _Step]:
        """The best rate among new networks, and the step.

        Raises:
            ExhaustedError: if no network is new.
        """
        found = self.newcomers.candidates(belief, runners, rng)
        likely = np.argsort(-found.score, kind="stable")[:_WEIGHED]
        rates = belief.rates_of_new(
            take(found.encoded, likely), self.rungs, costs, straight=straight
        )
        j = int(rates.rate.argmax()) if rates.rate.max() > _NOTHING else 0
        stage = len(self.rungs) - 1 if straight else int(rates.stage[j])
        level = self.rungs[min(stage, top)]
        short = level < self.fidelity.high
        proposal = self.newcomers.chosen(belief, runners, found, int(likely[j]), rng, short=short)
        return float(rates.rate[j]), _Step(level, proposal=proposal)

    def _scheduled(
        self, schedule: RungSearch, dataset: Dataset, runners: Sequence[Runner], rng: Rng
    ) -> _Step:
        """What the schedule says, with a network by the model where it begins one.

        Raises:
            ExhaustedError: if it waits, or there is nothing to train.
        """
        picked = schedule.pick(runners, closed=False)
        if picked is not None and picked[0] is None:
            try:
                return _Step(picked[1], proposal=self._newcomer(dataset, runners, picked[1], rng))
            except ExhaustedError:
                picked = schedule.pick(runners, closed=True)
        if picked is None:
            raise ExhaustedError("all networks are trained, or in training")
        return _Step(picked[1], picked[0])

    def _newcomer(
        self, dataset: Dataset, runners: Sequence[Runner], level: float, rng: Rng
    ) -> Proposal:
        """A new network for a schedule: of the start design, then by the acquisition."""
        if len(runners) < self.settings.start or not any(r.points for r in runners):
            return self.newcomers.spread(runners, rng)
        belief = self._belief(dataset, runners)
        found = self.newcomers.candidates(belief, runners, rng)
        best = int(found.score.argmax())
        short = level < self.fidelity.high
        return self.newcomers.chosen(belief, runners, found, best, rng, short=short)
