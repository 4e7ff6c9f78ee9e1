"""The rules of a grammar: read, checked, and how deep each derivation is.

The depth of a derivation is the number of rules applied one inside the other, the start included.
For the parameters of an operation it is counted anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from itertools import chain
from typing import Any, TypeVar

from archbo.errors import SpaceError, nearest
from archbo.spaces.grammars.combinators import (
    DEFINE,
    PARALLEL,
    SERIES,
    Combinator,
    check_joints,
    check_length,
    read_combinators,
)
from archbo.spaces.grammars.terms import Term, read
from archbo.spaces.part import shown


@dataclass(frozen=True)
class Rules:
    """Checked rules.

    Attributes:
        start: the rule that every derivation begins with.
        productions: the bodies of each rule, in order.
        combinators: by name.
        max_depth: no derivation is deeper.
    """

    start: str
    productions: Mapping[str, tuple[Term, ...]]
    combinators: Mapping[str, Combinator]
    max_depth: int

    def is_rule(self, term: Term) -> bool:
        """Whether a term is replaced by what a rule derives."""
        return term.name in self.productions

    def is_joint(self, term: Term) -> bool:
        """Whether a term joins networks; what is neither joint nor rule is an operation."""
        return term.name in (SERIES, PARALLEL) or term.name in self.combinators

    def names_in(self, body: Term) -> list[str]:
        """The rules that a body refers to, as often as it does."""
        return [term.name for term in body.walk() if self.is_rule(term)]

    @cached_property
    def networks(self) -> frozenset[str]:
        """The rules that derive networks; all others derive parameters of operations."""
        return frozenset(
            closure({self.start}, lambda name: chain(*map(self._joined_in, self.productions[name])))
        )

    def _joined_in(self, body: Term) -> list[str]:
        """The rules that a body refers to outside of operations."""
        if self.is_rule(body):
            return [body.name]
        return [n for arg in body.args for n in self._joined_in(arg)] if self.is_joint(body) else []

    def counted(self, name: str, body: Term) -> list[str]:
        """The rules in a body of a rule that are one deeper: parameters of operations are not."""
        return self._joined_in(body) if name in self.networks else self.names_in(body)

    @cached_property
    def ending(self) -> set[str]:
        """The rules with derivations that end at all."""
        found: set[str] = set()
        while more := {
            name
            for name, bodies in self.productions.items()
            if name not in found and any(found.issuperset(self.names_in(body)) for body in bodies)
        }:
            found |= more
        return found

    @cached_property
    def least(self) -> dict[str, int]:
        """The depth of the shallowest derivation of each rule that ends."""
        found: dict[str, int] = {}
        for depth in range(1, len(self.productions) + 1):
            found |= {
                name: depth
                for name in self.ending - found.keys()
                if any(
                    self.ending.issuperset(self.names_in(body))
                    and found.keys() >= set(self.counted(name, body))
                    for body in self.productions[name]
                )
            }
        return found

    def needs(self, name: str, body: Term) -> int:
        """How much depth a body of a rule needs below the rule."""
        return max((self.least[inner] for inner in self.counted(name, body)), default=0)

    def offered(self, name: str, depth: int) -> list[Term]:
        """The bodies of a rule with derivations that end within a depth, the rule included."""
        return [
            body
            for body in self.productions[name]
            if self.needs(name, body) < depth
            and all(self.least[inner] <= self.max_depth for inner in self.names_in(body))
        ]

    def tallest(self, name: str, depth: int) -> int:
        """The depth of a rule's deepest derivation within a depth."""
        if (name, depth) not in self._tallest:
            inner = (n for b in self.offered(name, depth) for n in self.counted(name, b))
            self._tallest[name, depth] = 1 + max(
                (self.tallest(n, depth - 1) for n in inner), default=0
            )
        return self._tallest[name, depth]

    @cached_property
    def _tallest(self) -> dict[tuple[str, int], int]:
        return {}

    @cached_property
    def reached(self) -> set[tuple[str, int]]:
        """Each rule with each depth that may be left where it is applied."""

        def inner(applied: tuple[str, int]) -> Iterator[tuple[str, int]]:
            name, depth = applied
            for body in self.offered(name, depth):
                counted = self.counted(name, body)
                for other in self.names_in(body):
                    yield other, depth - 1 if other in counted else self.max_depth

        fits = self.least[self.start] <= self.max_depth
        return closure({(self.start, self.max_depth)} if fits else set(), inner)


_T = TypeVar("_T")


def closure(start: set[_T], following: Callable[[_T], Iterable[_T]]) -> set[_T]:
    """All that some lead on to, themselves included."""
    found, going = set(start), set(start)
    while going:
        going = {new for old in going for new in following(old)} - found
        found |= going
    return found


def read_rules(start: Any, rules: Any, max_depth: int, combinators: Any) -> Rules:
    """Read and check all rules.

    Args:
        start: a rule's name.
        rules: names with the texts of their productions.
        max_depth: no derivation is deeper.
        combinators: heads such as `residual(x)` with the texts of their bodies.

    Raises:
        SpaceError: if they make no sense; its path begins with `space`.
    """
    if not isinstance(rules, tuple) or not rules:
        raise SpaceError(
            f'rules are {{"name": ["production", …], …}}, got {shown(rules)}', path="space"
        )
    productions = dict(_read_rule(name, texts) for name, texts in rules)
    found = Rules(start, productions, read_combinators(combinators, productions), max_depth)
    if not isinstance(start, str) or start not in productions:
        raise SpaceError(
            f"start={shown(start)} is no rule", path="space", hint=nearest(str(start), productions)
        )
    for name, bodies in productions.items():
        for k, body in enumerate(bodies):
            _check_rules_in(found, body, f"space.{name}[{k}]")
            check_joints(body, found.combinators, f"space.{name}[{k}]")
            check_length(body, found.combinators, f"space.{name}[{k}]")
    _check_reached(found)
    _check_parameters(found)
    _check_ends(found)
    _check_rings(found)
    _check_depth(found)
    return found


