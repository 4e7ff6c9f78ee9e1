from xml.etree import ElementTree

import pytest

from archbo.data import State
from archbo.views.figures import (
    calibration_figure,
    feature_figure,
    history_figure,
)
from archbo.views.infos import calibration_info, history_info


def chart(drawn):
    """The figure's SVG, parsed (a legend may follow)."""
    return ElementTree.fromstring(drawn.partition("</svg>")[0] + "</svg>")


def marks(drawn):
    return [a for a in chart(drawn).iter("a") if "mark" in a.get("class")]


def test_history_marks_every_trial_that_ended(shown):
    drawn = history_figure(history_info(shown.records, shown.study), shown.study)
    assert {m.get("href") for m in marks(drawn)} == {f"#trial-{i}" for i in range(23)}
    failed = [m for m in marks(drawn) if "failed" in m.get("class")]
    assert [m.get("href") for m in failed] == ["#trial-5", "#trial-9"]
    for origin in ("initial", "model", "random", "evolution", "user", "odd", "failed"):
        assert f"{origin}</li>" in drawn


def test_history_line_ends_at_the_incumbent(shown):
    info = history_info(shown.records, shown.study)
    (line,) = [
        p for p in chart(history_figure(info, shown.study)).iter("path") if p.get("class") == "line"
    ]
    assert line.get("d").count("V") == len(info.steps) - 1


def test_calibration_shows_each_prediction_with_its_bar(shown):
    info = calibration_info(shown.records)
    drawn = calibration_figure(info, shown.study)
    bars = [p for p in chart(drawn).iter("path") if p.get("class") == "bar"]
    assert len(marks(drawn)) == len(bars) == len(info.points) > 0


def test_feature_over_decades_is_on_a_logarithmic_scale(make, study):
    records = [make(i, 0.1 * i, features={"params": 10.0**i}) for i in range(1, 7)]
    texts = [t.text for t in chart(feature_figure(records, "params", study)).iter("text")]
    assert {"10", "1,000", "1M"} <= set(texts)


@pytest.mark.parametrize("count", [0, 1])
def test_figures_of_almost_nothing_do_not_fail(make, study, count):
    records = [make(i, 0.5) for i in range(count)]
    assert ("No trial" in history_figure(history_info(records, study), study)) is (count == 0)
    assert "No finished trial" in calibration_figure(calibration_info(records), study)


def test_history_of_failures_only_shows_them(make, study):
    records = [make(0, None, state=State.FAILED, error="out of memory")]
    assert len(marks(history_figure(history_info(records, study), study))) == 1


@pytest.mark.parametrize("size", [1e-12, 1e12])
def test_tiny_and_huge_values_have_distinct_ticks(make, study, size):
    records = [make(i, size * (1 + i)) for i in range(5)]
    texts = [
        t.text for t in chart(history_figure(history_info(records, study), study)).iter("text")
    ]
    assert len(texts) == len(set(texts)) or texts.count("0") <= 2
