"""The operations that cells and chains are made of, by name.

An operation maps [b c h w] to [b c h w]: it keeps the channels and the resolution. A name such as
`conv(kernel)` stands for all operations `conv(3)`, `conv(5)`, …, as a grammar derives them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from archbo.arrays import Float
from archbo.errors import ArchitectureError, ProblemError, nearest
from archbo.spaces.grammars.terms import Term, read

Factory = Callable[..., nn.Module]
"""Makes an operation's module for a number of channels, and for the parameters that it has."""


class Zero(nn.Module):
    """Zeros: what `none` is where an operation is required."""

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return x * 0


class Operations(Mapping[str, Factory]):
    """Factories of operations by name: a value, extended by making a new one.

    >>> more = OPERATIONS.with_(conv_7x7=lambda c: nn.Conv2d(c, c, 7, padding=3))
    >>> "conv_7x7" in more, "conv_7x7" in OPERATIONS
    (True, False)
    >>> more = more.with_({"drop(p)": lambda channels, p: nn.Dropout(p)})
    >>> more.find("drop(0.2)", "space")(8)
    Dropout(p=0.2, inplace=False)
    """

    def __init__(self, factories: Mapping[str, Factory]) -> None:
        for name, factory in factories.items():
            if not callable(factory):
                raise ProblemError(
                    f"an operation is a function that makes a module, got {factory!r}",
                    path=f"operations.{name}",
                    hint="Write lambda channels: MyModule(channels).",
                )
        self._factories = dict(factories)
        self._families = {_family(name): name for name in factories if "(" in name}

    def with_(self, named: Mapping[str, Factory] | None = None, /, **more: Factory) -> Operations:
        """These operations and more; a known name is replaced.

        Args:
            named: those whose names are no Python identifiers.
            more: the others, each a function of the number of channels. That of a name with
                parameters, such as "conv(kernel)", is given these, too: as numbers, where they are.
        """
        return Operations({**self._factories, **(named or {}), **more})

    def find(self, name: str, path: str) -> Factory:
        """The factory of an operation.

        Raises:
            ArchitectureError: naming the path, if there is none of this name.
        """
        factory = self._factories.get(name)
        if factory is None and "(" in name:
            term = read(name, ArchitectureError, path)
            family = self._families.get((term.name, len(term.args)))
            if family is not None:
                return _Applied(self._factories[family], tuple(map(_parameter, term.args)))
        if factory is None:
            raise ArchitectureError(
                f"no module is known for operation {name!r}",
                path=path,
                hint=f"{nearest(name, self)} Add one: operations=OPERATIONS.with_(…).",
            )
        return factory

    def __getitem__(self, name: str) -> Factory:
        return self._factories[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._factories)

    def __len__(self) -> int:
        return len(self._factories)

    def __repr__(self) -> str:
        return f"Operations({', '.join(self)})"


@dataclass(frozen=True)
class _Applied:
    """A factory with its parameters: equal if these are."""

    factory: Factory
    parameters: tuple[int | float | str, ...]

    def __call__(self, channels: int) -> nn.Module:
        return self.factory(channels, *self.parameters)


def _family(name: str) -> tuple[str, int]:
    """What all operations have in common that a name such as `conv(kernel)` stands for.

    Raises:
        ProblemError: if it is no such name.
    """
    try:
        term = read(name, ArchitectureError, "")
    except ArchitectureError as error:
        raise ProblemError(str(error), path=f"operations.{name}") from None
    return term.name, len(term.args)


def _parameter(term: Term) -> int | float | str:
    """A parameter as a number, where it is one."""
    text = str(term)
    for number in (int, float):
        with suppress(ValueError):
            return number(text)
    return text


def relu_conv_bn(kernel: int, channels: int) -> nn.Module:
    """ReLU, convolution, batch normalization. Source: NAS-Bench-201's ReLUConvBN."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(channels),
    )


def conv_bn_relu(kernel: int, channels: int) -> nn.Module:
    """Convolution, batch normalization, ReLU. Source: NAS-Bench-101's conv_bn_relu."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
    )


def separable_conv(kernel: int, channels: int) -> nn.Module:
    """ReLU, depthwise and pointwise convolution, batch normalization, twice. Source: DARTS."""
    return nn.Sequential(*_depthwise(kernel, channels, 1), *_depthwise(kernel, channels, 1))


def dilated_conv(kernel: int, channels: int) -> nn.Module:
    """ReLU, dilated depthwise and pointwise convolution, batch normalization. Source: DARTS."""
    return nn.Sequential(*_depthwise(kernel, channels, 2))


def _depthwise(kernel: int, channels: int, dilation: int) -> list[nn.Module]:
    padding = dilation * (kernel // 2)
    return [
        nn.ReLU(),
        nn.Conv2d(
            channels,
            channels,
            kernel,
            padding=padding,
            dilation=dilation,
            groups=channels,
            bias=False,
        ),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    ]


def _zero(channels: int) -> nn.Module:  # noqa: ARG001 - a factory takes the channels
    return Zero()


def _identity(channels: int) -> nn.Module:  # noqa: ARG001 - a factory takes the channels
    return nn.Identity()


def _average_pool(channels: int, kernel: int = 3) -> nn.Module:  # noqa: ARG001 - as above
    return nn.AvgPool2d(kernel, stride=1, padding=kernel // 2, count_include_pad=False)


def _max_pool(channels: int, kernel: int = 3) -> nn.Module:  # noqa: ARG001 - as above
    return nn.MaxPool2d(kernel, stride=1, padding=kernel // 2)


def _with_kernel(make: Callable[[int, int], nn.Module]) -> Factory:
    return lambda channels, kernel: make(kernel, channels)


OPERATIONS = Operations(
    {
        "none": _zero,
        "skip_connect": _identity,
        "identity": _identity,
        "conv_1x1": partial(relu_conv_bn, 1),
        "conv_3x3": partial(relu_conv_bn, 3),
        "conv_5x5": partial(relu_conv_bn, 5),
        "nor_conv_1x1": partial(relu_conv_bn, 1),
        "nor_conv_3x3": partial(relu_conv_bn, 3),
        "sep_conv_3x3": partial(separable_conv, 3),
        "sep_conv_5x5": partial(separable_conv, 5),
        "dil_conv_3x3": partial(dilated_conv, 3),
        "dil_conv_5x5": partial(dilated_conv, 5),
        "avg_pool_3x3": _average_pool,
        "max_pool_3x3": _max_pool,
        "conv1x1-bn-relu": partial(conv_bn_relu, 1),
        "conv3x3-bn-relu": partial(conv_bn_relu, 3),
        "maxpool3x3": _max_pool,
        "conv(kernel)": _with_kernel(relu_conv_bn),
        "sep_conv(kernel)": _with_kernel(separable_conv),
        "dil_conv(kernel)": _with_kernel(dilated_conv),
        "avg_pool(kernel)": _average_pool,
        "max_pool(kernel)": _max_pool,
    }
)
"""The names of NAS-Bench-201, NAS-Bench-101 and DARTS, and families of any odd kernel."""
