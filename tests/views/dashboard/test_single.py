import ast

from archbo.executors.logs import LARGEST
from archbo.views.dashboard import single
from archbo.views.dashboard.feed import Snapshot


def test_a_trial_says_what_was_expected_what_came_and_what_it_cost(shown):
    snapshot = Snapshot(shown.study, shown.records, 1)
    record = shown.records[10]
    html = single.trial_head(snapshot, record)
    off = (record.value - record.prediction.mean) / record.prediction.sd
    assert f"{off:+.1f} standard deviations" in html
    assert "2.0 s, 4.3% of all" in html
    assert 'rel="prev" href="#trial-9"' in html
    assert 'rel="next" href="#trial-11"' in html


def test_the_first_and_the_last_trial_have_one_neighbour(shown):
    snapshot = Snapshot(shown.study, shown.records, 1)
    assert 'rel="prev"' not in single.trial_head(snapshot, shown.records[0])
    assert 'rel="next"' not in single.trial_head(snapshot, shown.records[23])


def test_the_python_of_an_architecture_makes_it_again(shown):
    snapshot = Snapshot(shown.study, shown.records, 1)
    arch = snapshot.architecture(shown.records[0])
    html = single.python_section(arch).replace("&#x27;", "'")
    code = html.partition('<pre id="source">')[2].partition("</pre>")[0]
    value = code.removeprefix("arch = space.architecture(").removesuffix(")")
    assert shown.study.space.architecture(ast.literal_eval(value.strip())) == arch


def test_a_trial_without_reports_has_no_curve_and_one_without_error_no_reason(shown):
    snapshot = Snapshot(shown.study, shown.records, 1)
    assert single.curve_panel(snapshot, shown.records[23]) == ""
    assert 'href="#trial-4"' in single.curve_panel(snapshot, shown.records[4])
    assert single.error_section(shown.records[3]) == ""
    assert "Traceback:" in single.error_section(shown.records[5])


def test_a_log_is_shown_as_text_and_of_a_long_one_the_end(feed, study_file):
    logs = study_file.with_suffix(".files") / "logs"
    logs.mkdir(parents=True)
    record = feed.snapshot().records[3]
    assert single.log_section(feed, record) == ""
    (logs / "3.txt").write_text("<script>\n" + "x" * LARGEST + "the end")
    html = single.log_section(feed, record)
    assert "<script>" not in html
    assert "The end of it." in html
    assert "xthe end</pre>" in html


def test_two_trials_of_one_network_differ_in_nothing(shown):
    snapshot = Snapshot(shown.study, shown.records, 1)
    same = single.comparison(snapshot, shown.records[1], shown.records[1])
    assert "Both have the same architecture." in same
    other = single.comparison(snapshot, shown.records[1], shown.records[2])
    assert "<del>" in other
    assert "<ins>" in other
