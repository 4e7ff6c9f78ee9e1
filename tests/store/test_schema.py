import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from archbo.store import Store

numbers = st.floats(allow_nan=False) | st.integers(-(2**80), 2**80)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def same(a: Any, b: Any) -> bool:
    """Equal, and of the same types all through: 1 is not 1.0, and -0.0 is not 0.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return a == b and math.copysign(1, a) == math.copysign(1, b)
    return a == b


STORE = Store.open(None)


@given(value=values)
def test_json_reads_back_exactly(value):
    name = f"study {len(STORE.studies())}"
    STORE.create_study({"value": value}, name=name)
    assert same(STORE.study(name).settings, {"value": value})
