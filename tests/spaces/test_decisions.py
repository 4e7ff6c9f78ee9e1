"""Choice, Int, Float, Bool: what is no decision, and what is no value of one."""

from math import inf, nan

import numpy as np
import pytest

from archbo.errors import ArchitectureError, SpaceError
from archbo.spaces import Bool, Choice, Float, Int, Space

MISTAKES = {
    "log scale from zero": (
        lambda: Float(0, 1, log=True),
        r"space\.x: log scale needs low > 0, got low=0\. Use a low above 0 or log=False\.",
    ),
    "log scale of whole numbers": (lambda: Int(0, 8, log=True), r"space\.x: .* Use low=1 or log"),
    "low above high": (lambda: Int(8, 1), r"space\.x: low=8 is above high=1\. Swap them"),
    "not a number": (lambda: Float(nan, 1), r"space\.x: low must be a finite number, got nan"),
    "infinite": (lambda: Float(0, inf), r"space\.x: high must be a finite number, got inf"),
    "a range too wide": (lambda: Float(-1e308, 1e308), r"space\.x: the range .* is wider"),
    "an int beyond doubles": (lambda: Float(0, 10**400), r"space\.x: high must be a finite number"),
    "an int too large": (lambda: Int(0, 2**53 + 1), r"space\.x: high must be at most 2\*\*53"),
    "an empty choice": (lambda: Choice([]), r"space\.x: a choice needs at least one option"),
    "an empty choice of parts": (lambda: Choice({}), r"space\.x: a choice needs at least one"),
    "a duplicate": (lambda: Choice(["a", "b", "a"]), r"space\.x: duplicate option 'a'"),
    "a duplicate number": (lambda: Choice([1, 1.0]), r"space\.x: duplicate option 1\.0"),
    "a part without a name": (lambda: Choice([Int(1, 2)]), r"space\.x: .* Name it: Choice\(\{"),
    "an option that is not finite": (lambda: Choice([nan]), r"space\.x: an option is .* got nan"),
    "a mapping as an option": (lambda: Choice([{"a": 1}]), r"space\.x: an option is a string"),
    "a mistake inside": (lambda: Choice({"mlp": Int(3, 1)}), r"space\.x\.mlp: low=3 is above"),
}
WRONG_TYPES = {
    "a numbered part": (
        lambda: Choice({3: Int(1, 2), 5: None}),
        r"space\.x: options that bring parts are named by strings, got 3\. Name it \"3\"",
    ),
    "a string as a bound": (lambda: Int("a", 2), r"space\.x: low must be a whole number, got 'a'"),
    "a real bound": (lambda: Int(1, 2.5), r"space\.x: high must be a whole number, got 2\.5"),
    "a boolean bound": (lambda: Int(True, 2), r"space\.x: low must be a whole number, got True"),
    "None as a bound": (lambda: Float(None, 2), r"space\.x: low must be a finite number, got None"),
    "log of another type": (lambda: Int(1, 2, log="yes"), r"space\.x: log must be True or False"),
    "a number as options": (lambda: Choice(5), r"space\.x: options are a list, .* got 5\."),
    "None as options": (lambda: Choice(None), r"space\.x: options are a list, .* got None\."),
    "a string as options": (lambda: Choice("abc"), r"space\.x: options are a list, .* got 'abc'"),
    "a set has no order": (lambda: Choice({"a"}), r"space\.x: options are a list, .* got \{'a'\}"),
    "a part as options": (lambda: Choice(Int(1, 2)), r"space\.x: options are a list, .* got Int"),
    "a number as a part": (
        lambda: Choice({"a": 5}),
        r"space\.x\.a: an option brings a part or None",
    ),
}


