import pytest

from archbo.views.dashboard.feed import Snapshot
from archbo.views.dashboard.listing import PAGE, Wanted, asked_for, trials_section


@pytest.fixture
def snapshot(shown):
    return Snapshot(shown.study, shown.records, 1)


def numbers(snapshot, **query):
    return [r.number for r in asked_for(snapshot, Wanted.read(query))]


def test_the_newest_trial_comes_first_where_nothing_is_asked_for(snapshot):
    assert numbers(snapshot) == [*range(23, -1, -1)]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("failed", [9, 5]),
        ("SIGSEGV", [9]),
        ("model finished", [20, 15, 10]),
        ("no such word", []),
        ("accuracy>0.89 model", [20]),
        ("value>=0.89 model", [20]),
        ("trial<2", [1, 0]),
        ("trial=7", [7]),
        ("params<0", []),
        ("origin>3", []),
        ("trial>1.2.3", []),
    ],
)
def test_all_words_of_a_filter_must_fit(snapshot, words, found):
    assert numbers(snapshot, filter=words) == found


def test_a_feature_is_compared_by_its_name(snapshot):
    small = [r.number for r in snapshot.records if r.features["params"] < 20_000]
    assert sorted(numbers(snapshot, filter="params<2e4")) == small


def test_words_are_looked_for_in_the_architecture(snapshot):
    chosen = numbers(snapshot, filter="linear")
    assert chosen
    assert all(snapshot.by_number[n].architecture["head"] == "linear" for n in chosen)


@pytest.mark.parametrize("sort", ["value", "-value", "predicted", "-seconds", "origin"])
def test_trials_without_a_value_in_the_column_come_last(snapshot, sort):
    found = numbers(snapshot, sort=sort)
    assert sorted(found) == [*range(24)]
    if sort.endswith("value"):
        values = [snapshot.by_number[n].value for n in found]
        known = [v for v in values if v is not None]
        assert known == sorted(known, reverse=sort.startswith("-"))
        assert values[len(known) :] == [None] * 3


def test_an_address_that_makes_no_sense_asks_for_what_is_usual():
    nonsense = {"filter": "x" * 9999, "sort": "drop table", "page": "-1"}
    assert Wanted.read(nonsense) == Wanted("x" * 200)
    assert Wanted.read({"page": "9" * 400}).page == 1


def test_the_list_has_pages_that_lead_to_each_other(make, study):
    snapshot = Snapshot(study, [make(i, 0.5) for i in range(2 * PAGE + 1)], 1)
    first = trials_section(snapshot, Wanted(words="random"), "/compare")
    assert first.count("<tr id=") == PAGE
    assert '<a id="next" rel="next" href="?filter=random&amp;page=2#trials"' in first
    last = trials_section(snapshot, Wanted(page=99), "/compare")
    assert last.count("<tr id=") == 1
    assert "3 of 3" in last
    assert 'rel="next"' not in last


def test_what_a_study_and_its_reader_write_is_text(snapshot):
    html = trials_section(snapshot, Wanted(words='"><script>alert(1)</script>'), "/compare")
    assert "<script>" not in html
    assert "<script>" not in trials_section(snapshot, Wanted(words="failed"), "/compare")
