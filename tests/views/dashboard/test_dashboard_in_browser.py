import re
import time
from itertools import pairwise
from threading import Thread

import numpy as np
import pytest

import archbo as ab
from archbo.data import Proposal
from archbo.spaces import from_dict
from archbo.store import NewTrial
from archbo.store.requests import Requests


@pytest.fixture
def visit(browser, serving):
    """Opens a page of a dashboard; fails where it asks for anything elsewhere or complains."""
    wrong, contexts, urls = [], [], {}

    def open_page(path="/", *stores, width=1280, scheme="light", control=False):
        key = (stores, control)
        url = urls[key] = urls.get(key) or serving(*stores, control=control)
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("request", lambda r: r.url.startswith((url, "data:")) or wrong.append(r.url))
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(url + path)
        page.locator("#live.on").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def numbers(page):
    """Of the trials in the list."""
    ids = page.locator("table.trials tbody tr").evaluate_all("rows => rows.map(row => row.id)")
    return [int(found.removeprefix("row-")) for found in ids]


def test_a_search_that_runs_is_followed_to_its_end(visit, tmp_path):
    """A real study; what the page shows at the end came without loading it again."""
    file = tmp_path / "tiny.db"
    space = ab.Space(width=ab.Int(1, 40), act=ab.Choice(["relu", "tanh"]))
    go = tmp_path / "go"

    def train(arch, trial):
        while trial.number and not go.exists():
            time.sleep(0.02)
        return float(np.log(arch["width"])) + (arch["act"] == "relu")

    def search():
        with ab.Study(file, space, maximize="score", seed=0) as study:
            study.run(train, trials=8)

    running = Thread(target=search)
    running.start()
    while not file.exists() or file.stat().st_size < 1000:
        time.sleep(0.02)
    time.sleep(0.5)
    page = visit("/", file)
    page.get_by_role("heading", name="In training: 1").wait_for()
    page.evaluate("window.same = true")
    go.touch()
    running.join()
    page.locator(".tiles div", has_text="finished").get_by_text("8", exact=True).wait_for()
    assert page.evaluate("window.same")
    assert numbers(page) == [*range(7, -1, -1)]
    page.locator("#part-beliefs .band").wait_for()


def test_an_update_leaves_focus_scroll_words_and_marks_as_they_are(visit, open_study):
    page = visit("/studies/0")
    page.locator("#filter").fill("finished")
    page.locator("#part-list").get_by_text("21 of 24", exact=True).wait_for()
    page.get_by_label("Compare trial 7").check()
    page.locator("#filter").focus()
    page.evaluate("window.kept = document.getElementById('row-7')")
    scrolled = page.evaluate("scrollY")
    assert scrolled > 100
    open_study.finish(23, 0.5, seconds=2.0)
    page.locator("#part-list").get_by_text("22 of 24", exact=True).wait_for()
    assert page.evaluate("document.activeElement.id") == "filter"
    assert page.locator("#filter").input_value() == "finished"
    assert page.get_by_label("Compare trial 7").is_checked()
    assert page.evaluate("window.kept === document.getElementById('row-7')")
    assert page.evaluate("scrollY") == pytest.approx(scrolled, abs=60)
    assert numbers(page)[0] == 23


def test_the_list_filters_as_one_types_and_sorts_and_the_address_says_so(visit):
    page = visit("/studies/0")
    page.locator("#filter").fill("accuracy>0.85 model")
    page.locator("#part-list").get_by_text("2 of 24", exact=True).wait_for()
    assert numbers(page) == [20, 15]
    page.get_by_role("link", name="accuracy").click()
    page.locator("th[aria-sort=descending]", has_text="accuracy").wait_for()
    assert "filter=accuracy%3E0.85+model" in page.url
    page.reload()
    assert numbers(page) == [20, 15]
    assert page.locator("#filter").input_value() == "accuracy>0.85 model"


def test_a_mark_leads_to_its_trial_and_back(visit):
    page = visit("/studies/0")
    page.locator('#part-search a.mark[href$="/trials/9"]').hover()
    tip = page.locator("#tip")
    tip.get_by_text("cell=[0→1").wait_for()
    assert "SIGSEGV" in tip.inner_text()
    page.locator('#part-search a.mark[href$="/trials/9"]').click()
    page.get_by_role("heading", name="Trial 9").wait_for()
    assert page.locator("svg.archbo-graph").count() == 1
    page.get_by_role("link", name="Next").click()
    page.get_by_role("heading", name="Trial 10").wait_for()
    page.get_by_role("link", name="digits").first.click()
    page.get_by_role("heading", name="The search").wait_for()


