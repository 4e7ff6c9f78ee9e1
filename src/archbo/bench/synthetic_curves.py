"""A seeded family of learning curves over one space, to try what short trainings can tell.

What a network ends with is the value v of `archbo.bench.synthetic`, for random ones with mean 0 and
standard deviation 1. After e of E epochs its curve is at

    v  -  m(e) (lost v + early z)  -  rise d(e, s)

    d      falls from 1 to 0 as learning does, exponentially, for some networks faster (by s)
    z, s   effects of the same kind as v, but of other members of that family: what is known early
           depends on the architecture, too, but in another way. A quarter of z is a network's own
    m      how much of the beginning is left: as d, or all of it until the last fifth

so that the rank correlation with the end rises as m falls. Which five there are:

    faithful       early values tell most: .8 after a ninth of the epochs
    crossing       what ends well learns late: .3 after the first epoch
    diverging      as faithful, but some kinds of networks fail, or become bad, part way
    noisy          as faithful, with much noise in each evaluation, most in the early ones
    uninformative  early values tell nothing until the last fifth
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from archbo.arrays import Array, Bool, Float, stream
from archbo.bench.benchmark import full_fidelity
from archbo.bench.synthetic import Synthetic
from archbo.errors import ProblemError, nearest
from archbo.problem import Feature
from archbo.spaces import Architecture, Space

EPOCHS = 27
_LAYERS = 6
_SPEED = 4.0  # of learning: e-foldings in all epochs, of the usual network
_SPREAD = 0.25  # of its logarithm
_OWN = 0.25  # of the variance of z
_LATE = 0.8  # of the epochs: from there on an uninformative curve tells something
_DIVERGING = 0.3  # of the networks
_BAD = -3.0  # what a network is at that has diverged
_START, _PACE, _RISK = 1000, 2000, 3000  # seeds of the other members, beside the own one


class Shape(NamedTuple):
    """The numbers of a kind of curves.

    Attributes:
        lost, early, rise: see the module's formula.
        late: whether all of the beginning is left until the last fifth.
        noise: standard deviation of a training, the same along its curve,
        jitter: of each evaluation,
        early_jitter: and how much larger that is in the beginning.
        diverging: whether some networks diverge.
    """

    lost: float = 0.0
    early: float = 0.95
    rise: float = 2.0
    late: bool = False
    noise: float = 0.15
    jitter: float = 0.1
    early_jitter: float = 0.0
    diverging: bool = False


KINDS: Mapping[str, Shape] = {
    "faithful": Shape(),
    "crossing": Shape(lost=0.8, early=1.0),
    "diverging": Shape(diverging=True),
    "noisy": Shape(jitter=0.4, early_jitter=1.0),
    "uninformative": Shape(lost=1.0, early=1.0, late=True),
}
"""The kinds by name."""


@dataclass(frozen=True)
class SyntheticCurves:
    """15,625 chains of 6 layers, trained for 27 epochs.

    Attributes:
        kind: one of `KINDS`.
        seed: which one of the family.

    Raises:
        ProblemError: if there is no such kind.
    """

    kind: str
    seed: int = 0
    maximize: bool = True
    unit: str = "standard deviations"
    fidelities: tuple[int, ...] = tuple(range(1, EPOCHS + 1))
    continued: bool = True

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ProblemError(
                f"no curves of the kind {self.kind!r}", hint=nearest(self.kind, KINDS)
            )

    @property
    def name(self) -> str:
        """Its kind, and its seed but for 0."""
        return f"curves/{self.kind}/{self.seed}" if self.seed else f"curves/{self.kind}"

    @property
    def shape(self) -> Shape:
        """The numbers of its kind."""
        return KINDS[self.kind]

    @cached_property
    def _ends(self) -> Synthetic:
        return Synthetic(0, _LAYERS, self.seed)

    @property
    def space(self) -> Space:
        """What can be built."""
        return self._ends.space

    @property
    def features(self) -> Mapping[str, Feature]:
        """Nothing is known before training."""
        return {}

    @property
    def measured(self) -> Mapping[str, Feature]:
        """There are no other results."""
        return {}

    def objective(
        self, arch: Architecture, seed: int, fidelity: int | None = None, *, repeat: int = 0
    ) -> float | None:
        """A point of a training's curve; None from where it failed."""
        epoch = full_fidelity(self, fidelity)
        value = _training(self, self._place(arch), arch.id, seed, repeat)[epoch - 1]
        return None if np.isnan(value) else value

    def truth(self, arch: Architecture) -> float:
        """The value of the end without noise; of a network that diverges, a bad one."""
        return float(self.truths[self._place(arch)])

    def test(self, arch: Architecture) -> None:
        """There is no test value."""

    def seconds(self, arch: Architecture, fidelity: int | None = None) -> None:
        """There is no time."""

    @cached_property
    def truths(self) -> Float[Array, " N"]:
        """The truth of each architecture, in the order of their decisions."""
        return np.where(self.diverges, _BAD, self._effects[:, 0])

    @cached_property
    def best(self) -> float:
        """The best truth."""
        return float(self.truths.max())

    @cached_property
    def average(self) -> float:
        """The mean truth."""
        return float(self.truths.mean())

    @cached_property
    def optima(self) -> frozenset[str]:
        """The ids of the architectures that have it."""
        compiled = self.space.compiled
        return frozenset(compiled.ids(compiled.rows(self._numbers[self.truths == self.best])))

    def means(self, epochs: Float[Array, " e"]) -> Float[Array, "N e"]:
        """All curves without noise, without what is a network's own, and as if none diverged."""
        return self._mean(self._effects[:, None], epochs, 0.0)

    def _mean(self, effects: Array, epochs: Array, own: float) -> Array:
        """The module's formula for effects [… 3]."""
        shape = self.shape
        value, start, pace = effects[..., 0], effects[..., 1], effects[..., 2]
        early = np.sqrt(1 - _OWN) * start + np.sqrt(_OWN) * own
        left = _left(epochs, _SPEED)
        if shape.late:
            left = np.clip((EPOCHS - epochs) / (EPOCHS * (1 - _LATE)), 0.0, 1.0)
        to_come = _left(epochs, _SPEED * np.exp(_SPREAD * pace))
        return value - left * (shape.lost * value + shape.early * early) - shape.rise * to_come

    @cached_property
    def diverges(self) -> Bool[Array, " N"]:
        """Which architectures diverge."""
        if not self.shape.diverging:
            return np.zeros(len(self._numbers), dtype=bool)
        risk = Synthetic(0, _LAYERS, self.seed + _RISK).values(self._numbers)
        return risk > np.quantile(risk, 1 - _DIVERGING)

    @cached_property
    def _numbers(self) -> Float[Array, "N D"]:
        """All architectures."""
        options = self.space.compiled.options.tolist()
        return np.indices(options).reshape(len(options), -1).T.astype(float)

    @cached_property
    def _effects(self) -> Float[Array, "N 3"]:
        """Value, start and pace: the last two uncorrelated with the first, with mean 0 and sd 1."""
        value = self._ends.values(self._numbers)
        found = [value]
        for seed in (_START, _PACE):
            effect = Synthetic(0, _LAYERS, self.seed + seed).values(self._numbers)
            effect = effect - effect.mean()
            centred = value - value.mean()
            effect -= centred * (effect @ centred) / (centred @ centred)
            found.append(effect / effect.std())
        return np.stack(found, axis=1)

    def _place(self, arch: Architecture) -> int:
        return int(np.ravel_multi_index([int(x) for x in arch.numbers], self._options))

    @cached_property
    def _options(self) -> tuple[int, ...]:
        return tuple(self.space.compiled.options.tolist())


