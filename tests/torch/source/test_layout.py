"""The text of a tree is the tree's, and as formatters want it."""

import ast
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbo.torch.source.layout import WIDTH, statements, text

NAMES = st.sampled_from(["x", "self", "operations_0", "a_rather_long_name"])
CONSTANTS = st.one_of(
    st.integers(0, 300),
    st.floats(0, 9),
    st.booleans(),
    st.none(),
    st.text("ab \"'\\\n", max_size=5),
)
BINARY = [ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow, ast.MatMult,
          ast.BitAnd, ast.BitOr, ast.BitXor, ast.LShift, ast.RShift]  # fmt: skip
COMPARED = [ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE]


def name(identifier):
    return ast.Name(identifier, ast.Load())


def deeper(inner):
    some = st.lists(inner, max_size=4)
    bound = st.none() | inner
    slices = st.builds(ast.Slice, bound, bound, bound)
    index = inner | slices | st.lists(inner | slices, min_size=1, max_size=3).map(
        lambda items: ast.Tuple(items, ast.Load())
    )  # fmt: skip
    keywords = st.lists(st.builds(ast.keyword, st.sampled_from(["p", "dim"]), inner), max_size=1)
    return st.one_of(
        st.builds(ast.Attribute, inner, st.just("shape"), st.just(ast.Load())),
        st.builds(ast.Subscript, inner, index, st.just(ast.Load())),
        st.builds(ast.BinOp, inner, st.sampled_from(BINARY).map(lambda op: op()), inner),
        st.builds(ast.UnaryOp, st.sampled_from([ast.USub(), ast.Invert()]), inner),
        st.builds(ast.Compare, inner, st.sampled_from(COMPARED).map(lambda op: [op()]),
                  inner.map(lambda right: [right])),
        st.builds(ast.Call, inner, some, keywords),
        st.builds(ast.List, some, st.just(ast.Load())),
        st.builds(ast.Tuple, some, st.just(ast.Load())),
        some.map(lambda values: ast.Dict([ast.Constant(str(i)) for i in range(len(values))],
                                         values)),
    )  # fmt: skip


EXPRESSIONS = st.recursive(st.builds(ast.Constant, CONSTANTS) | NAMES.map(name), deeper)


@given(EXPRESSIONS)
def test_text_is_read_back_as_the_same_tree(node):
    assert ast.dump(ast.parse(text(node), mode="eval").body) == ast.dump(node)


@given(EXPRESSIONS)
def test_laid_out_statements_are_read_back_as_the_same_tree(node):
    body = [ast.Return(node), ast.Assign([name("y")], node)]
    lines = ["def f():", *statements(body, 4)]
    found = ast.parse("\n".join(lines)).body[0].body
    assert ast.dump(found[0].value) == ast.dump(found[1].value) == ast.dump(node)


@pytest.mark.parametrize(
    "line",
    [
        "y = x**2 + 2**-x - x.shape[0] ** 2 + 2 ** -(x**2)",
        "y = x[:, 1:-1, ::2, None, x.shape[0] // 2 :, ...]",
        "y = (a + b) * c - (d - (e - f)) @ ~g",
        """y = {"a": (x,), "b": [1, 2.5e-05, "it's", 'say "so"'], "c": ()}""",
        "y = torch.where((x > 0) & (x <= 1), x, -x)",
        "return self.layers[0](x)[:, 0]",
    ],
)
def test_a_line_as_formatters_write_it_stays(line):
    (statement,) = ast.parse(line).body
    assert statements([statement], 0) == [line]


def test_what_is_too_long_is_laid_out_as_ruff_would(tmp_path):
    parts = ", ".join(f"nn.Conv2d({i}, {i + 1}, 3, padding=1)" for i in range(8))
    body = ast.parse(
        f"self.a = nn.Sequential({parts}, nn.Sequential({parts}))\n"
        f"self.b = {{'x': [{parts}], 'y': ({parts})}}\n"
        f"y = function(first_argument, second_argument, {parts}, name=value)[0]\n"
        f"y = {' + '.join(f'a_rather_long_name_{i}' for i in range(8))} - b * c\n"
        "if self.training:\n    y = x\nelse:\n    y = -x\n    y += 1\n"
    ).body
    path = tmp_path / "laid_out.py"
    lines = statements(body, 0)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert max(map(len, lines)) <= WIDTH
    assert [ast.dump(s) for s in ast.parse(path.read_text()).body] == [ast.dump(s) for s in body]
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--check", path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
