"""Terms such as `seq(conv(3), pool)`: read from text, written in one canonical way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from archbo.errors import SpaceError

MOST_OPERATIONS = 256
"""Of a network: a batch of a thousand graphs of that size takes half a gigabyte."""

_TOKEN = re.compile(r"[(),]|[^\s(),]+")
MOST_NESTED = 200
"""So many parentheses are at most inside each other; more would exhaust Python's stack."""


@dataclass(frozen=True, slots=True)
class Term:
    """A name applied to terms.

    Attributes:
        name: of a rule, an operation, a parameter or a combinator.
        args: what it is applied to; none for a name alone.
        at: where it begins in the text that it was read from.
    """

    name: str
    args: tuple[Term, ...] = ()
    at: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.args))})" if self.args else self.name

    def walk(self) -> Iterator[Term]:
        """It and all terms inside, outer ones first."""
        yield self
        for inner in self.args:
            yield from inner.walk()


def words(text: str) -> set[str]:
    """All names in a text, whether or not it is a term."""
    return set(_TOKEN.findall(text)) - set("(),")


def read(text: str, error: type[SpaceError], path: str) -> Term:
    """The term that a text writes; white space between names and punctuation counts for nothing.

    Args:
        text: what to read.
        error: the kind of error to raise.
        path: where the text stands.

    Raises:
        SpaceError: of that kind, if it is no term, saying where.

    >>> str(read(" seq( conv(3),pool)", SpaceError, "space"))
    'seq(conv(3), pool)'
    """
    return _Reader(text, error, path).whole()


class _Reader:
    """Reads one text from left to right."""

    def __init__(self, text: str, error: type[SpaceError], path: str) -> None:
        self.text, self.error, self.path = text, error, path
        self.tokens = [(match[0], match.start()) for match in _TOKEN.finditer(text)]
        self.next = 0

    def whole(self) -> Term:
        term = self.term(0)
        if self.next < len(self.tokens):
            found, at = self.tokens[self.next]
            problem = "this parenthesis was never opened" if found == ")" else "expected a comma"
            raise self.complaint(f"{problem}, found {found!r}", at)
        return term

    def term(self, depth: int) -> Term:
        name, at = self.take()
        if name in ("(", ")", ","):
            raise self.complaint(f"expected a name, found {name!r}", at)
        if not self.follows("("):
            return Term(name, (), at)
        if depth == MOST_NESTED:
            raise self.complaint(f"parentheses are more than {MOST_NESTED} deep", at)
        _, opened = self.take()
        args = [self.term(depth + 1)]
        while self.follows(","):
            self.take()
            args.append(self.term(depth + 1))
        closing, end = self.take(opened)
        if closing != ")":
            raise self.complaint(f"expected a comma or ')', found {closing!r}", end)
        return Term(name, tuple(args), at)

    def follows(self, token: str) -> bool:
        return self.next < len(self.tokens) and self.tokens[self.next][0] == token

    def take(self, opened: int | None = None) -> tuple[str, int]:
        """The next token, and where it begins."""
        if self.next == len(self.tokens):
            if opened is not None:
                raise self.complaint("this parenthesis is never closed", opened)
            raise self.complaint("expected a name, found the end", len(self.text))
        self.next += 1
        return self.tokens[self.next - 1]

    def complaint(self, problem: str, at: int) -> SpaceError:
        where = f" at {excerpt(self.text, at)}" if self.text.strip() else ""
        return self.error(f"{problem}{where}", path=self.path)


def excerpt(text: str, at: int) -> str:
    """What stands at a position, with a few characters before it.

    >>> excerpt("seq(conv(3), poool)", 13)
    "position 13, behind 'seq(conv(3), '"
    """
    before = text[max(0, at - 24) : at]
    return f"position {at}, behind {before!r}" if before.strip() else f"position {at}"
