"""Where in a program's nested expression a part stands, for errors raised while it is being made.

Python evaluates `Space(head=Choice({"mlp": Space(width=…)}))` from the inside out: the inner space
finds its mistake before the outer names exist. The caller's source says what they will be.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from types import FrameType

_Place = tuple[int | None, int | None, int | None, int | None]


def names_around(frame: FrameType) -> str:
    """The path from the outermost space to the call that a frame is in, such as `.head.mlp`.

    Empty where the call stands alone, is made through other names than Space, Choice and Chain, or
    where the source is not at hand.
    """
    places = list(frame.f_code.co_positions())
    line, end_line, column, end_column = places[frame.f_lasti // 2]
    source = "".join(linecache.getlines(frame.f_code.co_filename, frame.f_globals))
    try:
        tree = ast.parse(source)
    except SyntaxError:  # the file has changed since it was loaded
        return ""
    wanted = (line, column, end_line, end_column)
    return next((path for place, path in _calls(tree, "") if place == wanted), "")


def _calls(node: ast.AST, path: str) -> Iterator[tuple[_Place, str]]:
    """Each call below a node: its place in the source, and its path."""
    if isinstance(node, ast.Call):
        yield (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset), path
        kind = getattr(node.func, "id", getattr(node.func, "attr", ""))
        for keyword in node.keywords:
            inner = f"{path}.{keyword.arg}" if kind == "Space" else path
            yield from _calls(keyword.value, f"{path}[0]" if kind == "Chain" else inner)
        for argument in node.args:
            if kind == "Choice" and isinstance(argument, ast.Dict):
                for key, value in zip(argument.keys, argument.values, strict=True):
                    yield from _calls(value, f"{path}.{_constant(key)}")
            else:
                yield from _calls(argument, f"{path}[0]" if kind == "Chain" else path)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _calls(child, path)


def _constant(key: ast.expr | None) -> str:
    """A key that is written out; an ellipsis for a computed one."""
    if isinstance(key, ast.Constant) and isinstance(key.value, str):
        return key.value
    return "…"
