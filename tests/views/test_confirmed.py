import json
from io import StringIO

import pytest
from rich.console import Console

import archbo as ab
from archbo.data import State, TrialRecord
from archbo.views.confirmed import (
    confirmation_facts,
    confirmation_section,
    confirmation_view,
    confirmed,
)
from archbo.views.facts import study_facts
from archbo.views.infos import study_info
from archbo.views.report import render_report
from archbo.views.tables import study_view

SPACE = ab.Space(a=ab.Int(1, 9), name=ab.Choice(["<b>", "plain"]))
SETTINGS = {
    "space": SPACE.to_dict(),
    "objective": "a<ccuracy",
    "direction": "maximize",
    "start": [{"a": 1, "name": "plain"}],
    "files": "/home/me/secret/digits.files",
}
STUDY = study_info(SETTINGS)


def records(*rows):
    return [
        TrialRecord(
            number, f"id{a}", {"a": a, "name": "<b>"},
            State.FAILED if value is None else State.FINISHED, origin, value,
        )
        for number, (a, origin, value) in enumerate(rows)
    ]  # fmt: skip


SEARCH = [(1, "model", 0.9), (2, "model", 0.95)]
CLEAR = records(*SEARCH, *[(1, "confirm", 0.9 + k / 1000) for k in range(3)],
                *[(2, "confirm", 0.8 + k / 1000) for k in range(3)])  # fmt: skip


def said(renderable):
    console = Console(file=StringIO(), width=200)
    console.print(renderable)
    return console.file.getvalue()


def view(found):
    return said(confirmation_view(confirmed(found, STUDY), STUDY))


def test_the_winner_its_interval_and_a_clear_lead_are_said():
    text = view(CLEAR)
    assert "The winner: a<ccuracy 0.901 ± 0.0025 over 3 trainings; clearly ahead" in text
    assert "by 0.1 ± 0.0023" in text
    rows = [line.split() for line in text.splitlines() if line.lstrip()[:1] in ("1", "2")]
    assert [row[:6] for row in rows] == [
        ["1", "0.901", "±", "0.0025", "3", "trainings"],
        ["2", "0.801", "±", "0.0025", "3", "trainings"],
    ]
    assert "of the new trainings alone" in text


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([(1, "confirm", 0.9)], "The winner: a<ccuracy 0.9 over 1 training  "),
        ([(1, "confirm", 0.9), (2, "confirm", 0.5)], "too few trainings to say how clear"),
        ([(1, "confirm", None)], "No training succeeded again."),
        ([(1, "confirm", 0.9), (1, "confirm", None)], "1 training, 1 failed"),
        (
            [(k, "confirm", 0.9 + d) for k in (1, 2) for d in (0, 0.1)],
            "lead over the second is not",
        ),
    ],
)
def test_what_is_not_clear_is_said(rows, words):
    assert words in view(records(*SEARCH, *rows))


def test_where_nothing_was_confirmed_nothing_is_shown():
    plain = records(*SEARCH)
    assert view(plain).strip() == ""
    assert confirmation_section(confirmed(plain, STUDY), STUDY) == ""
    assert "Confirmed" not in said(study_view(plain, STUDY, top=2, location="s.db"))
    assert study_facts(plain, STUDY, top=2)["confirmed"] == []


def test_the_page_and_the_facts_have_the_same():
    assert "Confirmed with new seeds" in said(study_view(CLEAR, STUDY, top=2, location="s.db"))
    page = render_report(CLEAR, SETTINGS)
    assert "a&lt;ccuracy 0.901 ± 0.0025" in page
    assert "name=<b>" not in page
    facts = study_facts(CLEAR, STUDY, top=2)["confirmed"]
    assert facts == json.loads(json.dumps(confirmation_facts(confirmed(CLEAR, STUDY))))
    assert facts[0]["mean"] == pytest.approx(0.901)
    assert facts[0]["trials"] == [2, 3, 4]
    once = confirmed(records(*SEARCH, (1, "confirm", 0.9)), STUDY)
    assert confirmation_facts(once)[0]["margin"] is None


def test_a_page_for_others_shows_no_folders_and_no_long_lists():
    assert STUDY.facts["files"] == "digits.files"
    assert STUDY.facts["start"] == "1 given"
