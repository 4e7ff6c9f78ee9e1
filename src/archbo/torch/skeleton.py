"""What stands around cells and chains: stem, stages, reductions, head."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from torch import Tensor, nn

from archbo.arrays import Float
from archbo.errors import ProblemError
from archbo.torch.operations import relu_conv_bn
from archbo.torch.wiring import Wiring

Reduction = Literal["plain", "residual"]


class Shape(NamedTuple):
    """Of one image, or its feature maps."""

    channels: int
    height: int
    width: int

    @classmethod
    def of(cls, inputs: Sequence[int]) -> Shape:
        """From three numbers.

        Raises:
            ProblemError: if there are not three.
        """
        if not isinstance(inputs, Sequence) or len(inputs) != 3:
            raise ProblemError(f"expected (channels, height, width), got {inputs!r}", path="inputs")
        return cls(*inputs)


@dataclass(frozen=True)
class Skeleton:
    """The settings of a network around its cells or layers.

    Attributes:
        inputs: channels, height and width of an image.
        classes: how many the head tells apart.
        channels: of the first stage; each reduction doubles them.
        stages: parts of the same resolution; between two of them is a reduction.
        repeats: how often each cell or layer stands in a row.
        reduction: "plain" for an average pool and a 1x1 convolution, "residual" for
            NAS-Bench-201's residual block.

    Raises:
        ProblemError: if a setting makes no sense.
    """

    inputs: Shape
    classes: int
    channels: int
    stages: int
    repeats: int
    reduction: Reduction

    def __post_init__(self) -> None:
        counts = {
            name: getattr(self, name) for name in ("classes", "channels", "stages", "repeats")
        }
        counts |= {f"inputs.{name}": n for name, n in self.inputs._asdict().items()}
        for name, count in counts.items():
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                raise ProblemError(f"expected a whole number from 1, got {count!r}", path=name)
        if self.reduction not in get_args(Reduction):
            raise ProblemError(
                f"expected one of {', '.join(map(repr, get_args(Reduction)))}, "
                f"got {self.reduction!r}",
                path="reduction",
            )

    @property
    def shapes(self) -> list[Shape]:
        """Of the feature maps in each stage; an odd resolution is rounded up when it is halved."""
        _, height, width = self.inputs
        return [
            Shape(self.channels << s, -(-height >> s), -(-width >> s)) for s in range(self.stages)
        ]

    def spread(self, wirings: list[Wiring], *, chain: bool) -> list[list[Wiring]]:
        """The layers of each stage.

        A cell stands in every stage. The layers of a chain are divided among the stages, as evenly
        as can be; the first ones get those that are left over.
        """
        if not chain:
            return [wirings] * self.stages
        fewest, left = divmod(len(wirings), self.stages)
        ends = [(s + 1) * fewest + min(s + 1, left) for s in range(self.stages)]
        return [wirings[a:b] for a, b in zip([0, *ends], ends, strict=False)]

    def assemble(self, bodies: Sequence[nn.Module]) -> Classifier:
        """The network around the body of each stage: [b c h w] to [b classes].

        Source: Dong and Yang 2020 (NAS-Bench-201), section 2.1, with the residual reduction.
        """
        reduce = plain_reduction if self.reduction == "plain" else ResidualReduction
        stages: list[nn.Module] = [bodies[0]]
        for shape, body in zip(self.shapes, bodies[1:], strict=False):
            stages += [reduce(shape.channels), body]
        width = self.shapes[-1].channels
        stem = [
            nn.Conv2d(self.inputs.channels, self.channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(self.channels),
        ]
        head = [
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(width, self.classes),
        ]
        return Classifier(
            self.inputs, nn.Sequential(*stem), nn.Sequential(*stages), nn.Sequential(*head)
        )


class Classifier(nn.Sequential):
    """Stem, body and head, one after another: [b c h w] to [b classes].

    Attributes:
        inputs: channels, height and width of the images that it is for.
    """

    def __init__(self, inputs: Shape, stem: nn.Module, body: nn.Module, head: nn.Module) -> None:
        super().__init__(OrderedDict(stem=stem, body=body, head=head))
        self.inputs = inputs


def plain_reduction(channels: int) -> nn.Module:
    """Half the resolution, twice the channels: nothing that could do a cell's work."""
    return nn.Sequential(
        nn.AvgPool2d(2, ceil_mode=True),
        nn.Conv2d(channels, 2 * channels, 1, bias=False),
        nn.BatchNorm2d(2 * channels),
    )


class ResidualReduction(nn.Module):
    """Half the resolution, twice the channels: two 3x3 convolutions and a shortcut.

    Source: NAS-Bench-201's ResNetBasicblock with stride 2.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(2 * channels),
            *relu_conv_bn(3, 2 * channels).children(),
        )
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, ceil_mode=True),
            nn.Conv2d(channels, 2 * channels, 1, bias=False),
        )

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        total: Tensor = self.shortcut(x) + self.convolutions(x)
        return total
