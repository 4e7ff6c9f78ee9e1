import re

import pytest

from archbo.bench.page import _key, render_page
from archbo.bench.runner import Failure, Job
from archbo.bench.searches import run_search
from archbo.bench.simulation import run_budget
from archbo.bench.synthetic import synthetic

UNITS = {"small": "points", "synthetic/20": "standard deviations"}


@pytest.fixture(scope="module")
def searches(small):
    return [
        run_search(benchmark, method, seed=seed, trials=7)
        for benchmark in (small, synthetic(20))
        for seed in range(2)
        for method in ("random", "bo", "evolution")
    ]


@pytest.fixture(scope="module")
def page(searches):
    return render_page(searches, UNITS, [Failure(Job("small", "<tpe>", 3), "it broke & ended")])


def test_the_page_asks_for_nothing(page):
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=[\"'](?!#|data:)", page)
    assert "url(" not in page
    assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")


def test_it_shows_curves_and_tables_of_each_benchmark(page):
    assert page.count("Against trainings") == 2
    assert page.count("Against training time") == 1  # the synthetic one has none
    assert page.count('<path class="band ') == 9
    assert "regret, points" in page
    assert "regret, standard deviations" in page
    assert page.count("the answer by") >= 2
    assert page.count("more than random") >= 2
    assert "&lt;tpe&gt; on small, seed 3: it broke &amp; ended" in page


def test_every_mark_leads_to_a_row_that_is_there(page):
    targets = set(re.findall(r'class="point [^"]*" href="#([^"]+)"', page))
    ids = re.findall(r' id="([^"]+)"', page)
    assert targets <= set(ids)
    assert len(ids) == len(set(ids))


def test_marks_tell_their_numbers(page, searches):
    said = re.findall(r'data-tip="random: ([^"]+) trainings"', page)
    ends = [s.observed_regrets[-1] for s in searches if s.method == "random"][:2]
    assert f"{sum(ends) / 2:.3f} ± {abs(ends[0] - ends[1]) / 2:.3f} after 7" in said


def test_one_seed_and_no_regret_at_all_can_be_drawn(small):
    found = run_search(small, "bo", seed=0, trials=9)
    page = render_page([found], UNITS)
    body = page[page.index("<main>") : page.index("<script>")]
    assert "nan" not in body
    assert "inf" not in body
    assert '<path class="band ' not in page
    assert "What failed" not in page


def test_many_methods_have_different_looks(small):
    found = [run_search(small, "random", seed=0, trials=3, name=f"m{k}") for k in range(14)]
    page = render_page(found, UNITS)
    assert len(set(re.findall(r'<g class="series ([^"]+)"><path d="M0 4H22"', page))) == 14


@pytest.mark.parametrize(
    ("cell", "key"),
    [("0.250 ± 0.1", 0.25), ("+0.3, p = 0.1", 0.3), ("over 100", float("inf")), ("25", 25)],
)
def test_cells_are_sorted_by_their_number(cell, key):
    assert _key(cell) == key


@pytest.mark.parametrize("workers", [1, 3])
def test_searches_under_a_budget_are_drawn_against_it_and_against_time(workers, small):
    found = [
        run_budget(small, method, seed=seed, budget=6, workers=workers)
        for method in ("asha", "random")
        for seed in range(2)
    ]
    page = render_page(found, UNITS)
    assert page.count("Against the budget") == 1
    assert page.count("Against time") == (workers > 1)
    assert page.count('<path class="band ') == (4 if workers > 1 else 2)
    ends = [s.regrets[-1] for s in found if s.method == "asha"]
    said = re.findall(r'data-tip="asha: ([^"]+) full trainings"', page)
    assert f"{sum(ends) / 2:.3f} ± {abs(ends[0] - ends[1]) / 2:.3f} after 6" in said
    assert f"<dd>{workers}, simulated</dd>" in page
    assert set(re.findall(r'class="point [^"]*" href="#([^"]+)"', page)) <= set(
        re.findall(r' id="([^"]+)"', page)
    )
