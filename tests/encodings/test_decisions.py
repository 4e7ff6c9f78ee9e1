import numpy as np

import archbo as ab
from archbo.encodings.decisions import categories, numbers, one_hot

SPACE = ab.Space(
    act=ab.Choice(["relu", "gelu", "tanh"]),
    head=ab.Choice({"linear": None, "mlp": ab.Space(width=ab.Int(16, 256, log=True))}),
    fixed=ab.Choice(["only"]),
)


def rows(value):
    return SPACE.architecture(value | {"fixed": "only"}).rows


def test_options_and_numbers_come_with_their_activity():
    without = rows({"act": "gelu", "head": "linear"})
    values, active = categories(SPACE.compiled, without)
    assert values.tolist() == [[1, 0]]
    assert active.all()
    assert numbers(SPACE.compiled, without)[1].tolist() == [[False]]
    unit, active = numbers(SPACE.compiled, rows({"act": "relu", "head": {"mlp": {"width": 64}}}))
    assert np.allclose(unit, 0.5)
    assert active.all()


def test_one_hot_has_a_column_for_each_option_and_one_for_each_number():
    found = one_hot(SPACE.compiled, rows({"act": "tanh", "head": {"mlp": {"width": 256}}}))
    assert found.tolist() == [[0, 0, 1, 0, 1, 1]]
    assert one_hot(SPACE.compiled, rows({"act": "relu", "head": "linear"})).tolist() == [
        [1, 0, 0, 1, 0, 0]
    ]
