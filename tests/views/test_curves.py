import io
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from rich.console import Console

import archbo as ab
from archbo.data import Report, State
from archbo.views.curves import curves_figure, curves_info, curves_parts, sparkline


def drawn_curves(info, study):
    """The figure's curves in the order in which they are drawn, and its legend."""
    drawn, _, legend = curves_figure(info, study).partition("</svg>")
    chart = ElementTree.fromstring(drawn + "</svg>")
    return [a for a in chart.iter("a") if "curve" in a.get("class").split()], legend


def test_without_a_fidelity_a_curve_is_a_trial_that_reported_twice(make, study):
    reports = (Report(2, 0.5), Report(1, 0.4))
    records = [make(0, 0.5, reports=reports), make(1, 0.9, reports=reports[:1])]
    info = curves_info(records, study)
    assert [(line.trial, line.points) for line in info.lines] == [(0, ((1, 0.4), (2, 0.5)))]
    assert [line.trial for line in info.best] == [0]  # the incumbent reported once only
    assert info.levels == ()


def test_with_a_fidelity_every_training_with_a_value_has_a_curve(climbed):
    info = curves_info(climbed.records, climbed.study)
    assert [line.trial for line in info.lines] == list(range(12))
    assert [line.reached for line in info.lines] == [*[1] * 6, 3, 3, 9, 27, 5, 4]
    assert info.levels == (1, 3, 9, 27)


def test_the_best_are_those_in_full_and_then_those_that_got_furthest(climbed):
    best = curves_info(climbed.records, climbed.study, top=5).best
    assert [line.trial for line in best] == [9, 8, 11, 7, 6]  # 10 failed


def test_levels_of_one_training_in_full_are_the_usual_ones(climbed):
    assert curves_info(climbed.records[9:10], climbed.study).levels == (1, 3, 9, 27)


def test_many_levels_give_way_to_the_usual_ones(climbed):
    paused = climbed.records[7]
    records = [
        replace(paused, number=k, reached=float(k), fidelity=float(k), interim=0.5, reports=())
        for k in range(1, 12)
    ]
    assert curves_info(records, climbed.study).levels == (1, 3, 9, 27)


def test_a_value_at_a_level_is_the_last_one_up_to_it(climbed):
    line = curves_info(climbed.records, climbed.study).lines[10]
    assert line.at(3) == pytest.approx(0.91 - 0.5 / 3)
    assert line.at(4.5) == pytest.approx(0.91 - 0.5 / 4)
    assert line.at(9) is None


def test_trainings_of_one_network_at_several_levels_are_one_curve(afresh):
    info = curves_info(afresh.records, afresh.study)
    assert [len(line.points) for line in info.lines] == [1, 2, 3, 1]
    last = info.lines[-1]
    assert (last.trial, last.state, last.target, last.reached) == (7, State.RUNNING, 0.3, 0.1)
    assert info.levels == (0.1, 0.3, 1.0)
    assert info.best[0].points == ((0.1, 0.25), (0.3, 0.35), (1.0, 0.7))


def test_results_from_elsewhere_and_confirmations_are_no_curves_of_the_search(climbed):
    records = [
        replace(climbed.records[9], origin="confirm"),
        replace(climbed.records[8], attempt=0),
    ]
    assert curves_info(records, climbed.study).lines == ()


def test_figure_tells_states_apart_and_draws_the_best_in_front(climbed):
    curves, legend = drawn_curves(curves_info(climbed.records, climbed.study), climbed.study)
    assert [a.get("href") for a in curves[-3:]] == ["#trial-11", "#trial-8", "#trial-9"]
    assert curves[-1].get("class") == "curve finished best s0"
    assert {a.get("class").split()[1] for a in curves} == set(State) - {State.DELETED}
    ends = {a.get("href") for a in curves if len(a.findall("path")) == 2}
    assert ends == {f"#trial-{k}" for k in range(12)} - {"#trial-9"}
    for words in ("trial 9", "trial 8", "trial 11", "paused", "stopped", "failed", "running"):
        assert f"{words}</li>" in legend


def test_a_training_with_one_point_is_a_dot(climbed):
    alone = replace(climbed.records[9], reports=())
    curves, _ = drawn_curves(curves_info([alone], climbed.study), climbed.study)
    assert [path.get("class") for path in curves[0]] == [None, "end"]


def test_figure_over_many_epochs_has_equal_room_from_rung_to_rung(climbed):
    drawn = curves_figure(curves_info(climbed.records, climbed.study), climbed.study)
    chart = ElementTree.fromstring(drawn.partition("</svg>")[0] + "</svg>")
    at = {t.text: float(t.get("x")) for t in chart.iter("text") if t.get("class") == "tick"}
    steps = [at["3"] - at["1"], at["9"] - at["3"], at["27"] - at["9"]]
    assert steps == pytest.approx([steps[0]] * 3, abs=0.2)


def test_ticks_that_have_no_room_are_left_out(climbed):
    settings = ab.Epochs(1, 81, continued=False)
    study = climbed.study._replace(fidelity=settings)
    levels = (1.0, 2.0, 79.0, 80.0)
    records = [
        replace(climbed.records[k], reached=level, fidelity=level, interim=0.1 * k)
        for k, level in enumerate(levels)
    ]
    drawn = curves_figure(curves_info(records, study), study)
    chart = ElementTree.fromstring(drawn.partition("</svg>")[0] + "</svg>")
    ticks = [t for t in chart.iter("text") if t.get("text-anchor") == "middle"]
    assert [t.text for t in ticks if t.get("class") == "tick"] == ["1", "2", "80"]


def printed(parts):
    console = Console(file=io.StringIO(), width=100)
    for part in parts:
        console.print(part)
    return [line.split() for line in console.file.getvalue().splitlines()]


def test_table_has_a_row_for_each_of_the_best_and_a_column_for_each_level(climbed):
    info = curves_info(climbed.records, climbed.study, top=2)
    _, title, heads, first, second = printed(curves_parts(info, climbed.study))
    assert title == ["The", "best", "learning", "curves:", "accuracy", "by", "epochs"]
    assert heads == ["trial", "1", "3", "9", "27"]
    assert first == ["9", "finished", "0.409", "0.7423", "0.8534", "0.8905"]
    assert second == ["8", "stopped", "0.408", "0.7413", "0.8524"]


def test_no_table_without_a_fidelity(shown):
    assert printed(curves_parts(curves_info(shown.records, shown.study), shown.study)) == []


def test_a_long_curve_is_as_many_bars_as_a_line_has_room_for():
    bars = sparkline([k / 500 for k in range(500)])
    assert len(bars) == 60
    assert bars[0] + bars[-1] == "▁█"


def test_long_curves_are_drawn_with_fewer_points_and_their_ends(make, study):
    reports = tuple(Report(e, 1 - 1 / e) for e in range(1, 1001))
    records = [make(n, 0.9 + n / 100, reports=reports) for n in range(5)]
    drawn, _ = drawn_curves(curves_info(records, study), study)
    counts = [a.find("path").get("d").count(" ") for a in drawn]
    assert counts == [40, 40, 200, 200, 200]  # the best three are in front
    paths = [a.find("path").get("d").strip("M").split("L") for a in drawn]
    assert len({(path[0], path[-1]) for path in paths}) == 1
