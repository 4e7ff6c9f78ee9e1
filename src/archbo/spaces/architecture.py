"""One architecture: an immutable, hashable mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from archbo.errors import ArchitectureError, nearest
from archbo.graphs.labelled import LabelledGraph, side_by_side
from archbo.spaces.decisions import Choice
from archbo.spaces.part import Part

if TYPE_CHECKING:
    from archbo.spaces.compiled import Rows


class Architecture(Mapping[str, Any]):
    """A member of a space. Equal if the space and the plain value are equal; see also `id`.

    Made by `space.architecture(value)` and the space's moves, not by hand.

    Attributes:
        space: the space it is a member of.
        numbers: its row in the compiled space, 0 where a decision is inactive.
    """

    space: Part
    numbers: tuple[float, ...]

    def __init__(self, space: Part, numbers: tuple[float, ...]) -> None:
        object.__setattr__(self, "space", space)
        object.__setattr__(self, "numbers", numbers)

    @property
    def value(self) -> Any:
        """The plain value: the form in which users write and read an architecture.

        A copy each time, so that a change to it does not reach the architecture.
        """
        return self.space.decode(self.numbers)

    @cached_property
    def rows(self) -> Rows:
        """The architecture as a batch of one row."""
        return self.space.compiled.encode([self])

    @cached_property
    def id(self) -> str:
        """The canonical identity: equal for two architectures that are the same network."""
        return self.space.compiled.ids(self.rows)[0]

    @cached_property
    def graph(self) -> LabelledGraph:
        """Its cells and chains as graphs, each in a group named by its path."""
        compiled = self.space.compiled
        active = self.rows.active[0]
        found = {}
        for block in compiled.blocks:
            structure = compiled.structures.get(block.path)
            if structure is not None and active[block.start]:
                name = block.path.removeprefix("space").removeprefix(".")
                found[name] = structure.labelled(
                    self.numbers[block.columns], active[block.columns].tolist()
                )
        return side_by_side(found)

    def part(self, name: str) -> Architecture:
        """One named part as an architecture of its own.

        Raises:
            ArchitectureError: if there is no such part, or it is not active here.
        """
        if name not in self._children:
            raise ArchitectureError(f"no part {name!r}", hint=nearest(name, self._children))
        at, inner = self._children[name]
        if not self.rows.active[0, at]:
            raise ArchitectureError(f"part {name!r} is not active here, {self!r}")
        return Architecture(inner, self.numbers[at : at + inner.width])

    def to_dict(self) -> Any:
        """The plain value in JSON form; `space.architecture` reads it back."""
        return _as_json(self.value)

    @cached_property
    def _children(self) -> dict[str, tuple[int, Part]]:
        """The parts inside, and where their numbers start."""
        return {name: (at, part) for name, at, part in self.space.children()}

    def _named(self) -> Mapping[str, Any]:
        """The plain value by name; empty where it has no names."""
        value = self.value
        return value if isinstance(value, Mapping) else {}

    def __getitem__(self, name: str) -> Any:
        named = self._named()
        if name in named:
            inner = named[name]
            if isinstance(inner, Mapping) and self._children[name][1].children():
                return self.part(name)
            return inner
        if isinstance(self.space, Choice) and named:
            # what the chosen option brings can be read without naming the option
            (option,) = named
            return self.part(option)[name]
        error = KeyError(name)
        error.add_note(nearest(str(name), named) or "This architecture has no names to read by.")
        raise error

    def __iter__(self) -> Iterator[str]:
        return iter(self._named())

    def __len__(self) -> int:
        return len(self._named())

    def __bool__(self) -> bool:
        return True  # also one without names to read by, such as a cell

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Architecture):
            return self.numbers == other.numbers and self.space == other.space
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self.numbers)

    def __repr__(self) -> str:
        return f"Architecture({_readable(self.value)})"

    def _repr_svg_(self) -> str:
        return self.graph._repr_svg_()

    def _repr_html_(self) -> str:
        """In a notebook: one line, and under it the drawing of its graphs, if it has any."""
        drawn = self._repr_svg_() if self.graph.labels else ""
        return f"<div><code>{escape(_readable(self.value))}</code></div>{drawn}"

    def __getstate__(self) -> dict[str, Any]:
        return {"space": self.space, "numbers": self.numbers}

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"an architecture does not change; cannot set {name!r}")


def _as_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _as_json(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(inner) for inner in value]
    return value


def _readable(value: Any) -> str:
    """A plain value in one line.

    >>> _readable({"cell": [(0, 1, "conv")], "lr": 0.012345})
    'cell=[0→1 conv], lr=0.0123'
    """
    if isinstance(value, Mapping):
        return ", ".join(
            f"{k}=({_readable(v)})" if isinstance(v, Mapping) else f"{k}={_readable(v)}"
            for k, v in value.items()
        )
    if isinstance(value, list):
        return f"[{', '.join(_readable(v) for v in value)}]"
    if isinstance(value, tuple) and len(value) == 3 and isinstance(value[2], str):
        return f"{value[0]}→{value[1]} {value[2]}"
    if isinstance(value, tuple) and len(value) == 2:
        return f"{value[0]}→{value[1]}"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