def _left(epochs: Array, speed: Array | float) -> Array:
    """How much is still to be learned: 1 before the first epoch, 0 after the last."""
    end = np.exp(-np.asarray(speed))
    return (np.exp(-np.asarray(speed) * epochs / EPOCHS) - end) / (1 - end)


@lru_cache(maxsize=64)  # a search asks for one curve's points one after another
def _training(
    benchmark: SyntheticCurves, place: int, key: str, seed: int, repeat: int
) -> list[float]:
    """One training's values after each epoch; NaN from where it failed."""
    shape, epochs = benchmark.shape, np.arange(1.0, EPOCHS + 1)
    character = stream(benchmark.seed, "own", key)
    own = float(character.standard_normal())
    values = benchmark._mean(benchmark._effects[place], epochs, own)
    noise = stream(seed, "noise", key, repeat).standard_normal(EPOCHS + 1)
    spread = shape.jitter + shape.early_jitter * _left(epochs, _SPEED)
    values = values + shape.noise * noise[-1] + spread * noise[:-1]
    if benchmark.diverges[place]:
        since = int(character.integers(1, EPOCHS))
        fails = character.random() < 0.5
        values[since:] = np.nan if fails else _BAD + shape.jitter * noise[since:-1]
    found: list[float] = values.tolist()
    return found
