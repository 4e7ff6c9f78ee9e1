import re
from dataclasses import replace

import pytest

from archbo.data import Prediction
from archbo.views.answer import answer_section, winner
from archbo.views.confirmed import confirmed
from archbo.views.curves import curves_info
from archbo.views.infos import members


def section(records, study):
    """The words of the answer."""
    every, found = members(records, study), confirmed(records, study)
    drawn = answer_section(
        winner(every, found), every, records, curves_info(records, study), found, study
    )
    return re.sub(r"<[^>]*>", "", drawn), drawn


def test_answer_shows_the_winners_graph_settings_features_and_curve(shown):
    words, drawn = section(shown.records, shown.study)
    top = members(shown.records, shown.study, limit=1)[0]
    assert "archbo-graph" in drawn
    assert "params" in words
    assert "Learning curves of 1 trainings" in drawn
    assert top.architecture.id in words
    assert f'href="#trial-{top.trials[0]}"' in drawn


def test_answer_says_how_often_it_was_trained_and_what_was_expected(make, study):
    first = make(0, 0.9, origin="model", prediction=Prediction(0.85, 0.02))
    records = [first, make(1, 0.8, seed=0), make(2, 0.7, origin="initial"), make(3, 0.6)]
    words, _ = section(records, study)
    assert "Trained 2 times, in the trials 0, 1: accuracy 0.85 on average" in words
    assert "standard deviation of 0.071" in words
    assert "the model expected 0.85 ± 0.02" in words
    assert "It is 0.15 ahead of the best of the others." in words


def test_best_of_what_no_model_had_chosen_is_beside_an_answer_of_the_models(make, study):
    records = [make(0, 0.5), make(1, 0.6, origin="initial"), make(2, 0.9, origin="model")]
    words, _ = section(records, study)
    assert "The best of the 2 architectures that no model had chosen reached 0.6." in words


def test_answer_is_the_one_that_new_trainings_favour(make, study):
    lucky, good = make(0, 0.95, seed=0), make(1, 0.94, seed=1)
    again = [
        *(replace(lucky, number=k, value=0.7, origin="confirm") for k in (2, 3)),
        *(replace(good, number=k, value=0.9, origin="confirm") for k in (4, 5)),
    ]
    records = [lucky, good, *again]
    won = winner(members(records, study), confirmed(records, study))
    assert won.architecture.id == good.architecture_id
    words, _ = section(records, study)
    assert "The winner: accuracy 0.9" in words


def test_an_answer_behind_a_lucky_one_says_so(make, study):
    good = make(1, 0.8, seed=1)
    records = [make(0, 0.95, seed=0), good, replace(good, number=2, origin="confirm")]
    words, _ = section(records, study)
    assert "It is 0.15 behind the best of the others." in words


def test_study_without_results_has_no_answer(study):
    assert winner([], confirmed([], study)) is None


@pytest.mark.parametrize("count", [1, 2])
def test_the_next_best_is_laid_beside_where_there_is_one(make, study, count):
    words, _ = section([make(i, 0.5 + i / 10) for i in range(count)], study)
    assert ("Beside the next best" in words) is (count == 2)
