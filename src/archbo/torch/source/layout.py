"""Syntax trees as text, laid out as ruff and black would."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

WIDTH = 88
"""Of a line; both formatters' default, and what they leave alone where lines may be longer."""

_BINARY = {
    ast.BitOr: ("|", 1),
    ast.BitXor: ("^", 2),
    ast.BitAnd: ("&", 3),
    ast.LShift: ("<<", 4),
    ast.RShift: (">>", 4),
    ast.Add: ("+", 5),
    ast.Sub: ("-", 5),
    ast.Mult: ("*", 6),
    ast.Div: ("/", 6),
    ast.FloorDiv: ("//", 6),
    ast.Mod: ("%", 6),
    ast.MatMult: ("@", 6),
    ast.Pow: ("**", 8),
}
_COMPARISONS = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
_UNARY = {ast.UAdd: "+", ast.USub: "-", ast.Invert: "~"}
_COMPARED, _SIGNED, _ATOM = 0, 7, 9  # how tightly comparisons, signs and all else bind


def statements(body: Iterable[ast.stmt], indent: int) -> list[str]:
    """The lines of statements, each indented by so many spaces."""
    return [line for statement in body for line in _statement(statement, indent)]


def text(node: ast.expr | None) -> str:
    """An expression in one line; nothing for None."""
    match node:
        case None:
            return ""
        case ast.Constant(value=str() as value):
            return _quoted(value)
        case ast.Attribute(value=ast.Constant(value=int() as value), attr=name):
            return f"({value}).{name}"
        case ast.Attribute(value=inner, attr=name):
            return f"{_inside(inner, _ATOM)}.{name}"
        case ast.Subscript(value=inner, slice=index):
            return f"{_inside(inner, _ATOM)}[{_index(index)}]"
        case ast.Slice(lower=lower, upper=upper, step=step):
            return _slice([lower, upper] if step is None else [lower, upper, step])
        case ast.BinOp(left=left, op=op, right=right):
            sign, tight = _BINARY[type(op)]
            if sign == "**":
                gap = "" if _simple(left) and _simple(right) else " "
                return f"{_inside(left, _ATOM)}{gap}**{gap}{_inside(right, _SIGNED)}"
            return f"{_inside(left, tight)} {sign} {_inside(right, tight + 1)}"
        case ast.UnaryOp(
            op=op, operand=ast.BinOp() as operand
        ):  # also a power, which binds tighter
            return f"{_UNARY[type(op)]}({text(operand)})"
        case ast.UnaryOp(op=op, operand=operand):
            return f"{_UNARY[type(op)]}{_inside(operand, _SIGNED)}"
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return f"{_inside(left, 1)} {_COMPARISONS[type(op)]} {_inside(right, 1)}"
    if (parts := _bracketed(node)) is not None:
        opening, inner_parts, closing = parts
        lone = isinstance(node, ast.Tuple) and len(inner_parts) == 1
        inside = ", ".join(prefix + text(inner) for prefix, inner in inner_parts)
        return f"{opening}{inside}{',' if lone else ''}{closing}"
    return ast.unparse(node)


def _statement(node: ast.stmt, indent: int) -> list[str]:
    match node:
        case ast.Assign(targets=[target], value=value):
            return _lines(f"{text(target)} = ", value, "", indent)
        case ast.AugAssign(target=target, op=op, value=value):
            return _lines(f"{text(target)} {_BINARY[type(op)][0]}= ", value, "", indent)
        case ast.Return(value=ast.expr() as value):
            return _lines("return ", value, "", indent)
        case ast.Expr(value=value):
            return _lines("", value, "", indent)
        case ast.If(test=test, body=body, orelse=orelse):
            found = [f"{' ' * indent}if {text(test)}:", *statements(body, indent + 4)]
            if orelse:
                found += [f"{' ' * indent}else:", *statements(orelse, indent + 4)]
            return found
    return [" " * indent + line for line in ast.unparse(node).splitlines()]


