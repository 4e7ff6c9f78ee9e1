"""Every way to search: a method, prepared for a problem, turns what is known into proposals."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

from archbo.arrays import Array, Rng
from archbo.data import Curve, Dataset, Decision, Proposal
from archbo.errors import ProblemError
from archbo.problem import Problem
from archbo.spaces import Architecture


class Search(ABC):
    """A method at work on one problem.

    It may keep what it computed, but its proposals depend on its arguments alone: a study that is
    killed and resumed proposes what it would have proposed.
    """

    @abstractmethod
    def propose(self, dataset: Dataset, count: int, rng: Rng) -> list[Proposal]:
        """`count` different networks to train next, none of them known; all, if fewer are left.

        Where the problem has a fidelity, a proposal may be short of a full training, and may go on
        with a paused one of `dataset.curves`; there are none where it waits for those in training.

        Raises:
            ExhaustedError: if none is left.
        """

    def decide(
        self,
        dataset: Dataset,  # noqa: ARG002 - for those methods that weigh it
        curve: Curve,  # noqa: ARG002
        rng: Rng,  # noqa: ARG002
    ) -> Decision:
        """What becomes of a training that has reached the level it was proposed for.

        It waits for the answer. By default it is paused.

        Args:
            dataset: all that is known; the curve is one of its `curves`.
            curve: the training's, up to the level that it has reached.
            rng: for what is random in the decision.
        """
        return Decision()

    def predict(
        self,
        dataset: Dataset,  # noqa: ARG002 - for those methods that have a surrogate
        archs: list[Architecture],  # noqa: ARG002
    ) -> tuple[Array, Array]:
        """Mean and standard deviation in the objective's units, [c] each.

        Raises:
            ProblemError: if the method has no surrogate.
        """
        raise ProblemError(
            f"{type(self).__name__.lstrip('_')} has no surrogate to predict with",
            hint='Use method="bo".',
        )


class Method(Protocol):
    """The settings of a way to search."""

    def prepare(self, problem: Problem) -> Search:
        """Get ready to search for the answer to a problem."""
        ...
