import re
from dataclasses import replace

import pytest

from archbo.data import State
from archbo.errors import ProblemError
from archbo.spaces import Int, Space
from archbo.views.comparison import compared, render_comparison, track

OTHER = Space(width=Int(1, 64))


@pytest.fixture
def searches(make, settings):
    """Two studies of one objective in different spaces; the second starts worse and ends better."""
    first = [make(i, v, seconds=10.0) for i, v in enumerate([0.5, 0.6, 0.6])]
    second = [make(i, v, space=OTHER, seconds=5.0) for i, v in enumerate([0.4, 0.55, 0.7, 0.65])]
    return [
        ("one", first, settings()),
        ("other", second, settings(OTHER) | {"method": "random", "seed": 3}),
    ]


def words(page):
    return re.sub(r"<[^>]*>", " ", page.partition("<main>")[2].partition("</main>")[0])


def test_tracks_follow_the_incumbent_over_what_was_spent(searches):
    one, other = compared(searches)
    by_trials = track(other, "s1", lambda c: [1.0] * len(c.searched))
    assert by_trials.points == ((1, 0.4), (2, 0.55), (3, 0.7), (4, 0.7))
    by_seconds = track(one, "s0", lambda c: [r.seconds for r in c.searched])
    assert by_seconds.points == ((10, 0.5), (20, 0.6), (30, 0.6))


def test_page_names_the_best_and_what_each_study_came_to(searches):
    said = words(render_comparison(searches))
    assert re.search(r"0\.7\s+is the highest accuracy, found by other\.", said)
    assert re.search(r"other\s+random\s+0\.7\s+2\s+4\s+0\s+20 s\s+64\s+3", said)
    assert "Over trials" in said
    assert "Over time" in said


def test_page_loads_nothing_and_every_name_is_escaped(searches):
    (_, records, settings), other = searches
    nasty = ("<script>alert(1)</script>", records, settings | {"method": "<i>bo</i>"})
    page = render_comparison([nasty, other])
    assert page.count("<script>") == 1
    assert "<i>" not in page
    assert set(re.findall(r"https?://[^\s\"'<]+", page)) == {"http://www.w3.org/2000/svg"}
    assert len(page) < 200_000


def test_trainings_that_confirm_are_no_part_of_the_search(searches, make):
    (name, records, settings), other = searches
    again = replace(records[1], number=3, value=0.1, origin="confirm")
    (one, _) = compared([(name, [*records, again], settings), other])
    points = track(one, "s0", lambda c: [1.0] * len(c.searched)).points
    assert points[-1] == (3, 0.6)


def test_different_objectives_are_refused(searches):
    (name, records, settings), other = searches
    for wrong in ({"objective": "loss"}, {"direction": "minimize"}):
        with pytest.raises(ProblemError, match=r"'one' is to \w+ '\w+', but 'other' to maximize"):
            compared([(name, records, settings | wrong), other])


def test_studies_of_the_same_name_are_told_apart(searches):
    (name, records, settings), _ = searches
    found = compared([(name, records, settings)] * 2)
    assert [c.study.name for c in found] == ["one", "one (2)"]


def test_methods_with_several_studies_are_compared_by_their_means(make, settings):
    def study(name, method, values):
        records = [make(i, v) for i, v in enumerate(values)]
        return name, records, settings() | {"method": method}

    page = render_comparison(
        [
            study("a", "bo", [0.5, 0.9]),
            study("b", "bo", [0.5, 0.7, 0.99]),
            study("c", "random", [0.5, 0.6]),
        ]
    )
    said = words(page)
    assert "best accuracy after 2 trials" in said
    assert re.search(r"bo\s+0\.8 ± 0\.1\s+2", said)
    assert re.search(r"random\s+0\.6\s+1", said)
    assert "a, b</li>" in page  # one colour, one entry of the legend


def test_short_trainings_are_compared_by_what_they_cost(climbed, make, settings):
    full = [make(i, 0.9, seconds=None) for i in range(3)]
    page = render_comparison(
        [("short", climbed.records, climbed.settings), ("full", full, settings())]
    )
    assert "Over full trainings" in page
    assert "Over time" not in page  # that of some is unknown


def test_study_without_results_is_compared_too(searches, make, settings):
    running = ("new", [make(0, None, state=State.RUNNING, seconds=None)], settings())
    said = words(render_comparison([running, searches[0]]))
    assert "found by one" in said
    assert "No trial has finished yet." in words(render_comparison([running, running]))