def _lines(before: str, node: ast.expr, after: str, indent: int) -> list[str]:
    """In one line if it fits, else one line for each item in the outer brackets."""
    line = f"{' ' * indent}{before}{text(node)}{after}"
    if len(line) <= WIDTH and not _tall(node):
        return [line]
    if isinstance(node, ast.BinOp):  # a line for each operand
        margin = " " * (indent + 4)
        return [f"{' ' * indent}{before}(", *(margin + o for o in _operands(node)),
                f"{' ' * indent}){after}"]  # fmt: skip
    parts = _bracketed(node)
    if parts is None or not parts[1]:
        return [line]
    opening, inner, closing = parts
    found = [f"{' ' * indent}{before}{opening}"]
    for prefix, item in inner:
        found += _lines(prefix, item, ",", indent + 4)
    return [*found, f"{' ' * indent}{closing}{after}"]


def _operands(node: ast.BinOp) -> list[str]:
    """Of a chain of operators that bind alike, each but the first behind its operator."""
    sign, tight = _BINARY[type(node.op)]
    before = [_inside(node.left, _ATOM if sign == "**" else tight)]
    if (
        isinstance(node.left, ast.BinOp)
        and sign != "**"
        and _BINARY[type(node.left.op)][1] == tight
    ):
        before = _operands(node.left)
    return [*before, f"{sign} {_inside(node.right, tight + 1)}"]


def _tall(node: ast.expr) -> bool:
    """Whether modules are nested too deep for one line to be read."""
    calls = [n for n in ast.walk(node) if isinstance(n, ast.Call)]
    return len(calls) > 2 and isinstance(node, ast.Call) and text(node.func).startswith("nn.")


def _bracketed(node: ast.expr) -> tuple[str, list[tuple[str, ast.expr]], str] | None:
    """What is in brackets with items: the opening, each item behind its prefix, the closing."""
    match node:
        case ast.Call(func=func, args=args, keywords=keywords):
            named = [(f"{k.arg}=" if k.arg else "**", k.value) for k in keywords]
            return f"{_inside(func, _ATOM)}(", [*(("", a) for a in args), *named], ")"
        case ast.List(elts=elts):
            return "[", [("", e) for e in elts], "]"
        case ast.Tuple(elts=elts):
            return "(", [("", e) for e in elts], ")"
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return "{", [(f"{text(k)}: ", v) for k, v in pairs], "}"
        case ast.Subscript(value=ast.Call() as called, slice=index) if parts := _bracketed(called):
            return parts[0], parts[1], f"{parts[2]}[{_index(index)}]"
    return None


def _inside(node: ast.expr, tight: int) -> str:
    """An operand, in parentheses if it binds less tightly than its place asks."""
    if isinstance(node, ast.BinOp):
        own = _BINARY[type(node.op)][1]
    elif isinstance(node, ast.UnaryOp):
        own = _SIGNED
    elif isinstance(node, ast.Compare):
        own = _COMPARED
    else:
        own = _ATOM
    return f"({text(node)})" if own < tight else text(node)


def _index(node: ast.expr) -> str:
    if isinstance(node, ast.Tuple) and node.elts:  # without parentheses
        return ", ".join(map(text, node.elts)) + ("," if len(node.elts) == 1 else "")
    return text(node)


def _slice(bounds: Sequence[ast.expr | None]) -> str:
    """Colons stand close unless a bound is more than a name or a number."""
    plain = all(bound is None or _simple(bound) for bound in bounds)
    return (":" if plain else " : ").join(map(text, bounds)).strip()


def _simple(node: ast.expr) -> bool:
    """Whether operators and colons stand close to it."""
    match node:
        case ast.UnaryOp(operand=inner) | ast.Attribute(value=inner):
            return _simple(inner)
    return isinstance(node, ast.Name | ast.Constant)


def _quoted(value: str) -> str:
    shown = repr(value)
    if shown.startswith("'") and '"' not in value:
        return f'"{shown[1:-1]}"'
    return shown
