"""Laws of a way to search, whatever it learns from.

Inherit `MethodLaws` in a test class and give a fixture `method`, the settings to test. The laws of
short trainings are in `archbo.testing.fidelity`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from archbo.arrays import stream
from archbo.data import Dataset, Observation, Proposal
from archbo.errors import ExhaustedError, ProblemError
from archbo.methods import Method, Search
from archbo.problem import Problem
from archbo.spaces import (
    Architecture,
    Bool,
    Chain,
    Choice,
    EdgeCell,
    Float,
    Int,
    NodeCell,
    Part,
    Space,
)

Value = Callable[[Architecture], float | None]

CELL = EdgeCell(nodes=4, ops=["none", "skip_connect", "conv_1x1", "conv_3x3", "avg_pool_3x3"])
SMALL = Space(depth=Int(1, 3), act=Choice(["relu", "gelu"]))
SPACES: Mapping[str, Part] = {
    "cell": CELL,
    "free cell": NodeCell(max_nodes=5, max_edges=6, ops=["conv", "pool"]),
    "conditional": Space(
        head=Choice({"linear": None, "mlp": Space(width=Int(16, 256, log=True), norm=Bool())}),
        layers=Chain(Choice(["conv", "pool", "skip"]), length=(1, 4)),
        rate=Float(1e-4, 1e-1, log=True),
    ),
}
"""The laws hold in each of them."""

_TRIALS = 11
SEED = 3


def score(arch: Architecture) -> float:
    """A value that follows from the id, and is of no use to predict others."""
    return int(arch.id[:8], 16) / 2**32


@dataclass
class History:
    """Results as they come in, and what they give a search to propose from."""

    problem: Problem
    observations: list[Observation] = field(default_factory=list)
    pending: list[Architecture] = field(default_factory=list)
    hyperparameters: Mapping[str, float] = field(default_factory=dict)
    repeated: int = 0  # proposals to train a known network again

    def dataset(self) -> Dataset:
        """All that is known."""
        return Dataset.make(self.problem, self.observations, self.pending, self.hyperparameters)

    def propose(self, search: Search, count: int = 1) -> list[Proposal]:
        """What a search proposes now; it changes nothing."""
        dataset = self.dataset()
        return search.propose(dataset, count, stream(self.problem.seed, "propose", dataset.trials))

    def start(self, proposals: list[Proposal]) -> list[Architecture]:
        """Proposals, now in training."""
        self.hyperparameters = proposals[-1].hyperparameters or self.hyperparameters
        self.repeated += sum(proposal.origin == "again" for proposal in proposals)
        archs = [proposal.architecture for proposal in proposals]
        self.pending += archs
        return archs

    def end(self, arch: Architecture, value: float | None) -> None:
        """The result of a training, None for a failure."""
        if arch in self.pending:
            self.pending.remove(arch)
        self.observations.append(Observation(arch, value))

    def run(self, search: Search, trials: int, value: Value = score) -> None:
        """One training after the other."""
        for _ in range(trials):
            (arch,) = self.start(self.propose(search))
            self.end(arch, value(arch))

    @property
    def ids(self) -> list[str]:
        """Of all trainings, finished first."""
        archs = [*(seen.architecture for seen in self.observations), *self.pending]
        return [arch.id for arch in archs]


def begin(method: Method, space: Part, **problem: object) -> tuple[Search, History]:
    """A search and an empty history."""
    asked = Problem.make(space, seed=SEED, **problem)  # type: ignore[arg-type] # as given
    return method.prepare(asked), History(asked)


class MethodLaws:
    """What every method must keep."""

    @pytest.fixture(params=list(SPACES.values()), ids=list(SPACES))
    def space(self, request: pytest.FixtureRequest) -> Part:
        space: Part = request.param
        return space

    def test_a_resumed_search_proposes_what_an_unbroken_one_does(
        self, method: Method, space: Part
    ) -> None:
        search, history = begin(method, space)
        for k in range(_TRIALS):
            proposals = history.propose(search, 1 + (k == 6))
            if k % 3 == 0:
                resumed = method.prepare(history.problem)
                assert history.propose(resumed, len(proposals)) == proposals
                search = resumed if k == 9 else search
            for arch in history.start(proposals)[: 1 + (k % 2)]:  # some stay in training
                history.end(arch, None if k == 4 else score(arch))

    def test_every_proposal_is_a_new_network_of_the_space(
        self, method: Method, space: Part
    ) -> None:
        search, history = begin(method, space)
        foreign = space.sample(SEED)
        for value in (0.3, 0.7, None):  # a repeated measurement, and a failed one
            history.end(foreign, value)
        history.run(search, _TRIALS, lambda arch: None if score(arch) < 0.3 else score(arch))
        for seen in history.observations:
            assert space.architecture(seen.architecture.value) == seen.architecture
        assert len(set(history.ids[2:])) == _TRIALS + 1 - history.repeated

    def test_a_list_differs_within_and_from_what_is_in_training(
        self, method: Method, space: Part
    ) -> None:
        search, history = begin(method, space)
        for count in (3, 12, 1, 4):
            assert len(history.start(history.propose(search, count))) == count
        for arch in history.pending[:10]:
            history.end(arch, score(arch))
        assert len(history.start(history.propose(search, 4))) == 4
        assert len(set(history.ids)) == 24

    def test_proposing_changes_none_of_its_arguments(self, method: Method, space: Part) -> None:
        search, history = begin(method, space)
        history.run(search, _TRIALS)
        history.start(history.propose(search, 2))
        dataset = history.dataset()
        search.propose(dataset, 2, stream(0, "test"))
        for name, before in vars(history.dataset()).items():
            if hasattr(before, "values") and hasattr(before, "active"):
                assert np.array_equal(vars(dataset)[name].values, before.values), name
                assert np.array_equal(vars(dataset)[name].active, before.active), name
            else:
                assert np.all(vars(dataset)[name] == before), name

    def test_each_proposal_says_where_it_comes_from(self, method: Method, space: Part) -> None:
        search, history = begin(method, space)
        history.run(search, _TRIALS)
        for proposal in history.propose(search, 3):
            assert proposal.origin
            assert proposal.score is None or np.isfinite(proposal.score)
            assert all(isinstance(value, float) for value in proposal.hyperparameters.values())

    @pytest.mark.parametrize("known", [0, 2, 5])
    def test_all_networks_of_a_small_space_are_proposed_and_then_none(
        self, method: Method, known: int
    ) -> None:
        search, history = begin(method, SMALL)
        history.run(search, known)
        history.start(history.propose(search, 16))
        assert len(set(history.ids)) == len(history.ids) == 6
        with pytest.raises(ExhaustedError, match="all 6 "):
            history.propose(search)

    def test_a_space_of_one_architecture_is_proposed_once(self, method: Method) -> None:
        search, history = begin(method, Space(only=Choice(["this"])))
        history.run(search, 1)
        with pytest.raises(ExhaustedError, match="all 1 "):
            history.propose(search)

    def test_constraints_are_never_violated(self, method: Method, space: Part) -> None:
        search, history = begin(
            method,
            space,
            features={"score": score},
            constraints=[{"score": "<= 0.6"}, lambda arch: int(arch.id[-1], 16) % 3 > 0],
        )
        history.run(search, 7)
        history.start(history.propose(search, 5))
        for arch in [*(seen.architecture for seen in history.observations), *history.pending]:
            assert score(arch) <= 0.6
            assert int(arch.id[-1], 16) % 3 > 0

    def test_what_constraints_leave_is_proposed_and_then_nothing(self, method: Method) -> None:
        search, history = begin(method, SMALL, constraints=[lambda arch: arch["depth"] > 1])
        history.start(history.propose(search, 16))
        assert sorted(arch["depth"] for arch in history.pending) == [2, 2, 3, 3]
        with pytest.raises(ExhaustedError, match="all 4 networks of the space that meet"):
            history.propose(search)

    @pytest.mark.parametrize(
        "value",
        [
            lambda _: 5.0,
            lambda arch: score(arch) * 1e-12,
            lambda arch: score(arch) * 1e12,
            lambda arch: 1e12 + score(arch),
            lambda _: None,
        ],
        ids=["constant", "tiny", "huge", "huge offset", "all failed"],
    )
    def test_any_values_will_do(self, method: Method, value: Value) -> None:
        search, history = begin(method, CELL)
        history.run(search, _TRIALS, value)
        assert len(set(history.ids)) == _TRIALS - history.repeated

    def test_a_prediction_is_made_or_refused(self, method: Method) -> None:
        search, history = begin(method, CELL)
        history.run(search, _TRIALS)
        archs = [CELL.sample(seed) for seed in range(5)]
        if type(search).predict is Search.predict:
            with pytest.raises(ProblemError, match=r"^[A-Z]\w* has no surrogate to predict with"):
                search.predict(history.dataset(), archs)
            return
        mean, sd = search.predict(history.dataset(), archs)
        assert mean.shape == sd.shape == (5,)
        assert np.isfinite(mean).all()
        assert (sd > 0).all()
