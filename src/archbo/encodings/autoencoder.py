"""A variational autoencoder of labelled graphs. Needs PyTorch, which draws nothing here.

Notation: n graphs, v places, l labels, d latent dimensions, e pairs of places, s places.
    adjacency  [n v v]  as a `Frame` fills it: how many times the first place feeds the second
    places     [n v]    the position of each label, -1 where there is no vertex
The encoder passes messages along the edges, both ways; the decoder is a perceptron that says which
of the pairs that are linked anywhere are linked, and what stands on each place where it differs.
Source: Kingma and Welling 2014; Xu et al. 2019 (https://arxiv.org/abs/1810.00826), equation 4.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from archbo.arrays import Array, Bool, Float, Int, Rng, stream
from archbo.encodings.columns import rounded

_BATCH = 64
_RATE = 3e-3  # of learning, falling to 0 as a cosine
_CHUNK = 2048  # graphs that are embedded at a time, so that memory stays small


@dataclass(frozen=True)
class Shape:
    """What there is to reconstruct.

    Attributes:
        kinds: how many labels there are.
        pairs: [e 2] the pairs of places that some graphs link and others do not.
        open: [s] the places whose label differs from graph to graph.
    """

    kinds: int
    pairs: Int[Array, "e 2"]
    open: Int[Array, " s"]

    @classmethod
    def of(cls, adjacency: Int[Array, "n v v"], places: Int[Array, "n v"], kinds: int) -> Shape:
        """From graphs."""
        linked = adjacency > 0
        pairs = np.argwhere(linked.any(axis=0) & ~linked.all(axis=0))
        differing = (places != places[:1]).any(axis=0)
        return cls(kinds, pairs, np.flatnonzero(differing))


@dataclass(frozen=True)
class Training:
    """See `Latent`."""

    dimensions: int
    width: int
    rounds: int
    epochs: int
    spread: float
    seed: int


@dataclass(frozen=True)
class Autoencoder:
    """A trained one.

    Attributes:
        shape: what it reconstructs.
        rounds: of messages.
        parameters: weights and biases of each layer, the encoder's first.
    """

    shape: Shape
    rounds: int
    parameters: Sequence[Tensor]

    def embed(
        self, adjacency: Int[Array, "n v v"], places: Int[Array, "n v"]
    ) -> Float[Array, "n d"]:
        """The latent means of graphs."""
        found = []
        with one_torch_thread(), torch.no_grad():
            for at in range(0, max(1, len(places)), _CHUNK):
                chunk = slice(at, at + _CHUNK)
                graphs = _tensors(adjacency[chunk], places[chunk], self.shape, torch.float64)
                found.append(self.encode(*graphs)[0].numpy())
        return rounded(np.concatenate(found))

    def reconstruct(
        self, latent: Float[Array, "n d"]
    ) -> tuple[Bool[Array, "n e"], Int[Array, "n s"]]:
        """The likeliest graphs: which pairs are linked, and the label of each open place."""
        with one_torch_thread(), torch.no_grad():
            edges, labels = self.decode(torch.tensor(latent))
        return edges.numpy() > 0, labels.numpy().argmax(axis=2) - 1

    def encode(self, edges: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the latent distribution, [n d] each."""
        p = self.parameters
        present = labels.any(dim=2, keepdim=True).to(labels.dtype)
        fed = edges / edges.sum(dim=2, keepdim=True).clamp(min=1).sqrt()
        feeding = edges.transpose(1, 2)
        feeding = feeding / feeding.sum(dim=2, keepdim=True).clamp(min=1).sqrt()
        h = _perceptron(p[:2], labels).relu()
        for k in range(2, 2 + 4 * self.rounds, 4):
            gathered = torch.cat([h, feeding @ h, fed @ h], dim=2)
            h = (h + _perceptron(p[k : k + 4], gathered)) * present
        k = 2 + 4 * self.rounds
        moments = _perceptron(p[k : k + 4], h.sum(dim=1) / h.shape[1] ** 0.5)
        mean, log_variance = moments.chunk(2, dim=1)
        return mean, log_variance

    def decode(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the pairs [n e] and of the open places' labels [n s l+1], absence first."""
        e, s = len(self.shape.pairs), len(self.shape.open)
        found = _perceptron(self.parameters[-6:], latent)
        return found[:, :e], found[:, e:].reshape(len(found), s, self.shape.kinds + 1)


def train(
    shape: Shape,
    adjacency: Int[Array, "n v v"],
    places: Int[Array, "n v"],
    training: Training,
) -> Autoencoder:
    """An autoencoder of these graphs; a function of the arguments alone."""
    rng = stream(training.seed, "autoencoder")
    w, d = training.width, training.dimensions
    outputs = len(shape.pairs) + len(shape.open) * (shape.kinds + 1)
    sizes = [(shape.kinds, w), *[(3 * w, w), (w, w)] * training.rounds, (w, w), (w, 2 * d)]
    sizes += [(d, w), (w, w), (w, outputs)]
    with one_torch_thread(), torch.enable_grad():
        model = Autoencoder(shape, training.rounds, _layers(rng, sizes))
        graphs = _tensors(adjacency, places, shape, torch.float32)
        linked = graphs[0][:, shape.pairs[:, 0], shape.pairs[:, 1]].clamp(max=1)
        labels = torch.tensor(places[:, shape.open] + 1)
        optimizer = torch.optim.Adam(model.parameters, lr=_RATE)
        steps = training.epochs * -(-len(places) // _BATCH)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps))
        for batch in _batches(rng, len(places), training.epochs):
            mean, log_variance = model.encode(graphs[0][batch], graphs[1][batch])
            noise = torch.tensor(rng.standard_normal(mean.shape), dtype=mean.dtype)
            edges, kinds = model.decode(mean + noise * (log_variance / 2).exp())
            loss = functional.binary_cross_entropy_with_logits(
                edges, linked[batch], reduction="sum"
            ) + functional.cross_entropy(
                kinds.flatten(0, 1), labels[batch].flatten(), reduction="sum"
            )
            divergence = (mean**2 + log_variance.exp() - log_variance - 1).sum() / 2
            optimizer.zero_grad()
            torch.autograd.backward((loss + training.spread * divergence) / len(batch))
            optimizer.step()
            schedule.step()
    return Autoencoder(shape, training.rounds, [p.detach().double() for p in model.parameters])


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """PyTorch on one thread: so small tensors gain nothing, and sums keep their order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _batches(rng: Rng, n: int, epochs: int) -> Iterator[Tensor]:
    for _ in range(epochs):
        order = torch.tensor(rng.permutation(n))
        for at in range(0, n, _BATCH):
            yield order[at : at + _BATCH]


def _layers(rng: Rng, sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
    """Weights and biases of layers with so many inputs and outputs (He et al. 2015)."""
    found = []
    for inputs, outputs in sizes:
        found.append((2 / max(1, inputs)) ** 0.5 * rng.standard_normal((inputs, outputs)))
        found.append(np.zeros(outputs))
    return [torch.tensor(x, dtype=torch.float32, requires_grad=True) for x in found]


def _perceptron(parameters: Sequence[Tensor], x: Tensor) -> Tensor:
    for k in range(0, len(parameters), 2):
        x = x @ parameters[k] + parameters[k + 1]
        if k + 2 < len(parameters):
            x = x.relu()
    return x


def _tensors(
    adjacency: Array, places: Array, shape: Shape, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Edges [n v v] and one-hot labels [n v l]."""
    hot = places[:, :, None] == np.arange(shape.kinds)
    return torch.tensor(adjacency).to(dtype), torch.tensor(hot).to(dtype)
