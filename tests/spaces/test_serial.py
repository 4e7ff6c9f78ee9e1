"""Spaces from JSON: mistakes name the full path."""

import pytest

from archbo.errors import SpaceError
from archbo.spaces import from_dict

INT = {"kind": "Int", "low": 1, "high": 8, "log": False}


def in_head(part):
    """A part deep inside a space."""
    mlp = {"kind": "Space", "parts": {"width": part}}
    return {"kind": "Space", "parts": {"head": {"kind": "Choice", "options": {"mlp": mlp}}}}


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (INT | {"low": 9}, "low=9 is above high=8"),
        (INT | {"low": "1"}, "low must be a whole number, got '1'"),
        (INT | {"hi": 9}, r"Int has no setting 'hi'\. Did you mean 'high'\?"),
        ({"kind": "Int", "low": 1}, "Int needs the setting 'high'"),
        ({"kind": "Itn"}, r"no kind 'Itn'\. Did you mean 'Int'\?"),
        ({"kind": ["Int"]}, r"no kind \['Int'\]"),
        ({"low": 1}, r'expected {"kind": …}, got'),
        (None, r'expected {"kind": …}, got None'),
        ([INT], r'expected {"kind": …}, got \['),
        ({"kind": "Space", "parts": [INT]}, r'parts must be {"name": part, …}, got \['),
        ({"kind": "Space", "parts": {}}, r"parts must be {"),
        ({"kind": "Space", "parts": {1: INT}}, r"parts must be {"),
        ({"kind": "Space"}, "Space needs the setting 'parts'"),
        ({"kind": "Choice", "options": 5}, "options are a list"),
        ({"kind": "Choice", "options": []}, "a choice needs at least one option"),
        ({"kind": "EdgeCell", "nodes": 4, "ops": "abc"}, "a cell needs a list of operations"),
        ({"kind": "Chain", "block": INT, "length": None}, "length is a whole number"),
    ],
)
def test_mistake_names_the_full_path(part, message):
    with pytest.raises(SpaceError, match=rf"space\.head\.mlp\.width: {message}"):
        from_dict(in_head(part))


def test_mistake_in_the_block_of_a_chain_names_the_layer():
    chain = {"kind": "Chain", "block": {"kind": "Bool", "low": 1}, "length": 2}
    with pytest.raises(SpaceError, match=r"space\.head\.mlp\.width\[0\]: Bool has no setting"):
        from_dict(in_head(chain))


def test_a_setting_with_a_default_may_be_missing():
    assert from_dict({"kind": "Int", "low": 1, "high": 8}) == from_dict(INT)


def test_a_kind_of_an_installed_package_is_read_back(tmp_path, monkeypatch):
    code = "from archbo.spaces import Int\n\n\nclass Steps(Int):\n    pass\n"
    (tmp_path / "offered_steps.py").write_text(code)
    installed = tmp_path / "offered-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Name: offered\nVersion: 1\n")
    (installed / "entry_points.txt").write_text("[archbo.spaces]\nSteps = offered_steps:Steps\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = from_dict({"kind": "Steps", "low": 1, "high": 8})
    assert type(found).__name__ == "Steps"
    assert from_dict(found.to_dict()) == found
    with pytest.raises(SpaceError, match="no kind 'Strides'"):
        from_dict({"kind": "Strides"})