@pytest.mark.parametrize(("make", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_names_the_part(make, message):
    with pytest.raises(SpaceError, match=message):
        Space(x=make())


@pytest.mark.parametrize(("make", "message"), WRONG_TYPES.values(), ids=WRONG_TYPES)
def test_wrong_type_names_the_part(make, message):
    with pytest.raises(SpaceError, match=message):
        Space(x=make())


@pytest.mark.parametrize("make", [make for make, _ in [*MISTAKES.values(), *WRONG_TYPES.values()]])
def test_a_part_by_itself_tells_its_mistake_when_used(make):
    part = make()
    assert repr(part)
    for use in (lambda: part.size, lambda: part.sample(0), lambda: part.architecture(1)):
        with pytest.raises(SpaceError, match=r"^space"):
            use()


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        (Int(1, 8), 9, r"space: 9 is outside 1 to 8"),
        (Int(1, 8), 2.0, r"space: expected a whole number from 1 to 8, got 2\.0"),
        (Int(1, 8), True, r"space: expected a whole number from 1 to 8, got True"),
        (Int(1, 8), None, r"space: expected a whole number from 1 to 8, got None"),
        (Int(1, 8), 10**400, r"space: 1000.*… is outside 1 to 8"),
        (Int(1, 8), np.array([1, 2]), r"space: expected a whole number .* got array"),
        (Float(0, 1), "0.5", r"space: expected a finite number from 0 to 1, got '0\.5'"),
        (Float(0, 1), nan, r"space: expected a finite number from 0 to 1, got nan"),
        (Float(0, 1), -0.1, r"space: -0\.1 is outside 0 to 1"),
        (Bool(), 1, r"space: expected True or False, got 1"),
        (Choice(["conv", "pool"]), "cov", r"space: no option 'cov'\. Did you mean 'conv'\?"),
        (Choice(["conv", "pool"]), ["conv"], r"space: no option \('conv',\)\. Did you mean 'conv'"),
        (Choice(["conv", "pool"]), {"conv": 3}, r"space: option 'conv' brings no decisions, got 3"),
        (Choice(["conv", "pool"]), {}, r"space: expected one option with its part"),
        (Choice(["conv", "pool"]), np.array([1, 2]), r"space: no option array"),
        (Choice([1, 2]), True, r"space: no option True"),
        (Choice([False, True]), 1, r"space: no option 1"),
        (Choice({"mlp": Int(1, 8)}), "mlp", r"space: option 'mlp' needs .* Write \{\"mlp\": …\}\."),
        (Choice({"mlp": Int(1, 8)}), {"mlp": 9}, r"space\.mlp: 9 is outside 1 to 8"),
        (Choice({"mlp": Int(1, 8)}), {"mlp": None}, r"space\.mlp: expected a whole number"),
        (
            Choice({"mlp": Int(1, 8)}),
            {"mlp": 1, "b": 2},
            r"space: expected one option .* got \['b'",
        ),
    ],
)
def test_a_value_outside_says_what_is_allowed(part, value, message):
    with pytest.raises(ArchitectureError, match=message):
        part.architecture(value)


def test_numpy_scalars_are_numbers():
    assert Int(np.int64(1), np.int32(8)) == Int(1, 8)
    assert Choice(np.array([1, 2])) == Choice([1, 2])
    assert Int(1, 8).architecture(np.int64(3)).value == 3
    assert Float(0, 1).architecture(np.float32(0.5)).value == 0.5
    assert Bool().architecture(np.bool_(True)).value is True
    assert Choice([1, 2]).architecture(np.int64(2)).value == 2


def test_options_that_python_holds_equal_are_different():
    assert Choice([1, 2]) != Choice([True, 2])
    assert Choice([1]) != Choice(["1"])
    both = Choice([1, True, "1", None])
    assert [both.architecture(option).value for option in both.options] == [1, True, "1", None]
    assert len({arch.id for arch in both.enumerate()}) == 4


def test_a_whole_real_stands_for_the_integer_option():
    assert Choice([1, 2]).architecture(1.0).value == 1
    assert Choice([0.5, 1.0]).architecture(1).value == 1.0


def test_lists_can_be_options():
    choice = Choice([[3, 3], [5, [1, 2]], (7,)])
    assert choice.architecture([5, (1, 2)]).value == (5, (1, 2))
    assert choice.architecture((7,)).to_dict() == [7]
    assert len({hash(choice), hash(Choice([(3, 3), (5, (1, 2)), [7]]))}) == 1


def test_an_option_without_a_part_may_say_so():
    head = Choice({"linear": None, "mlp": Int(1, 8)})
    assert head.architecture({"linear": None}) == head.architecture("linear")


def test_minus_zero_is_zero():
    space = Float(-1, 1)
    assert space.architecture(-0.0) == space.architecture(0.0)
    assert space.architecture(-0.0).id == space.architecture(0.0).id


def test_bounds_of_a_real_may_be_whole_numbers_beyond_doubles():
    space = Float(2**60 + 1, 2**61 + 1)
    arch = space.sample(0)
    assert space.architecture(arch.value) == arch
    assert space.architecture(float(2**60)).value == 2.0**60


def test_counts_of_members():
    assert Choice({"a": Int(1, 3), "b": None, "c": Bool()}).size == 6
    assert Choice({"a": Float(0, 1), "b": None}).size is None
    assert Float(1, 1.0).size == 1
