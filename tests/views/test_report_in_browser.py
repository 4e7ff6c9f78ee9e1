from dataclasses import replace
from itertools import combinations

import pytest

from archbo.views.comparison import render_comparison
from archbo.views.figures import history_chart
from archbo.views.infos import history_info
from archbo.views.report import write_page, write_report

TEXT_BOXES = """element => [...element.querySelectorAll("text")].map(text => {
    const box = text.getBoundingClientRect();
    return [box.left, box.top, box.right, box.bottom, text.textContent];
})"""


@pytest.fixture
def visit(browser, shown, tmp_path):
    """Opens a report in a window; fails where it asks for anything or complains."""
    path = tmp_path / "report.html"
    wrong, contexts = [], []

    def open_page(width=1280, scheme="light", study=shown):
        write_report(study.records, study.settings, path, name="digits")
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda r: r.url == path.as_uri() or wrong.append(r.url))
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("kind", ["shown", "climbed", "afresh"])
def test_no_text_lies_over_another_in_any_drawing(visit, request, width, kind):
    page = visit(width, study=request.getfixturevalue(kind))
    page.locator(".answer details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    drawings = page.locator("svg.archbo-graph, svg.chart:has(text)")  # a map has none
    assert drawings.count() == {"shown": 14, "climbed": 5, "afresh": 5}[kind]
    for drawing in drawings.all():
        boxes = drawing.evaluate(TEXT_BOXES)
        assert boxes
        for a, b in combinations(boxes, 2):
            across = min(a[2], b[2]) - max(a[0], b[0])
            down = min(a[3], b[3]) - max(a[1], b[1])
            assert across <= 0.5 or down <= 0.5, f"{a} lies over {b}"


def test_every_operations_text_fits_its_box(visit):
    page = visit()
    widths = page.locator("svg.archbo-graph g:has(> rect)").evaluate_all(
        """groups => groups.map(group => [
            group.querySelector("text").getBoundingClientRect().width,
            group.querySelector("rect").getBoundingClientRect().width])"""
    )
    assert widths
    assert all(text <= box - 2 for text, box in widths)


@pytest.mark.parametrize("width", [320, 375, 768])
@pytest.mark.parametrize("kind", ["shown", "climbed"])
def test_page_never_scrolls_sideways(visit, request, width, kind):
    page = visit(width, study=request.getfixturevalue(kind))
    page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [375, 1280])
def test_every_text_of_a_figure_is_seen_inside_its_panel(visit, shown, width):
    offsets = [
        r if r.value is None else replace(r, value=0.84 + r.value / 500) for r in shown.records
    ]
    page = visit(width, study=shown._replace(records=offsets))
    texts = page.locator(".panel svg.chart text").evaluate_all(
        """all => all.map(text => {
            const box = text.getBoundingClientRect();
            const panel = text.closest(".panel").getBoundingClientRect();
            const hidden = getComputedStyle(text.closest("svg")).overflow !== "visible";
            const frame = hidden ? text.closest("svg").getBoundingClientRect() : panel;
            return [text.textContent, box.left - frame.left, frame.right - box.right];
        })"""
    )
    assert any(len(words) > 5 and words.startswith("0.8") for words, _, _ in texts), texts
    assert all(left >= 0 and right >= 0 for _, left, right in texts)


def test_dark_theme_is_dark_and_light_is_light(visit):
    shades = []
    for scheme in ("light", "dark"):
        colour = visit(scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
        shades.append(sum(map(int, colour.removeprefix("rgb(").removesuffix(")").split(","))))
    assert shades[0] > 650
    assert shades[1] < 120


def test_script_in_an_error_does_not_run(visit):
    page = visit()
    page.locator("#trial-5 summary").click()
    assert "<script>" in page.locator("#trial-5 .error").inner_text()
    assert page.evaluate("window.hacked") is None


def test_table_sorts_with_missing_values_last(visit):
    page = visit()
    button = page.get_by_role("button", name="accuracy")
    for direction in ("ascending", "descending"):
        button.click()
        assert page.locator("th", has=button).get_attribute("aria-sort") == direction
        keys = page.locator("section:has(#trials) tbody tr td:nth-child(2)").evaluate_all(
            "cells => cells.map(cell => cell.dataset.key ?? null)"
        )
        values = [float(key) for key in keys if key is not None]
        assert values == sorted(values, reverse=direction == "descending")
        assert keys[len(values) :] == [None] * 3


def test_keyboard_walks_a_figure_and_goes_to_the_trial(visit):
    page = visit()
    page.locator(".panels svg.chart").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    tip = page.locator("#tip")
    assert tip.inner_text().startswith("Trial 1: accuracy")
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#trial-1"
    page.keyboard.press("Escape")
    assert tip.is_hidden()


def test_hover_shows_what_a_mark_is(visit):
    page = visit()
    page.locator('svg.chart a[href="#trial-9"]').first.hover()
    assert "SIGSEGV" in page.locator("#tip").inner_text()


def test_paused_and_stopped_trainings_are_told_apart_and_say_where_they_stand(visit, climbed):
    page = visit(study=climbed)
    ends = [page.locator(f"svg.chart .{state} .end").last for state in ("paused", "stopped")]
    fills = [end.evaluate("e => getComputedStyle(e).fill") for end in ends]
    assert fills == ["rgb(255, 255, 255)", "none"]
    ends[1].dispatch_event("pointerover")  # others lie over it
    assert page.locator("#tip").inner_text() == "Trial 8: accuracy 0.85244 at 9, stopped"


def test_tables_sort_beside_one_whose_headings_are_plain(visit, shown):
    confirmed = [replace(shown.records[6], number=k, origin="confirm") for k in (10, 11)]
    page = visit(study=shown._replace(records=[*shown.records[:10], *confirmed]))
    assert page.get_by_role("heading", name="Confirmed with new seeds").is_visible()
    page.get_by_role("button", name="origin").click()
    first = page.locator("section:has(#trials) tbody tr").first
    assert first.locator("td").nth(3).inner_text() == "confirm"


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("count", [2, 3])
def test_comparison_fits_its_window_and_its_tables_sort(browser, shown, tmp_path, width, count):
    studies = [(f"search {k}", shown.records[: 24 - k], shown.settings) for k in range(count)]
    path = write_page(render_comparison(studies), tmp_path / "c.html")
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    button = page.locator("section:has(#table) th button").first
    button.click()
    button.click()
    first = page.locator("section:has(#table) tbody tr").first
    assert first.locator("td").first.inner_text() == f"search {count - 1}"
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figure_of_its_own_can_be_read_on_light_and_dark(browser, shown, tmp_path, scheme):
    svg = history_chart(history_info(shown.records, shown.study), shown.study).svg("The search")
    path = tmp_path / "figure.svg"
    path.write_text(svg, encoding="utf-8")
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(path.as_uri())
    ground, ink = (
        page.locator(selector).first.evaluate(
            "e => getComputedStyle(e).fill.match(/\\d+/g).map(Number).reduce((a, b) => a + b)"
        )
        for selector in (".surface", ".title")
    )
    assert (ground > 700 and ink < 150) if scheme == "light" else (ground < 120 and ink > 650)
    boxes = page.locator("svg").first.evaluate(TEXT_BOXES)
    for a, b in combinations(boxes, 2):
        across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
        assert across <= 0.5 or down <= 0.5, f"{a} lies over {b}"
    context.close()
