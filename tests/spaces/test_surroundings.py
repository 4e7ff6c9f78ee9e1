"""A mistake inside a nested expression is named by its full path while the space is being made."""

import pytest

import archbo as ab
from archbo.errors import SpaceError


def test_a_mistake_names_all_that_is_around_it():
    with pytest.raises(SpaceError, match=r"^space\.head\.mlp\.width: log scale needs low > 0"):
        ab.Space(
            lr=ab.Float(1e-4, 1e-1, log=True),
            head=ab.Choice({"linear": None, "mlp": ab.Space(width=ab.Int(0, 256, log=True))}),
        )


def test_a_mistake_that_stands_alone_has_the_path_that_is_known():
    with pytest.raises(SpaceError, match=r"^space\.width: low=9 is above high=3"):
        ab.Space(width=ab.Int(9, 3))


def test_layers_of_chains_are_named_too():
    with pytest.raises(SpaceError, match=r"^space\.body\[0\]\.op: a choice needs at least one"):
        ab.Space(body=ab.Chain(ab.Space(op=ab.Choice([])), length=3))
    with pytest.raises(SpaceError, match=r"^space\.body\[0\]\.op: a choice needs at least one"):
        ab.Space(body=ab.Chain(block=ab.Space(op=ab.Choice([])), length=3))


def test_two_calls_on_a_line_are_told_apart():
    with pytest.raises(SpaceError, match=r"^space\.b\.x: low=2"):
        ab.Space(a=ab.Space(x=ab.Int(1, 2)), b=ab.Space(x=ab.Int(2, 1)), c=ab.Space(x=ab.Bool()))


def test_calls_of_other_functions_add_nothing():
    def same(part):
        return part

    with pytest.raises(SpaceError, match=r"^space\.head\.width: low=2"):
        ab.Space(head=same(part=ab.Space(width=ab.Int(2, 1))))


def test_options_whose_names_are_computed_are_left_open():
    name = "mlp"
    with pytest.raises(SpaceError, match=r"^space\.head\.…\.width: low=2"):
        ab.Space(head=ab.Choice({name: ab.Space(width=ab.Int(2, 1))}))


def test_without_source_the_known_path_is_given():
    program = "ab.Space(head=ab.Space(width=ab.Int(2, 1)))"
    with pytest.raises(SpaceError, match=r"^space\.width: low=2"):
        exec(compile(program, "<nowhere>", "exec"), {"ab": ab})
