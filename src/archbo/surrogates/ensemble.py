"""A deep ensemble: a few small neural networks that disagree where little is known.

Source: Lakshminarayanan et al. 2017 (https://arxiv.org/abs/1612.01474); random priors as Osband et
al. 2018 (https://arxiv.org/abs/1806.03335).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from archbo.arrays import Array, Float, Rng
from archbo.errors import ProblemError, nearest
from archbo.kernels.blocks import Encoded
from archbo.surrogates.base import Surrogate
from archbo.surrogates.observations import (
    Observations,
    fitted,
    read,
    require,
    require_library,
)

LOSSES = ("normal", "percentage")


@dataclass(frozen=True)
class DeepEnsemble:
    """Settings of an ensemble of fully connected networks. Needs PyTorch.

    Args:
        members: how many networks.
        width: of a hidden layer.
        depth: how many hidden layers.
        steps: of training, each on all observations.
        rate: of learning, at the start.
        decay: of the weights.
        loss: "normal", with a mean and a variance from each network, or "percentage", a mean alone
            whose error counts by how near the observation is to the best.
        prior: the scale of a fixed random network that is added to each member, in units of the
            standardised objective; 0 for none.
        bootstrap: whether each member weighs the observations at random.
        calibrate: whether each member leaves out a part of the observations, by which the variance
            is then widened or narrowed; without it, small ensembles are far too sure.
        block: the block of the encoding that it reads, [n d] numbers.

    Raises:
        ProblemError: if a setting is out of its range.
        MissingExtraError: if PyTorch is not installed.
    """

    members: int = 10
    width: int = 64
    depth: int = 2
    steps: int = 100
    rate: float = 0.01
    decay: float = 1e-3
    loss: str = "normal"
    prior: float = 1.0
    bootstrap: bool = False
    calibrate: bool = True
    block: str = "encoding"

    def __post_init__(self) -> None:
        counts = {"members": 1, "width": 1, "depth": 1, "steps": 1}
        require(self, least={**counts, "decay": 0, "prior": 0}, positive=["rate"])
        if self.loss not in LOSSES:
            hint = nearest(self.loss, LOSSES)
            raise ProblemError(f"there is no loss {self.loss!r}", path="DeepEnsemble", hint=hint)
        require_library(self, "torch", name="PyTorch", extra="torch")

    @classmethod
    def bananas(cls, block: str = "encoding") -> DeepEnsemble:
        """The predictor of BANANAS: five networks of ten layers of 20, trained on percentages.

        Source: White et al. 2021 (https://arxiv.org/abs/1910.11858), section 5.
        """
        return cls(
            members=5,
            width=20,
            depth=10,
            steps=200,
            rate=0.01,
            decay=0.0,
            loss="percentage",
            prior=0.0,
            calibrate=False,
            block=block,
        )

    def fit(
        self,
        encoded: Encoded,
        z: Float[Array, " n"],
        *,
        repeats: Float[Array, " n"],
        rng: Rng,
    ) -> Surrogate:
        """The trained members after n observations; see `Learner.fit`."""
        return fitted(lambda known: self._train(known, rng), read(encoded, self.block), z, repeats)

    def _train(self, known: Observations, rng: Rng) -> Surrogate:
        from archbo.surrogates import networks

        heads = 2 if self.loss == "normal" else 1
        widths = [known.X.shape[1], *[self.width] * self.depth, heads]
        return networks.Ensemble.train(
            known,
            networks.perceptron,
            list(pairwise(widths)),
            rng,
            members=self.members,
            training=networks.Training(self.steps, self.rate, self.decay),
            loss=networks.normal_loss if heads == 2 else networks.percentage_loss,
            scale=self.prior,
            bootstrap=self.bootstrap,
            calibrate=self.calibrate,
            heads=heads,
            block=self.block,
            standardise=True,
        )
