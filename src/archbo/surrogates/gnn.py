"""A graph neural network that reads architectures as labelled directed graphs.

Source: Xu et al. 2019 (https://arxiv.org/abs/1810.00826), equation 4.1, with sums over the vertices
that feed a vertex and over those that it feeds kept apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from archbo.arrays import Array, Float, Rng
from archbo.errors import ProblemError
from archbo.kernels.blocks import Encoded
from archbo.surrogates.base import Surrogate
from archbo.surrogates.observations import (
    Observations,
    fitted,
    read,
    require,
    require_library,
)

if TYPE_CHECKING:
    from torch import Tensor

_HALF = 0.5**0.5  # the sum of two alike keeps its size


@dataclass(frozen=True)
class GraphNeuralNetwork:
    """Settings of an ensemble of graph neural networks. Needs PyTorch.

    Args:
        members: how many networks.
        width: of a vertex's state.
        rounds: of messages along the edges.
        steps: of training, each on all observations.
        rate: of learning, at the start.
        decay: of the weights.
        prior: the scale of a fixed random network that is added to each member, in units of the
            standardised objective; 0 for none.
        bootstrap: whether each member weighs the observations at random.
        calibrate: whether each member leaves out a part of the observations, by which the variance
            is then widened or narrowed; without it, small ensembles are far too sure.
        block: the block of the encoding that it reads, [n v v+l]: the adjacency matrix of each
            graph, the first vertex feeding the second, then its vertices' labels, one-hot.

    Raises:
        ProblemError: if a setting is out of its range.
        MissingExtraError: if PyTorch is not installed.
    """

    members: int = 5
    width: int = 16
    rounds: int = 3
    steps: int = 100
    rate: float = 0.01
    decay: float = 1e-3
    prior: float = 1.0
    bootstrap: bool = False
    calibrate: bool = True
    block: str = "graphs"

    def __post_init__(self) -> None:
        counts = {"members": 1, "width": 1, "rounds": 1, "steps": 1}
        require(self, least={**counts, "decay": 0, "prior": 0}, positive=["rate"])
        require_library(self, "torch", name="PyTorch", extra="torch")

    def fit(
        self,
        encoded: Encoded,
        z: Float[Array, " n"],
        *,
        repeats: Float[Array, " n"],
        rng: Rng,
    ) -> Surrogate:
        """The trained members after n observations; see `Learner.fit`."""
        X = read(encoded, self.block, axes=3)
        if X.shape[2] <= X.shape[1]:
            raise ProblemError(
                f"the block {self.block!r} has the shape {list(X.shape)}, a graph neural network "
                "needs [n v v+l]: adjacency, then labels"
            )
        return fitted(lambda known: self._train(known, rng), X, z, repeats)

    def _train(self, known: Observations, rng: Rng) -> Surrogate:
        from archbo.surrogates import networks

        v, w = known.X.shape[1], self.width
        sizes = [(known.X.shape[2] - v, w), *[(3 * w, w), (w, w)] * self.rounds, (2 * w, w), (w, 2)]
        return networks.Ensemble.train(
            known,
            partial(_forward, vertices=v),
            sizes,
            rng,
            members=self.members,
            training=networks.Training(self.steps, self.rate, self.decay),
            loss=networks.normal_loss,
            scale=self.prior,
            bootstrap=self.bootstrap,
            calibrate=self.calibrate,
            heads=2,
            block=self.block,
            standardise=False,
        )


def _forward(parameters: Sequence[Tensor], x: Tensor, *, vertices: int) -> Tensor:
    """All members' outputs, [n v v+l] to [m n 2]."""
    import torch

    from archbo.surrogates.networks import perceptron

    m, (n, v, _) = len(parameters[0]), x.shape
    edges, labels = x[:, :, :vertices], x[:, :, vertices:]
    present = (labels != 0).any(dim=2) | (edges + edges.transpose(1, 2) != 0).any(dim=2)
    present = present[:, :, None].to(x.dtype)  # [n v 1]
    feeding, fed = _scaled(edges.transpose(1, 2)), _scaled(edges)

    def apply(layer: Sequence[Tensor], h: Tensor) -> Tensor:  # [m n v i] to [m n v o]
        return perceptron(layer, h.reshape(m, n * v, h.shape[3])).reshape(
            m, n, v, layer[-1].shape[2]
        )

    def gather(from_to: Tensor, h: Tensor) -> Tensor:
        return torch.einsum("nuv,mnvw->mnuw", from_to, h)

    h = torch.relu(apply(parameters[:2], labels.expand(m, *labels.shape)))
    for k in range(2, len(parameters) - 4, 4):
        gathered = torch.cat([h, gather(feeding, h), gather(fed, h)], dim=3)  # [m n v 3w]
        h = _HALF * (h + apply(parameters[k : k + 4], gathered)) * present
    mean = h.sum(dim=2) / present.sum(dim=1).clamp(min=1)
    return perceptron(parameters[-4:], torch.cat([mean, h.sum(dim=2) / v], dim=2))


def _scaled(edges: Tensor) -> Tensor:
    """Divided by the root of the degree, so that sums over many vertices keep their size."""
    return edges / edges.sum(dim=2, keepdim=True).clamp(min=1).sqrt()
