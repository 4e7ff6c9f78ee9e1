import json
from dataclasses import replace
from html import escape

import pytest

import archbo as ab
from archbo.data import State
from archbo.errors import ObservationError, SpaceError
from archbo.views import explanation as module
from archbo.views.explanation import explained, explanation_section, explanation_view
from archbo.views.report import render_report
from archbo.views.terminal import Terminal

CELL = ab.EdgeCell(nodes=4, ops=["none", "<i>conv</i>", "pool"])


@pytest.fixture
def searched(make):
    """Records whose values are what their cells have of one operation, and the settings."""

    def convs(arch):
        return float(sum(op == "<i>conv</i>" for _, _, op in arch.value))

    records = [make(k, 0.0, space=CELL) for k in range(30)]
    records = [replace(r, value=convs(CELL.architecture(r.architecture))) for r in records]
    settings = {
        "space": CELL.to_dict(),
        "objective": "accuracy",
        "direction": "maximize",
        "seed": 3,
    }
    return records, settings


def test_study_explains_what_its_records_explain(searched):
    records, settings = searched
    found = explained(records, settings)
    with ab.Study(None, CELL, maximize="accuracy", seed=3) as study:
        archs = [CELL.architecture(record.architecture) for record in records]
        study.add(archs, [record.value for record in records])
        assert study.explain() == found


def test_section_tells_what_matters_and_escapes_what_the_study_names(searched):
    page = explanation_section(*searched)
    assert "Which decisions matter" in page
    assert "&lt;i&gt;conv&lt;/i&gt;" in page
    assert "<i>" not in page
    assert page.count("<div") == page.count("</div>")


def test_motifs_are_drawn_under_their_words_if_they_are_small(searched, monkeypatch):
    motifs = explained(*searched).motifs[: module.LISTED]
    panel = (
        explanation_section(*searched).partition("Motifs that help")[2].partition("</figure>")[0]
    )
    assert motifs
    assert panel.count('<div class="motif"><svg') == len(motifs)
    assert panel.count("&lt;i&gt;conv&lt;/i&gt;") > len(motifs)
    large = max(len(motif.graph.labels) for motif in motifs)
    monkeypatch.setattr(module, "MOST_DRAWN", large - 1)
    panel = (
        explanation_section(*searched).partition("Motifs that help")[2].partition("</figure>")[0]
    )
    drawn = sum(len(motif.graph.labels) < large for motif in motifs)
    assert panel.count('<div class="motif">') == drawn
    assert all(escape(motif.words) in panel for motif in motifs)


def test_section_is_there_from_twelve_results_on_and_stands_in_the_report(searched):
    records, settings = searched
    assert explanation_section(records[:11], settings) == ""
    section = explanation_section(records[:12], settings)
    assert "What was learned" in section
    assert section in render_report(records, settings, learned=section)


def test_study_draws_how_much_each_decision_matters(searched):
    records, _ = searched
    with ab.Study(None, CELL, maximize="accuracy", seed=3) as study:
        assert "not known yet" in study.plot.importance()._repr_html_()
        archs = [CELL.architecture(record.architecture) for record in records]
        study.add(archs, [record.value for record in records])
        assert "[0,1]" in study.plot.importance().svg


def test_running_and_deleted_trials_change_nothing(searched, make):
    records, settings = searched
    running = make(30, None, space=CELL, state=State.RUNNING)
    deleted = make(31, 1e200, space=CELL).without_result(32)  # too large to be explained
    assert explained([*records, running, deleted], settings) == explained(records, settings)


def test_terminal_shows_the_comparison_that_was_asked_for(searched, capsys):
    records, settings = searched
    worst = min(records, key=lambda record: record.value)
    found = explained(records, settings, [CELL.architecture(worst.architecture)])
    Terminal(width=100).print(explanation_view(found))
    said = capsys.readouterr().out
    assert "Which decisions matter" in said
    assert "Beside the incumbent" in said
    assert " instead of " in said


def test_short_trainings_are_explained_by_what_they_lead_to(climbed):
    found = explained(climbed.records, climbed.settings)
    over = [r for r in climbed.records if r.state.short or r.value is not None]
    assert found.networks >= len({r.architecture_id for r in over})
    assert found.incumbent.id in {r.architecture_id for r in over}


def test_space_that_is_too_large_for_a_page_says_so(make, searched):
    records, settings = searched
    large = ab.Chain(ab.Choice(["a", "b"]), length=600)
    settings = settings | {"space": large.to_dict()}
    records = [make(k, float(k), space=large) for k in range(12)]
    with pytest.raises(SpaceError, match="600 decisions are many to explain"):
        explained(records, settings)
    assert "600 decisions are many" in explanation_section(records, settings)


def test_value_that_is_too_large_is_an_error(searched):
    records, settings = searched
    with pytest.raises(ObservationError, match="1e\\+300 is too large to be explained"):
        explained([*records[1:], replace(records[0], value=1e300)], settings)


def test_document_is_json(searched):
    json.dumps(explained(*searched).to_dict(), allow_nan=False)
