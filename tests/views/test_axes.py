import itertools
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbo.views.axes import SHAPES, Scale, legend, mark, padded, typical, x_scale

finite = st.floats(-1e12, 1e12)


@given(finite, finite)
def test_ticks_are_few_and_inside(a, b):
    scale = x_scale(min(a, b), max(a, b))
    slack = 1e-6 * (scale.high - scale.low)
    assert len(scale.ticks()) <= 9
    assert all(scale.low - slack <= t <= scale.high + slack for t in scale.ticks())


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_ticks_between_whole_numbers_can_be_whole(low, width):
    ticks = x_scale(low - 0.5, low + width + 0.5).ticks(whole=True)
    assert 1 <= len(ticks) <= 9
    assert all(float(t).is_integer() for t in ticks)


@given(finite, st.floats(1e-6, 1e6), finite)
def test_numbers_beyond_are_clipped_to_the_frame(low, width, value):
    scale = Scale(low, low + width, 10, 90)
    if scale.high > scale.low:
        assert 10 <= scale(value) <= 90


def test_logarithmic_scale_gives_equal_room_to_equal_ratios():
    scale = x_scale(1, 10_000, log=True)
    places = [scale(10.0**k) for k in range(5)]
    steps = [b - a for a, b in itertools.pairwise(places)]
    assert steps == pytest.approx([steps[0]] * 4)
    assert scale.ticks() == [1, 10, 100, 1000, 10_000]


def test_one_value_alone_has_a_range():
    scale = x_scale(3, 3)
    assert scale.low < 3 < scale.high
    assert padded([2.0, 2.0]) == (2.0, 2.0)


def test_typical_range_keeps_every_good_value_and_drops_far_bad_ones():
    values = [0.01, *[0.9 + 0.001 * i for i in range(20)], 0.99]
    low, high = typical(values, maximize=True)
    assert low > 0.8
    assert high >= 0.99
    assert typical([-v for v in values], maximize=False) == pytest.approx((-high, -low))


@pytest.mark.parametrize("kind", [*SHAPES, "something-else"])
def test_every_origin_has_a_mark_that_leads_to_its_trial(kind):
    drawn = ElementTree.fromstring(mark(1, 2, kind, "<b>&\"'", 7))
    assert drawn.get("href") == "#trial-7"
    assert drawn.get("data-tip") == "<b>&\"'"
    assert "<svg" in legend([kind])
