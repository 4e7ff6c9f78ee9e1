"""Which derivation a term has, and where a term that has none goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from archbo.errors import ArchitectureError, nearest
from archbo.spaces.grammars.rules import Rules
from archbo.spaces.grammars.terms import Term, excerpt


class Parser:
    """Derives terms by rules.

    Of several derivations the first counts: at each rule the first of its productions that can
    derive the term within the depth that is left.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        # terms by identity: comparing them would cost more; they are kept, so that it stays theirs
        self._found: dict[tuple[str, int, int], tuple[Term, Term | None]] = {}

    def first(self, name: str, depth: int, term: Term) -> Term | None:
        """The first body by which a rule derives a term within a depth."""
        key = (name, depth, id(term))
        if key not in self._found:
            bodies = self.rules.offered(name, depth)
            network = name in self.rules.networks
            fitting = (b for b in bodies if self._fits(b, depth - 1, term, network=network))
            body = next(fitting, None)
            self._found[key] = term, body
        return self._found[key][1]

    def _fits(self, body: Term, depth: int, term: Term, *, network: bool) -> bool:
        """Whether a term is the body with its rules replaced by what they derive."""
        if self.rules.is_rule(body):
            return self.first(body.name, depth, term) is not None
        if body.name != term.name or len(body.args) != len(term.args):
            return False
        joint = self.rules.is_joint(body)
        inner = depth if joint or not network else self.rules.max_depth
        pairs = zip(body.args, term.args, strict=True)
        return all(self._fits(b, inner, t, network=joint) for b, t in pairs)

    def inner(self, body: Term, term: Term) -> Iterator[Term]:
        """The terms that the rules in a body derive, in order."""
        if self.rules.is_rule(body):
            yield term
        else:
            for b, t in zip(body.args, term.args, strict=True):
                yield from self.inner(b, t)

    def complaint(self, term: Term, text: str, path: str) -> ArchitectureError:
        """Why the start derives no such term.

        Args:
            term: what was given.
            text: what it was read from.
            path: where it was given.
        """
        start = self.rules.start
        # within such a depth every derivation ends
        unlimited = replace(self.rules, max_depth=(_nesting(term) + 1) * len(self.rules.least) + 1)
        parser = Parser(unlimited)
        if parser.first(start, unlimited.max_depth, term) is None:
            problem, hint, at = parser._blame(Term(start), term)
            where = excerpt(text, at)
            return ArchitectureError(f"{problem}, at {where}", path=path, hint=hint)
        depth = self.rules.max_depth
        while Parser(replace(self.rules, max_depth=depth)).first(start, depth, term) is None:
            depth += 1
        return ArchitectureError(
            f"its derivation is {depth} deep, max_depth={self.rules.max_depth}", path=path
        )

    def _blame(self, body: Term, term: Term) -> tuple[str, str, int]:
        """What is wrong, what to do, and at which position; for rules with depth enough."""
        shapes = list(self._shapes(body))
        names = [shape.name for shape in shapes]
        if term.name not in names:
            if not self.rules.is_rule(body):
                return f"expected {body.name!r}, got {term.name!r}", "", term.at
            known = nearest(term.name, dict.fromkeys(names))
            return f"{body.name!r} derives no {term.name!r}", known, term.at
        counts = sorted({len(shape.args) for shape in shapes if shape.name == term.name})
        if len(term.args) not in counts:
            allowed = " or ".join(map(str, counts))
            found = f"{len(term.args)} in {str(term)!r}"
            return f"{term.name!r} is applied to {allowed}, got {found}", "", term.at
        wrong = []
        for shape in shapes:
            if shape.name == term.name and len(shape.args) == len(term.args):
                pairs = zip(shape.args, term.args, strict=True)
                depth = self.rules.max_depth
                inner = next((b, t) for b, t in pairs if not self._fits(b, depth, t, network=False))
                wrong.append(self._blame(*inner))
        return max(wrong, key=lambda blame: blame[2])  # what got furthest was probably meant

    def _shapes(self, body: Term) -> Iterator[Term]:
        """What a body may become when its outermost rules are replaced."""
        if not self.rules.is_rule(body):
            yield body
        else:
            for inner in self.rules.productions[body.name]:
                yield from self._shapes(inner)


def _nesting(term: Term) -> int:
    return 1 + max(map(_nesting, term.args), default=0)
