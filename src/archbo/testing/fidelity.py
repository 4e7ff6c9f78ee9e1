"""Laws of a way to search that lets trainings be short.

Inherit `FidelityLaws` in a test class and give a fixture `method`, the settings to test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pytest

from archbo.arrays import stream
from archbo.data import Curve, Dataset, Decision, Observation, Proposal, State
from archbo.errors import ExhaustedError
from archbo.fidelity import Epochs, Fidelity, FidelityRange
from archbo.methods import Method, Search
from archbo.problem import Problem
from archbo.spaces import Architecture, Part
from archbo.testing.methods import SEED, SMALL, SPACES, score

LEVELS: Mapping[str, FidelityRange] = {
    "continued": Epochs(1, 9),
    "afresh": Epochs(1, 9, continued=False),
    "data": Fidelity("data", 0.2, 1.0),
}
"""The laws hold for each of them."""

_STEPS = 12  # trainings that begin or go on
_EVERY = 3  # of what a search says, one in so many is compared

Course = Callable[[Architecture, float], float | None]


def rising(arch: Architecture, part: float) -> float:
    """A value that grows with the part of a full training."""
    return score(arch) * part / (part + 0.3)


def breaking(arch: Architecture, part: float) -> float | None:
    """The same, but of three networks one fails at once and one in the middle."""
    doom = int(arch.id[8:12], 16) % 3
    return None if part >= (0.0, 0.2, np.inf)[doom] else rising(arch, part)


class Step(NamedTuple):
    """What a search said, and what it said it about.

    Attributes:
        proposal: what it proposed.
        before: the trainings as they were then.
        other: what a search that knows nothing but these would have proposed; None if none was
            asked.
    """

    proposal: Proposal
    before: tuple[Curve, ...]
    other: Proposal | None


@dataclass
class Trainings:
    """Trainings that a search lets go up to levels, as a study would run and store them.

    Of what is in training all points up to now are known: all but that of its target.

    Attributes:
        method: the settings of the search.
        problem: which has a fidelity.
        course: the value of an architecture after a part of a full training, None where it fails.
        search: at work.
        curves: of all trials, in the order in which they began.
        running: places of those in training, in the order in which they began or went on.
        steps: what the search said.
        decisions: what it decided, and what one that knows nothing else would have.
    """

    method: Method
    problem: Problem
    course: Course
    curves: list[Curve] = field(default_factory=list)
    running: list[int] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    decisions: list[tuple[Decision, Decision | None]] = field(default_factory=list)
    hyperparameters: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.search = self.method.prepare(self.problem)

    @property
    def fidelity(self) -> FidelityRange:
        """The problem's."""
        assert self.problem.fidelity is not None
        return self.problem.fidelity

    def dataset(self) -> Dataset:
        """All that is known."""
        ended = {State.FINISHED: True, State.FAILED: False}
        seen = [
            Observation(c.architecture, self._outward(c.values[-1]) if ended[c.state] else None)
            for c in self.curves
            if c.state in ended
        ]
        running = [self.curves[place].architecture for place in sorted(self.running)]
        dataset = Dataset.make(self.problem, seen, running, self.hyperparameters, self.curves)
        return replace(dataset, trials=len(self.curves))

    def propose(self, search: Search | None = None, count: int = 1) -> list[Proposal]:
        """What a search proposes now; it changes nothing."""
        points = sum(len(curve.levels) for curve in self.curves)
        rng = stream(self.problem.seed, "propose", len(self.curves), points)
        return (search or self.search).propose(self.dataset(), count, rng)

    def start(self, proposal: Proposal) -> int:
        """Begin or go on; the place of the trial."""
        arch, target = proposal.architecture, proposal.fidelity
        if proposal.resume is None:
            nothing = np.zeros(0)
            self.curves.append(Curve(arch, nothing, nothing, State.PAUSED, None))
            self.hyperparameters = proposal.hyperparameters or self.hyperparameters
            place = len(self.curves) - 1
        else:
            same = [k for k, c in enumerate(self.curves) if c.architecture.id == arch.id]
            place = next(k for k in same if self.curves[k].state is State.PAUSED)
        self._go(place, target)
        self.running.append(place)
        return place

    def end(self, place: int) -> None:
        """Reach the target, or fail on the way to it; go on as the search decides."""
        curve = self.curves[place]
        last = self.fidelity.high if curve.target is None else curve.target
        if not self._reach(place, last):
            self._become(place, State.FAILED)
        elif curve.target is None:
            self._become(place, State.FINISHED)
        elif not self.fidelity.continued:
            self._become(place, State.PAUSED)
        else:
            decision = self._decide(place)
            if decision.target is None:
                self._become(place, State.STOPPED if decision.final else State.PAUSED)
                return
            self._go(place, self.fidelity.short(decision.target))
            self.end(place)

    def run(self, steps: int, *, workers: int = 1) -> bool:
        """Begin or go on so often, so many at a time; whether there was enough to train."""
        for k in range(steps):
            while len(self.running) >= workers:
                self.end(self.running[k % len(self.running)])
            while not self._step():
                if not self.running:
                    return False
                self.end(self.running[0])
        return True

    def _step(self) -> bool:
        """Begin or go on with what is proposed; whether anything is."""
        try:
            found = self.propose()
        except ExhaustedError:
            assert not self.running, "a search is not exhausted while anything is in training"
            return False
        if not found:
            assert self.running, "a search waits only for what is in training"
            return False
        other = self._another(len(self.steps))
        self.steps.append(
            Step(found[0], tuple(self.curves), self.propose(other)[0] if other else None)
        )
        self.start(found[0])
        return True

    def _another(self, count: int) -> Search | None:
        """A search that has not worked yet, once in a while."""
        return None if (count + 1) % _EVERY else self.method.prepare(self.problem)

    def _go(self, place: int, target: float | None) -> None:
        self.curves[place] = replace(self.curves[place], state=State.RUNNING, target=target)
        if self.fidelity.continued:
            high = self.fidelity.high if target is None else target
            self._reach(place, high - 1)

    def _reach(self, place: int, last: float) -> bool:
        """Add the points up to a level; whether training got there."""
        curve = self.curves[place]
        steps = self.fidelity.continued
        levels = np.arange(curve.reached + 1, last + 1) if steps else np.array([last])
        for level in levels.tolist():
            value = self.course(curve.architecture, level / self.fidelity.high)
            if value is None:
                return False
            inward = self.problem.objective.inward(np.array([value]))
            curve = replace(
                curve,
                levels=np.append(curve.levels, level),
                values=np.append(curve.values, inward),
            )
            self.curves[place] = curve
        return True

    def _become(self, place: int, state: State) -> None:
        self.curves[place] = replace(self.curves[place], state=state)
        self.running.remove(place)

    def _decide(self, place: int) -> Decision:
        def decide(search: Search) -> Decision:
            dataset, curve = self.dataset(), self.curves[place]
            return search.decide(dataset, curve, stream(SEED, "decide", place, int(curve.reached)))

        found, other = decide(self.search), self._another(len(self.decisions))
        self.decisions.append((found, decide(other) if other else None))
        return found

    def _outward(self, value: float) -> float:
        return float(self.problem.objective.inward(np.array([value]))[0])  # its own inverse


