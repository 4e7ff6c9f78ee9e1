"""Single decisions among options: Choice, Bool."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from archbo.errors import ArchitectureError, SpaceError, nearest
from archbo.spaces.part import (
    INACTIVE,
    Condition,
    Decision,
    Part,
    check_decisions,
    is_finite,
    listed,
    plain,
    shown,
)
from archbo.spaces.prior import check_weights, normalised


@dataclass(frozen=True, init=False, eq=False)
class Choice(Part):
    """One of several options; an option may bring decisions of its own.

    Args:
        options: strings, numbers, booleans, None or lists of them; or names with the part that
            each brings, None for nothing.
        prior: how likely each option is the right one, before any training: positive weights.

    >>> from archbo.spaces import Int
    >>> head = Choice({"linear": None, "mlp": Int(16, 64)})
    >>> head.architecture({"mlp": 32}).value
    {'mlp': 32}
    """

    options: tuple[Any, ...]
    parts: tuple[Part | None, ...]
    prior: tuple[float, ...] | None

    def __init__(
        self,
        options: Sequence[Any] | Mapping[str, Part | None],
        prior: Sequence[float] | None = None,
    ) -> None:
        parts: tuple[Part | None, ...] = ()
        names = options
        if isinstance(options, Mapping):
            names, parts = list(options), tuple(options.values())
        names = listed(names)
        if isinstance(names, tuple):
            names = tuple(_frozen(name) for name in names)
            parts = parts or (None,) * len(names)
        object.__setattr__(self, "options", names)
        object.__setattr__(self, "parts", parts)
        object.__setattr__(self, "prior", None if prior is None else listed(prior))

    def check(self, path: str) -> None:
        if not isinstance(self.options, tuple):
            raise SpaceError(
                f"options are a list, or names with their parts, got {shown(self.options)}",
                path=path,
                hint='Write Choice(["a", "b"]) or Choice({"a": part, "b": None}).',
            )
        if not self.options:
            raise SpaceError("a choice needs at least one option, got none", path=path)
        seen: set[str] = set()
        found, named = 1, not self._is_plain
        for option, part in zip(self.options, self.parts, strict=True):
            self._check_option(option, path, named=named)
            if _key(option) in seen:
                raise SpaceError(
                    f"duplicate option {option!r}", path=path, hint="Give each option once."
                )
            seen.add(_key(option))
            if isinstance(part, Part):
                part.check(f"{path}.{option}")
                found += part.width
                check_decisions(found, path)
            elif part is not None:
                raise SpaceError(
                    f"an option brings a part or None, got {shown(part)}", path=f"{path}.{option}"
                )
        check_weights(self.prior, len(self.options), path)

    def _check_option(self, option: Any, path: str, *, named: bool) -> None:
        if not _is_option(option):
            raise SpaceError(
                "an option is a string, finite number, boolean, None or a list of them, "
                f"got {shown(option)}",
                path=path,
                hint='Name it: Choice({"name": part}).' if isinstance(option, Part) else "",
            )
        if named and not isinstance(option, str):
            # JSON has only strings as keys
            raise SpaceError(
                f"options that bring parts are named by strings, got {option!r}",
                path=path,
                hint=f'Name it "{option}".',
            )

    @property
    def _is_plain(self) -> bool:
        """Whether no option brings decisions."""
        return all(part is None for part in self.parts)

    def decisions(self, path: str, at: int, when: Condition | None) -> list[Decision]:
        prior = () if self.prior is None else normalised(self.prior)
        found = [Decision.categorical(path, len(self.options), when, prior=prior)]
        for k, (option, part) in enumerate(zip(self.options, self.parts, strict=True)):
            if part is not None:
                found += part.decisions(
                    f"{path}.{option}", at + len(found), Condition(at, float(k), float(k))
                )
        return found

    @cached_property
    def _children(self) -> list[tuple[str, int, Part]]:
        found, at = [], 1
        for option, part in zip(self.options, self.parts, strict=True):
            if part is not None:
                found.append((str(option), at, part))
                at += part.width
        return found

    def children(self) -> list[tuple[str, int, Part]]:
        return self._children

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {_key(option): k for k, option in enumerate(self.options)}

    def encode(self, value: Any, path: str) -> list[float]:
        name, inner = value, None
        if isinstance(value, Mapping):
            if len(value) != 1:
                raise ArchitectureError(
                    f'expected one option with its part, such as {{"{self.options[0]}": …}}, '
                    f"got {sorted(map(str, value))}",
                    path=path,
                )
            name, inner = next(iter(value.items()))
        name = _frozen(name)
        chosen = self._positions.get(_key(name)) if _is_option(name) else None
        if chosen is None:
            names = [str(o) for o in self.options]
            raise ArchitectureError(
                f"no option {shown(name)}", path=path, hint=nearest(str(name), names)
            )
        part = self.parts[chosen]
        if part is None and inner is not None:
            raise ArchitectureError(
                f"option {name!r} brings no decisions, got {shown(inner)}",
                path=path,
                hint=f"Write {name!r} alone.",
            )
        if part is not None and not isinstance(value, Mapping):
            raise ArchitectureError(
                f"option {name!r} needs its decisions", path=path, hint=f'Write {{"{name}": …}}.'
            )
        numbers = [INACTIVE] * self.width
        numbers[0] = float(chosen)
        for option, at, other in self.children():
            if other is part and option == name:
                numbers[at : at + other.width] = other.encode(inner, f"{path}.{option}")
        return numbers

    def decode(self, numbers: Sequence[float]) -> Any:
        chosen = self.options[int(numbers[0])]
        if self.parts[int(numbers[0])] is None:
            return chosen
        ((at, part),) = [(at, part) for name, at, part in self.children() if name == chosen]
        return {chosen: part.decode(numbers[at : at + part.width])}

    def count(self) -> int | None:
        sizes = [1 if part is None else part.count() for part in self.parts]
        return None if None in sizes else sum(s for s in sizes if s is not None)

    def to_dict(self) -> dict[str, Any]:
        options = _as_json(self.options)
        if not self._is_plain:
            parts = [None if part is None else part.to_dict() for part in self.parts]
            options = dict(zip(self.options, parts, strict=True))
        found = {"kind": "Choice", "options": options}
        return found if self.prior is None else found | {"prior": list(self.prior)}

    def __repr__(self) -> str:
        options: Any = self.options
        if isinstance(self.options, tuple):
            options = list(self.options)
            if not self._is_plain:
                options = dict(zip(self.options, self.parts, strict=True))
        prior = "" if self.prior is None else f", prior={self.prior!r}"
        return f"Choice({options!r}{prior})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Choice):
            return NotImplemented
        # by their text: 1, 1.0 and True are equal in Python, yet different options
        same = repr(self.options) == repr(other.options) and self.parts == other.parts
        return same and self.prior == other.prior

    def __hash__(self) -> int:
        return hash((repr(self.options), self.parts, self.prior))


def _frozen(option: Any) -> Any:
    """An option without lists and NumPy scalars inside."""
    if isinstance(option, (list, tuple)):
        return tuple(_frozen(item) for item in option)
    return plain(option)


def _is_option(option: Any) -> bool:
    if isinstance(option, tuple):
        return all(_is_option(item) for item in option)
    return option is None or isinstance(option, (str, bool)) or is_finite(option)


def _key(option: Any) -> str:
    """Equal for options that stand for the same: 1 and 1.0 do, 1 and True do not."""
    if isinstance(option, float) and option.is_integer():
        return json.dumps(int(option))
    if isinstance(option, tuple):
        return f"[{', '.join(_key(item) for item in option)}]"
    return json.dumps(option)


def _as_json(option: Any) -> Any:
    return [_as_json(item) for item in option] if isinstance(option, tuple) else option


@dataclass(frozen=True, repr=False)
class Bool(Part):
    """Yes or no.

    Args:
        prior: how likely True is the right answer, before any training, between 0 and 1.

    >>> Bool().architecture(True).value
    True
    """

    prior: float | None = None

    def check(self, path: str) -> None:
        if self.prior is not None and not (is_finite(self.prior) and 0 < self.prior < 1):
            raise SpaceError(
                f"a prior is a probability between 0 and 1, both excluded, got {shown(self.prior)}",
                path=path,
            )

    def decisions(self, path: str, at: int, when: Condition | None) -> list[Decision]:  # noqa: ARG002 - no decision depends on another
        prior = () if self.prior is None else (1 - self.prior, float(self.prior))
        return [Decision.categorical(path, 2, when, prior=prior)]

    def encode(self, value: Any, path: str) -> list[float]:
        value = plain(value)
        if not isinstance(value, bool):
            raise ArchitectureError(f"expected True or False, got {shown(value)}", path=path)
        return [float(value)]

    def decode(self, numbers: Sequence[float]) -> bool:
        return bool(numbers[0])

    def count(self) -> int:
        return 2

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "Bool"} if self.prior is None else {"kind": "Bool", "prior": self.prior}

    def __repr__(self) -> str:
        return "Bool()" if self.prior is None else f"Bool(prior={self.prior!r})"
