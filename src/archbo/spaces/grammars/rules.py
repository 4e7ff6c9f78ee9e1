"""The rules of a grammar: read, checked, and how deep each derivation is.

The depth of a derivation is the number of rules applied one inside the other, the start included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from archbo.errors import SpaceError, nearest
from archbo.spaces.grammars.combinators import (
    DEFINE,
    PARALLEL,
    SERIES,
    Combinator,
    check_joints,
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

    def networks_in(self, name: str) -> Iterator[str]:
        """The rules that the productions of a rule refer to, but for parameters of operations."""
        for body in self.productions[name]:
            yield from self._networks_in(body)

    def _networks_in(self, body: Term) -> Iterator[str]:
        if self.is_rule(body):
            yield body.name
        elif self.is_joint(body):
            for arg in body.args:
                yield from self._networks_in(arg)

    def names_in(self, body: Term) -> list[str]:
        """The rules that a body refers to, as often as it does."""
        return [term.name for term in body.walk() if self.is_rule(term)]

    @cached_property
    def least(self) -> dict[str, int]:
        """The depth of each rule's shallowest derivation; rules that never end are missing."""
        found: dict[str, int] = {}
        for depth in range(1, len(self.productions) + 1):
            ending = [
                name
                for name, bodies in self.productions.items()
                if name not in found
                and any(all(n in found for n in self.names_in(body)) for body in bodies)
            ]
            found |= dict.fromkeys(ending, depth)
        return found

    def needs(self, body: Term) -> int:
        """How much depth a body needs for the rules that it refers to."""
        return max((self.least[name] for name in self.names_in(body)), default=0)

    def offered(self, name: str, depth: int) -> list[Term]:
        """The bodies of a rule with derivations that end within a depth, the rule included."""
        return [body for body in self.productions[name] if self.needs(body) < depth]

    def tallest(self, name: str, depth: int) -> int:
        """The depth of a rule's deepest derivation within a depth."""
        if (name, depth) not in self._tallest:
            bodies = self.offered(name, depth)
            self._tallest[name, depth] = 1 + max(
                (self.tallest(n, depth - 1) for body in bodies for n in self.names_in(body)),
                default=0,
            )
        return self._tallest[name, depth]

    @cached_property
    def _tallest(self) -> dict[tuple[str, int], int]:
        return {}

    def reached(self, max_depth: int) -> set[tuple[str, int]]:
        """Each rule with each depth that may be left where it is applied."""
        found: set[tuple[str, int]] = set()
        going = {(self.start, max_depth)} if self.least[self.start] <= max_depth else set()
        while going:
            found |= going
            going = {
                (inner, depth - 1)
                for name, depth in going
                for body in self.offered(name, depth)
                for inner in self.names_in(body)
            } - found
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
    networks = _closure({rules.start}, lambda name: rules.networks_in(name))
    for name in rules.productions:
        for k, body in enumerate(rules.productions[name]):
            path = f"space.{name}[{k}]"
            for term in body.walk():
                if rules.is_rule(term) or rules.is_joint(term):
                    continue
                for parameter in sorted({n for arg in term.args for n in rules.names_in(arg)}):
                    if parameter in networks:
                        raise SpaceError(
                            f"{parameter!r} derives networks, it is no parameter of {term.name!r}",
                            path=path,
                            hint=DEFINE.format(term.name),
                        )
            if name not in networks and any(map(rules.is_joint, body.walk())):
                raise SpaceError(f"a parameter joins no networks, got {str(body)!r}", path=path)


def _closure(start: set[str], following: Callable[[str], Iterable[str]]) -> set[str]:
    """All rules that lead on from some."""
    found, going = set(start), set(start)
    while going:
        going = {name for old in going for name in following(old)} - found
        found |= going
    return found


def _check_reached(rules: Rules) -> None:
    reached = _closure(
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
        if name not in rules.least:
            stuck = sorted({n for body in bodies for n in rules.names_in(body)} - set(rules.least))
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
        ways = [[name]]
        while ways:
            way = ways.pop()
            for following in next_of[way[-1]]:
                if following == name:
                    raise SpaceError(
                        f"this rule leads back to itself: {' → '.join([*way, name])}",
                        path=f"space.{name}",
                        hint="Remove one of these productions.",
                    )
                if following not in way:
                    ways.append([*way, following])


def _check_depth(rules: Rules) -> None:
    """Every rule, and every production, is of use within the greatest depth."""
    reached = rules.reached(rules.max_depth)
    for name, bodies in rules.productions.items():
        most = max((depth for rule, depth in reached if rule == name), default=0)
        for k, body in enumerate(bodies):
            if most <= rules.needs(body):
                what = f"the production {str(body)!r}" if most else "this rule"
                needed = _depth_for(rules, name, body if most else None)
                raise SpaceError(
                    f"{what} cannot end within max_depth={rules.max_depth}",
                    path=f"space.{name}[{k}]" if most else f"space.{name}",
                    hint=f"It needs max_depth={needed}.",
                )


def _depth_for(rules: Rules, name: str, body: Term | None) -> int:
    """The smallest max_depth with which a rule, or one of its productions, is of use."""
    needed = rules.least[name] if body is None else 1 + rules.needs(body)
    depth = rules.max_depth
    while not any(rule == name and left >= needed for rule, left in rules.reached(depth)):
        depth += 1
    return depth