class FidelityLaws:
    """What a method that trains shortly must keep; it pauses at rungs three times apart.

    Its fixture `method` has the scope "class": each search is run once and then looked at.
    """

    @pytest.fixture(
        scope="class",
        params=[("continued", 1), ("continued", 4), ("afresh", 1), ("data", 4)],
        ids="{0[0]} {0[1]}".format,
    )
    @classmethod
    def trainings(cls, request: pytest.FixtureRequest, method: Method) -> Trainings:
        """After some trainings, one or four at a time."""
        kind, workers = request.param
        trainings = train(method, SPACES["conditional"], LEVELS[kind], breaking)
        assert trainings.run(_STEPS, workers=workers)
        return trainings

    def test_a_proposal_follows_from_what_is_known(self, trainings: Trainings) -> None:
        compared = [step for step in trainings.steps if step.other is not None]
        assert len(compared) == _STEPS // _EVERY
        assert [step.proposal for step in compared] == [step.other for step in compared]
        decided = [pair for pair in trainings.decisions if pair[1] is not None]
        assert [found for found, _ in decided] == [other for _, other in decided]

    def test_levels_are_rungs_above_what_was_reached(self, trainings: Trainings) -> None:
        rungs = trainings.fidelity.rungs(3.0)
        for proposal, before, _ in trainings.steps:
            level = trainings.fidelity.high if proposal.fidelity is None else proposal.fidelity
            own = [c for c in before if c.architecture.id == proposal.architecture.id]
            assert level in rungs
            assert level > max((c.reached for c in own), default=0.0) or again(proposal)
        for decision, _ in trainings.decisions:
            assert decision.target is None or decision.target in rungs

    def test_no_network_begins_twice_and_paused_ones_go_on_from_where_they_stand(
        self, trainings: Trainings
    ) -> None:
        for proposal, before, _ in trainings.steps:
            if again(proposal):
                continue
            own = [c for c in before if c.architecture.id == proposal.architecture.id]
            if proposal.resume is not None:
                assert trainings.fidelity.continued
                assert [(c.state, c.reached) for c in own] == [(State.PAUSED, proposal.resume)]
            elif trainings.fidelity.continued:
                assert not own
            else:
                assert all(c.state is State.PAUSED for c in own)

    def test_failures_stop_nothing(self, trainings: Trainings) -> None:
        failed = [c.architecture.id for c in trainings.curves if c.state is State.FAILED]
        assert failed
        for proposal, before, _ in trainings.steps:
            failed = [c.architecture.id for c in before if c.state is State.FAILED]
            assert proposal.architecture.id not in failed

    @pytest.mark.parametrize("fidelity", list(LEVELS.values()), ids=list(LEVELS))
    def test_a_small_space_is_trained_to_the_end_and_then_there_is_nothing(
        self, method: Method, fidelity: FidelityRange
    ) -> None:
        trainings = train(method, SMALL, fidelity, rising)
        assert not trainings.run(50, workers=3)
        assert not trainings.running
        assert {c.architecture.id for c in trainings.curves} == {
            arch.id for arch in SMALL.enumerate()
        }
        assert any(c.state is State.FINISHED for c in trainings.curves)
        with pytest.raises(ExhaustedError):
            trainings.propose()

    def test_a_list_differs_within(self, trainings: Trainings) -> None:
        proposals = trainings.propose(count=5)
        assert len({proposal.architecture.id for proposal in proposals}) == 5
        running = {trainings.curves[place].architecture.id for place in trainings.running}
        assert not running & {proposal.architecture.id for proposal in proposals}


def train(
    method: Method,
    space: Part,
    fidelity: FidelityRange,
    course: Course,
    **problem: object,
) -> Trainings:
    """Trainings of which none has begun."""
    asked = Problem.make(space, seed=SEED, fidelity=fidelity, **problem)  # type: ignore[arg-type]
    return Trainings(method, asked, course)


def again(proposal: Proposal) -> bool:
    """Whether a known network is to be trained once more, against noise."""
    return proposal.origin == "again"