def test_two_marked_trials_are_laid_side_by_side(visit):
    page = visit("/studies/0")
    for number in (3, 8):
        page.get_by_label(f"Compare trial {number}", exact=True).check()
    page.get_by_role("button", name="Compare the marked two").click()
    page.get_by_role("heading", name="Trials 8 and 3").wait_for()
    boxes = [each.bounding_box() for each in page.locator("svg.archbo-graph").all()]
    assert boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"]
    rows = page.locator("#part-differences tbody tr").all_inner_texts()
    assert rows
    assert all(len(set(re.split(r"\t", row)[1:])) == 2 for row in rows)


def test_all_can_be_done_with_the_keyboard(visit):
    page = visit("/studies/0")
    page.keyboard.press("/")
    page.keyboard.type("model")
    page.locator("#part-list").get_by_text("4 of 24", exact=True).wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    assert page.locator("tr.current").get_attribute("id") == "row-15"
    assert page.get_by_label("Compare trial 20").is_checked()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Trial 15").wait_for()
    page.locator("#live.on").wait_for()
    page.keyboard.press("p")
    page.get_by_role("heading", name="Trial 14").wait_for()
    page.locator("#live.on").wait_for()
    page.keyboard.press("o")
    page.get_by_role("heading", name="The search").wait_for()
    page.locator("#live.on").wait_for()
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    page.locator("#part-search svg.chart").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#tip").inner_text().startswith("Trial 0")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Trial 0").wait_for()


def test_an_architecture_is_copied_as_python(visit):
    page = visit("/studies/0/trials/4")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy as Python").click()
    page.get_by_role("button", name="Copied").wait_for()
    text = page.evaluate("navigator.clipboard.readText()")
    assert text.startswith("arch = space.architecture(\n{'cell': [(0, 1, ")


def test_nothing_of_a_study_runs_in_a_page(visit):
    for path in ("/studies/0", "/studies/0/trials/5", "/studies/0?filter=failed"):
        page = visit(path)
        assert "<script>window.hacked" in page.locator("body").inner_text()
        assert page.evaluate("window.hacked") is None
    page.locator('#part-search a.mark[href$="/trials/5"]').hover()
    page.locator("#tip").get_by_text("<script>").wait_for()
    assert page.evaluate("window.hacked") is None


def test_a_study_is_steered_by_whoever_has_the_token(visit, open_study):
    page = visit("/studies/0", control=True)
    assert page.get_by_role("button", name="Pause").is_hidden()
    page.goto(page.url + "#token=secret")
    page.reload()
    assert "secret" not in page.url
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("Asked. Whoever runs the study does it.").wait_for()
    page.locator("#part-requests").get_by_text("waits for the run").wait_for()
    arch = from_dict(open_study.settings["space"]).sample(3)
    page.get_by_text("Train an architecture").click()
    page.get_by_label("Its plain value").fill(repr(arch.value))
    page.get_by_role("button", name="Train it next").click()
    page.locator("#request-2").wait_for()
    page.goto(re.sub(r"/studies.*", "/studies/0/trials/5", page.url))
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("Asked.").wait_for()
    asked = Requests(open_study).open()
    assert [(r.kind, r.trial) for r in asked] == [("pause", None), ("enqueue", None), ("retry", 5)]
    assert asked[1].architecture == arch.to_dict()
    said = []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.accept()))
    page.get_by_role("button", name="Delete").click()
    page.get_by_text("failed; deleted when there were 24 trials").wait_for()
    assert said[0].startswith("Delete trial 5? Its result counts no more")
    page.get_by_role("button", name="Delete").wait_for(state="hidden")


def test_a_dashboard_that_is_away_is_said_and_found_again(visit):
    page = visit("/studies/0")
    page.context.set_offline(True)
    page.evaluate("source.close(); source = null; say('off', 'not live')")
    assert page.locator("#live").inner_text() == "not live"
    page.context.set_offline(False)
    page.evaluate("listen()")
    page.locator("#live.on").wait_for()


@pytest.mark.parametrize("width", [320, 375, 768])
def test_no_page_scrolls_sideways(visit, study_file, tmp_path, width):
    for path in ("/studies/0", "/studies/0/trials/5", "/studies/0/compare?trial=1&trial=2"):
        page = visit(path, width=width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_dark_is_dark_and_light_is_light(visit):
    shades = []
    for scheme in ("light", "dark"):
        colour = visit(scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
        shades.append(sum(map(int, re.findall(r"\d+", colour))))
    assert shades[0] > 650
    assert shades[1] < 120


def test_several_studies_stand_side_by_side_and_each_is_live(visit, study_file, open_study):
    page = visit("/", study_file, study_file)
    boxes = [each.bounding_box() for each in page.locator(".panel").all()]
    assert all(a["x"] + a["width"] <= b["x"] for a, b in pairwise(boxes))
    arch = from_dict(open_study.settings["space"]).sample(999)
    open_study.add_trial(NewTrial(Proposal(arch, "user"), value=0.999))
    page.get_by_text("accuracy 0.999").nth(1).wait_for()
