import time
from contextlib import closing

import pytest

from archbo.store import Store
from archbo.views.dashboard.pages import CLOCK_SECONDS, Missing, Site, changed, digests, frame
from archbo.views.dashboard.serving import open_feed

from .conftest import NEVER, write


class Clock:
    """Stands still until it is set."""

    def __init__(self):
        self.now = time.time() + 100

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def site(feed, clock):
    return Site([feed], control=False, clock=clock, first=NEVER)


@pytest.fixture
def two(feed, shown, tmp_path):
    with Store.open(tmp_path / "other.db") as store:
        write(store.create_study(shown.settings | {"epochs": 1}), shown.records[0])
    with closing(open_feed(str(tmp_path / "other.db"))) as other:
        yield Site([feed, other], control=False, first=NEVER)


def names(page):
    return [part.name for part in page.parts if part.html]


def test_the_only_study_is_the_first_page(site):
    assert names(site.page("/", {})) == [
        "head", "search", "beliefs", "calibration", "curves", "map", "training", "failed", "cards",
        "list",
    ]  # fmt: skip


def test_several_studies_stand_side_by_side_and_lead_to_their_pages(two):
    page = two.page("/", {})
    assert names(page) == ["head", "study-0", "study-1"]
    assert 'href="/studies/1"' in page.parts[2].html
    assert 'href="/studies/1/trials/0"' in page.parts[2].html
    html = frame(page, two)
    assert '<a href="/" aria-current="page">All</a>' in html
    assert ">other</a>" in html


@pytest.mark.parametrize(
    ("path", "trials", "message"),
    [
        ("/nothing", [], "There is no such page"),
        ("/studies/1", [], "There is no such page"),
        ("/studies/x", [], "There is no such page"),
        ("/studies/0/else", [], "There is no such page"),
        ("/studies/0/trials/24", [], "There is no trial 24"),
        ("/studies/0/trials/-1", [], "There is no trial -1"),
        ("/studies/0/trials/" + "9" * 5000, [], "There is no trial 9"),
        ("/studies/0/compare", ["1"], "Mark two trials"),
        ("/studies/0/compare", ["1", "99"], "There is no trial 99"),
    ],
)
def test_a_page_that_is_not_there_says_what_is_missing(site, path, trials, message):
    with pytest.raises(Missing, match=message):
        site.page(path, {}, trials)


def test_links_of_figures_lead_to_the_pages_of_trials(site):
    html = frame(site.page("/studies/0", {}), site)
    assert 'href="/studies/0/trials/10"' in html
    assert "#trial-" not in html


def test_a_browser_that_has_all_is_given_nothing(site):
    page = site.page("/studies/0", {})
    assert changed(page, digests(page)) == {}


@pytest.mark.parametrize("have", ["", "nonsense", "head.x", "," * 9999])
def test_a_browser_that_has_nothing_is_given_all(site, have):
    page = site.page("/studies/0", {})
    assert list(changed(page, have)) == [part.name for part in page.parts]


def test_a_report_changes_only_what_shows_it(site, feed, open_study):
    before = site.page("/studies/0", {})
    open_study.add_report(23, 1, 0.4)
    feed.refresh()
    assert set(changed(site.page("/studies/0", {}), digests(before))) == {"training"}


def test_a_result_changes_what_shows_it_and_no_other_part(site, feed, open_study):
    before = site.page("/studies/0", {})
    open_study.finish(23, 0.5, seconds=2.0)
    feed.refresh()
    lacking = set(changed(site.page("/studies/0", {}), digests(before)))
    assert {"head", "search", "map", "training", "list"} == lacking


def test_what_tells_the_time_moves_with_the_clock(site, clock):
    before = site.page("/studies/0", {})
    clock.now += CLOCK_SECONDS
    assert set(changed(site.page("/studies/0", {}), digests(before))) == {"training"}


def test_a_page_is_drawn_once_for_all_who_look_at_it(site):
    assert site.page("/studies/0", {}) is site.page("/studies/0", {})


def test_a_trials_page_has_all_about_it(site):
    page = site.page("/studies/0/trials/5", {})
    assert names(page) == ["head", "error", "drawing", "curve", "similar", "python"]
    assert page.title == "Trial 5 · digits"


def test_two_trials_stand_side_by_side_with_what_differs(site):
    page = site.page("/studies/0/compare", {}, ["1", "2"])
    assert names(page) == ["head", "drawn", "differences"]


def test_there_is_nothing_to_steer_with_where_the_dashboard_only_shows(site, feed):
    assert "data-ask" not in frame(site.page("/studies/0", {}), site)
    steered = Site([feed], control=True)
    assert 'data-ask="pause"' in frame(steered.page("/studies/0", {}), steered)


def test_no_script_and_nothing_from_elsewhere_is_in_a_page(site):
    html = frame(site.page("/studies/0", {}), site) + frame(
        site.page("/studies/0/trials/5", {}), site
    )
    assert html.count("<script") == html.count('<script src="/dashboard.js" defer></script>')
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")
