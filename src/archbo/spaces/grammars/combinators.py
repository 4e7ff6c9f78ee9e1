"""Ways to join networks: `seq`, `par`, and those that a user defines by them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archbo.errors import SpaceError
from archbo.spaces.grammars.terms import MOST_OPERATIONS, Term, read
from archbo.spaces.part import shown

SERIES, PARALLEL = "seq", "par"

DEFINE = 'To join networks in a way of your own give combinators={{"{}(x)": "par(x, …)"}}.'
"""A hint, with the name of what was taken for an operation."""


@dataclass(frozen=True, slots=True)
class Combinator:
    """A name for a way to join networks: its body, with the variables to be filled in."""

    variables: tuple[str, ...]
    body: Term


def read_combinators(given: Any, rules: Collection[str]) -> dict[str, Combinator]:
    """Combinators from heads such as `residual(x)` with the texts of their bodies.

    A body is made of the variables, operations, `seq`, `par` and combinators that stand before it.

    Raises:
        SpaceError: if one makes no sense; its path begins with `space`.
    """
    found: dict[str, Combinator] = {}
    if not isinstance(given, tuple):
        raise SpaceError(
            f'combinators are {{"name(x)": "body", …}}, got {shown(given)}', path="space"
        )
    names = [str(head).partition("(")[0].strip() for head, _ in given]
    for k, (head_text, body_text) in enumerate(given):
        if not isinstance(head_text, str) or not isinstance(body_text, str):
            raise SpaceError(
                f"a combinator is two texts, got {shown((head_text, body_text))}",
                path="space",
                hint='Write combinators={"residual(x)": "par(x, skip_connect)"}.',
            )
        path = f"space.{names[k]}"
        head = read(head_text, SpaceError, path)
        variables = tuple(arg.name for arg in head.args)
        if not variables or any(arg.args for arg in head.args):
            raise SpaceError(
                f"a combinator is applied to variables, got {head_text!r}",
                path=path,
                hint=f'Write "{head.name}(x)".',
            )
        taken = {SERIES, PARALLEL, *found, *rules}
        for name in (head.name, *variables):
            if name in taken:
                raise SpaceError(f"the name {name!r} is taken", path=path, hint="Use another.")
            taken.add(name)
        body = read(body_text, SpaceError, path)
        _check_names(body, variables, {*rules, *names[k:]}, path)
        check_joints(body, found, path)
        _check_variables(body, variables, found, path)
        found[head.name] = Combinator(variables, body)
    return found


def _check_names(body: Term, variables: Sequence[str], barred: set[str], path: str) -> None:
    """All variables are used, as networks; no rule and no later combinator is."""
    inside = {term.name for term in body.walk()}
    for name in variables:
        if name not in inside:
            raise SpaceError(f"the variable {name!r} is not used", path=path)
    for name in sorted(inside & barred):
        raise SpaceError(
            f"{name!r} cannot stand in the body of this combinator",
            path=path,
            hint="Use the variables, operations, and combinators that stand before it.",
        )


def _check_variables(
    body: Term, variables: Sequence[str], found: Collection[str], path: str
) -> None:
    """Variables stand for networks: they are applied to nothing, and no parameters."""
    for term in body.walk():
        if term.name in variables and term.args:
            raise SpaceError(f"a variable is applied to nothing, got {str(term)!r}", path=path)
        joint = term.name in (SERIES, PARALLEL) or term.name in found
        if not joint and any(inner.name in variables for arg in term.args for inner in arg.walk()):
            raise SpaceError(f"a variable is no parameter, got {str(term)!r}", path=path)


def check_joints(
    body: Term, combinators: Mapping[str, Combinator], path: str, *, inside: str = ""
) -> None:
    """Each joint joins as many networks as it should, and stands in no operation's parameters.

    Args:
        body: what to check.
        combinators: besides `seq` and `par`.
        path: where the body stands.
        inside: the operation around it.

    Raises:
        SpaceError: naming the path.
    """
    joint = body.name in (SERIES, PARALLEL) or body.name in combinators
    if joint and inside:
        raise SpaceError(
            f"{body.name!r} joins networks, it is no parameter of {inside!r}",
            path=path,
            hint=DEFINE.format(inside),
        )
    if joint:
        combinator = combinators.get(body.name)
        least = 2 if combinator is None else len(combinator.variables)
        if len(body.args) < least or (combinator and len(body.args) > least):
            wanted = "two or more" if combinator is None else f"{least}"
            raise SpaceError(
                f"{body.name!r} is applied to {wanted}, got {len(body.args)} in {str(body)!r}",
                path=path,
            )
    for arg in body.args:
        check_joints(arg, combinators, path, inside=inside if joint else body.name)


def check_length(body: Term, combinators: Mapping[str, Combinator], path: str) -> None:
    """Refuse a production that is too long without combinators, before it is written so.

    Raises:
        SpaceError: naming the path.
    """
    if (length := _length(body, combinators, {})) > MOST_OPERATIONS:
        raise SpaceError(
            f"this production has {length} operations and rules, more than {MOST_OPERATIONS}",
            path=path,
        )


def _length(term: Term, combinators: Mapping[str, Combinator], values: Mapping[str, int]) -> int:
    """How many operations and rules a term has without combinators; variables have values."""
    combinator = combinators.get(term.name)
    if combinator is not None:
        args = [_length(arg, combinators, values) for arg in term.args]
        filled = dict(zip(combinator.variables, args, strict=True))
        return _length(combinator.body, combinators, filled)
    if term.name in (SERIES, PARALLEL):
        return sum(_length(arg, combinators, values) for arg in term.args)
    return values.get(term.name, 1)


def expanded(term: Term, combinators: Mapping[str, Combinator]) -> Term:
    """The same network by `seq`, `par` and operations alone."""
    combinator = combinators.get(term.name)
    if combinator is not None:
        filled = dict(zip(combinator.variables, term.args, strict=True))
        return expanded(_filled(combinator.body, filled), combinators)
    args = term.args
    if term.name in (SERIES, PARALLEL):
        args = tuple(expanded(arg, combinators) for arg in args)
    return Term(term.name, args, term.at)


def _filled(body: Term, values: Mapping[str, Term]) -> Term:
    if body.name in values:
        return values[body.name]
    return Term(body.name, tuple(_filled(arg, values) for arg in body.args), body.at)


def operations(network: Term) -> Iterator[Term]:
    """The operations of a network without combinators, from left to right."""
    if network.name not in (SERIES, PARALLEL):
        yield network
    else:
        for arg in network.args:
            yield from operations(arg)
