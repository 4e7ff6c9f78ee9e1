import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from archbo.data import Prediction, Report, State
from archbo.views.report import render_report, write_report

VOID = {"meta", "link", "br", "img"}


class Page(HTMLParser):
    """Checks that tags are closed in order, and collects them with the text."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.words.append(data)


def test_page_is_well_formed_and_names_every_trial(shown):
    page = Page(render_report(shown.records, shown.settings, name="digits"))
    rows = [attrs["id"] for tag, attrs in page.tags if tag == "tr" and "id" in attrs]
    assert rows == [f"trial-{i}" for i in range(24)]
    assert "digits" in page.words
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_page_loads_nothing_from_anywhere(shown):
    page = render_report(shown.records, shown.settings)
    addresses = set(re.findall(r"https?://[^\s\"'<]+", page))
    assert addresses == {"http://www.w3.org/2000/svg"}
    for tag, attrs in Page(page).tags:
        assert tag not in ("img", "iframe", "object")
        assert attrs.get("href", "#").startswith(("#", "data:"))
        assert "src" not in attrs
    assert len(page) < 200_000


def test_every_link_leads_somewhere(shown):
    tags = Page(render_report(shown.records, shown.settings)).tags
    ids = {attrs["id"] for _, attrs in tags if "id" in attrs}
    links = {a["href"][1:] for tag, a in tags if tag == "a"}
    assert links <= ids


def test_markup_in_errors_names_and_operations_is_escaped(shown):
    settings = shown.settings | {"objective": "<u>acc</u>", "method": "<script>1</script>"}
    page = render_report(shown.records, settings, name="</title><script>alert(2)</script>")
    assert page.count("<script>") == 1  # the page's own
    assert "<u>" not in page
    assert "onerror=alert(1)&gt;" in page
    Page(page)


def test_words_of_the_search_say_when_the_incumbent_last_changed(make, shown):
    records = [make(0, 0.5), make(1, 0.7), make(2, 0.6)]
    assert "changed at trial 1; 1 came after." in render_report(records, shown.settings)
    assert "changed at the last trial, 1." in render_report(records[:2], shown.settings)


def test_failed_trial_shows_its_error_and_folds_its_traceback_away(shown):
    page = render_report(shown.records, shown.settings)
    row = page.partition('<tr id="trial-5"')[2].partition("</tr>")[0]
    assert '<p class="error">RuntimeError: &lt;script&gt;' in row
    assert "Traceback:" in row.partition("<details>")[2].partition("</details>")[0]


def test_reasons_of_failures_are_told_apart_the_most_frequent_first(make, settings):
    again = [make(n, None, state=State.FAILED, error="out of memory") for n in range(9)]
    once = make(9, None, state=State.FAILED, error="<b>odd</b>\nits second line")
    page = render_report([once, *again], settings())
    told = page.partition('id="failed"')[2].partition("</section>")[0]
    assert (
        told.index("and 3 more: ") < told.index("Trial <a") < told.index("&lt;b&gt;odd&lt;/b&gt;")
    )
    assert "second line" not in told
    assert 'id="failed"' not in render_report([make(0, 0.5)], settings())


def many(make, count):
    """Trials of which one in twenty failed, for one of two reasons; the best is in the middle."""
    one = make(0, 0.5, reports=tuple(Report(e, 0.5 - 0.3 / e) for e in range(1, 60)))
    known = {"features": {"params": 2.0}, "prediction": Prediction(0.5, 0.1), "score": 1.0}
    for n in range(count):
        one = replace(one, number=n, architecture_id=str(n))
        value = 0.9 if n == count // 2 else 0.5 + 0.3 * (n * 37 % 101) / 101
        if n % 20 == 7:
            reason = "out of memory" if n > 7 else "a rare reason"
            yield replace(one, value=None, state=State.FAILED, error=reason)
        else:
            yield replace(one, value=value, **known | {"features": {"params": 1.0 + n}})


def test_report_of_very_many_trials_is_a_megabyte_with_the_answer_and_what_failed(make, settings):
    records = [*many(make, 3000)]
    text = render_report(records, settings(), store="my.db")
    assert 700_000 < len(text.encode()) <= 1_000_000
    page = Page(text)
    rows = [a["id"] for tag, a in page.tags if tag == "tr" and "id" in a]
    assert rows == sorted(rows, key=lambda name: int(name.removeprefix("trial-")))
    assert {"trial-1500", "trial-2999", "trial-0", "trial-7", "trial-27"} <= set(rows)
    assert f"{len(rows)} of 3,000 trials" in page.words
    assert "archbo show my.db --trial N" in page.words
    # each mark leads to its trial's row, or to the table where it has none
    ids = {a["id"] for _, a in page.tags if "id" in a}
    links = [a["href"].removeprefix("#") for tag, a in page.tags if tag == "a"]
    assert set(links) <= ids
    assert "trials" in links
    assert "a rare reason" in text.partition('id="failed"')[2].partition("</section>")[0]


def test_large_rows_leave_room_for_fewer(make, settings):
    records = [replace(r, traceback="line\n" * 5000) for r in many(make, 200)]
    text = render_report(records, settings())
    assert len(text.encode()) <= 1_000_000
    assert '<tr id="trial-100"' in text


def test_six_best_architectures_are_drawn(shown):
    page = render_report(shown.records, shown.settings)
    cards = page.partition('id="best"')[2].partition("</section>")[0]
    assert cards.count('class="archbo-graph"') == 6
    assert "head.mlp.width" in page


def test_page_says_what_was_searched_and_how_to_run_it_again(shown):
    settings = shown.settings | {"program": "/home/me/digits.py", "seed": 7}
    page = Page(render_report(shown.records, settings, store="my digits.db"))
    words = " ".join(page.words)
    for name in ("cell", "body", "head", "lr"):
        assert name in page.words
    assert "EdgeCell(nodes=4" in words
    assert "archbo run digits.py --trials 24\narchbo replay 'my digits.db' --verify" in words
    assert "/home/me" not in words


def test_what_was_learned_has_its_place_on_the_page(shown):
    page = render_report(shown.records, shown.settings, learned="<section>so</section>")
    assert page.index('id="best"') < page.index("<section>so</section>") < page.index('id="next"')


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_page_says_what_is_best(shown, direction):
    settings = shown.settings | {"direction": direction}
    done = [r.value for r in shown.records if r.state is State.FINISHED]
    best = max(done) if direction == "maximize" else min(done)
    lead = render_report(shown.records, settings).partition('class="lead"')[2]
    assert lead.startswith(f'><span class="value">{best:.5g}</span>')


def test_study_without_results_has_a_page_too(shown, make):
    for records in ([], [make(0, None, state=State.RUNNING, seconds=None)]):
        assert "No trial has finished yet." in render_report(records, shown.settings)


def test_report_is_written_where_asked(shown, tmp_path):
    path = write_report(shown.records, shown.settings, tmp_path / "r.html", name="digits")
    page = path.read_text(encoding="utf-8")
    assert page == render_report(shown.records, shown.settings, name="digits")


def test_page_of_short_trainings_says_how_far_they_went(climbed):
    page = render_report(climbed.records, climbed.settings)
    Page(page)
    assert "80% saved" in page
    assert "<dt>paused</dt><dd>8</dd>" in page
    assert "<dt>saved against full trainings</dt><dd>80%</dd>" in page
    row = page.partition('<tr id="trial-6"')[2].partition("</tr>")[0]
    assert "0.73933 <small><em>paused at 3 of 27 epochs</em></small>" in row
    assert "The accuracy of every full training" in page
    assert "Predicted and observed" not in page  # nothing was predicted


def test_page_before_any_training_in_full_leads_with_the_one_that_got_furthest(climbed):
    lead = render_report(climbed.records[:9], climbed.settings).partition('class="lead"')[2]
    assert "of the trial that got furthest" in lead
    assert 'href="#trial-8">8</a>, at 9 of 27 epochs.' in lead


def test_page_of_levels_trained_afresh_names_what_they_are_of(afresh):
    page = render_report(afresh.records, afresh.settings)
    Page(page)
    assert "paused at data_fraction 0.1" in page
    assert "its trainings of different levels as one line" in page
