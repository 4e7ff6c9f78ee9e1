"""A learned latent space: what a variational autoencoder of graphs makes of architectures."""

from __future__ import annotations

from dataclasses import dataclass

from archbo.arrays import Array, Float
from archbo.encodings.base import Encode
from archbo.encodings.columns import hidden, joined, require_positive, varying
from archbo.encodings.frames import Frame
from archbo.errors import MissingExtraError, ProblemError
from archbo.spaces import CompiledSpace, Rows


@dataclass(frozen=True)
class Latent:
    """The latent means of a variational graph autoencoder, trained on the reference sample.

    No label of any training is used. All cells and chains are one graph to it; decisions that the
    graphs do not show follow, one-hot. It trains on one thread, in seconds, the same each time.
    Needs PyTorch.

    Args:
        dimensions: of the latent space.
        width: of the hidden layers.
        rounds: of messages along the edges.
        epochs: of training.
        spread: weight of the divergence from a normal distribution against the reconstruction.
        seed: of the first weights and of the noise.
        name: of its block.

    Raises:
        ProblemError: if a number is out of its range.
        MissingExtraError: by `prepare`, if PyTorch is not installed.
    Source: Yan et al. 2020 (arch2vec); Lukasik et al. 2021 (SVGe), whose decoder goes step by step
        where this one gives the whole graph in canonical order.
    """

    dimensions: int = 16
    width: int = 64
    rounds: int = 3
    epochs: int = 60
    spread: float = 0.01
    seed: int = 0
    name: str = "latent"

    def __post_init__(self) -> None:
        for name in ("dimensions", "width", "rounds", "epochs"):
            require_positive(name, getattr(self, name))
        if not self.spread > 0:
            raise ProblemError(f"spread must be positive, got {self.spread}", path="encoding")

    def prepare(self, space: CompiledSpace, reference: Rows) -> Encode:
        try:
            from archbo.encodings import autoencoder
        except ImportError as error:
            raise MissingExtraError(
                "the latent encoding needs PyTorch", hint="pip install 'archbo[torch]'"
            ) from error
        frame, beside = Frame.of(space, reference), hidden(space)
        if frame.places == 0:
            return varying(beside, reference)
        adjacency, places = frame.fill(space.graphs(reference), len(reference))
        model = autoencoder.train(
            autoencoder.Shape.of(adjacency, places, frame.kinds),
            adjacency,
            places,
            autoencoder.Training(
                self.dimensions, self.width, self.rounds, self.epochs, self.spread, self.seed
            ),
        )

        def latent(rows: Rows) -> Float[Array, "n d"]:
            return model.embed(*frame.fill(space.graphs(rows), len(rows)))

        return joined([latent, beside])