def _read_rule(name: Any, texts: Any) -> tuple[str, tuple[Term, ...]]:
    if not isinstance(name, str) or read(name, SpaceError, "space").args:
        raise SpaceError(f"a rule has a plain name, got {shown(name)}", path="space")
    path = f"space.{name}"
    if name in (SERIES, PARALLEL):
        raise SpaceError(f"{name!r} joins networks, it cannot be a rule", path=path)
    if not isinstance(texts, tuple) or not texts:
        raise SpaceError(
            f"a rule needs a list of productions, got {shown(texts)}",
            path=path,
            hint=f'Write "{name}": ["…", …].',
        )
    bodies: list[Term] = []
    for k, text in enumerate(texts):
        if not isinstance(text, str):
            raise SpaceError(f"a production is a text, got {shown(text)}", path=f"{path}[{k}]")
        body = read(text, SpaceError, f"{path}[{k}]")
        if body in bodies:
            raise SpaceError(f"duplicate production {str(body)!r}", path=f"{path}[{k}]")
        bodies.append(body)
    return name, tuple(bodies)


def _check_rules_in(rules: Rules, body: Term, path: str) -> None:
    for term in body.walk():
        if rules.is_rule(term) and term.args:
            raise SpaceError(
                f"{term.name!r} is a rule, it is applied to nothing, got {str(term)!r}", path=path
            )


def _check_parameters(rules: Rules) -> None:
    """What derives networks is no parameter of an operation, and what is one joins nothing."""
    for name in rules.productions:
        for k, body in enumerate(rules.productions[name]):
            path = f"space.{name}[{k}]"
            for term in body.walk():
                if rules.is_rule(term) or rules.is_joint(term):
                    continue
                for parameter in sorted({n for arg in term.args for n in rules.names_in(arg)}):
                    if parameter in rules.networks:
                        raise SpaceError(
                            f"{parameter!r} derives networks, it is no parameter of {term.name!r}",
                            path=path,
                            hint=DEFINE.format(term.name),
                        )
            if name not in rules.networks and any(map(rules.is_joint, body.walk())):
                raise SpaceError(f"a parameter joins no networks, got {str(body)!r}", path=path)


def _check_reached(rules: Rules) -> None:
    reached = closure(
        {rules.start}, lambda name: (n for b in rules.productions[name] for n in rules.names_in(b))
    )
    terminals = {
        term.name
        for name in reached
        for body in rules.productions[name]
        for term in body.walk()
        if not rules.is_rule(term) and not rules.is_joint(term)
    }
    for name in rules.productions:
        if name not in reached:
            close = get_close_matches(name, terminals, n=1)
            raise SpaceError(
                f"no derivation from {rules.start!r} uses this rule",
                path=f"space.{name}",
                hint=f"Is {close[0]!r} meant to be it?" if close else "Use it, or remove it.",
            )


def _check_ends(rules: Rules) -> None:
    for name, bodies in rules.productions.items():
        if name not in rules.ending:
            stuck = sorted({n for body in bodies for n in rules.names_in(body)} - rules.ending)
            raise SpaceError(
                f"this rule can never end: each of its productions needs {', '.join(stuck)}",
                path=f"space.{name}",
                hint="Give it a production without.",
            )


def _check_rings(rules: Rules) -> None:
    """No rule leads back to itself by rules alone: it would derive nothing new."""
    next_of = {
        name: [body.name for body in bodies if rules.is_rule(body)]
        for name, bodies in rules.productions.items()
    }
    for name in rules.productions:
        ways = {name: [name]}
        for rule in (going := [name]):  # the list grows: the shortest way to each comes first
            for following in next_of[rule]:
                if following == name:
                    raise SpaceError(
                        f"this rule leads back to itself: {' → '.join([*ways[rule], name])}",
                        path=f"space.{name}",
                        hint="Remove one of these productions.",
                    )
                if following not in ways:
                    ways[following] = [*ways[rule], following]
                    going.append(following)


def _check_depth(rules: Rules) -> None:
    """Every rule, and every production, is of use within the greatest depth."""
    for name, bodies in rules.productions.items():
        for k, body in enumerate(bodies):
            if not _is_used(rules, name, body):
                used = any(_is_used(rules, name, other) for other in bodies)
                enough = min(_depth_for(rules, name, b) for b in ((body,) if used else bodies))
                raise SpaceError(
                    f"{f'the production {str(body)!r}' if used else 'this rule'} cannot end within "
                    f"max_depth={rules.max_depth}",
                    path=f"space.{name}[{k}]" if used else f"space.{name}",
                    hint=f"It needs max_depth={enough}.",
                )


def _is_used(rules: Rules, name: str, body: Term) -> bool:
    most = max((depth for rule, depth in rules.reached if rule == name), default=0)
    return body in rules.offered(name, most)


def _depth_for(rules: Rules, name: str, body: Term) -> int:
    """The smallest max_depth with which a production is of use."""
    while not _is_used(rules, name, body):
        rules = replace(rules, max_depth=rules.max_depth + 1)
    return rules.max_depth
