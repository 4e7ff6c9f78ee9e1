from dataclasses import replace

import numpy as np

from archbo.data import Prediction, State
from archbo.spaces import Float, Int, Space
from archbo.views.advice import next_section, next_steps, space_section
from archbo.views.answer import winner
from archbo.views.confirmed import confirmed
from archbo.views.infos import members, study_info


def steps(records, study, store="digits.db"):
    found = confirmed(records, study)
    won = winner(members(records, study), found)
    return "\n".join(next_steps(records, won, found, study, store))


def test_an_answer_that_was_trained_once_is_to_be_confirmed(make, study):
    said = steps([make(0, 0.5)], study, store="my digits.db")
    assert "archbo confirm 'my digits.db' --top 3 --repeats 3" in said
    assert "archbo export 'my digits.db' --trial 0" in said


def test_a_lead_that_is_not_clear_asks_for_more_trainings(make, study):
    rng = np.random.default_rng(0)
    first = [make(0, 0.9, seed=0), make(1, 0.9, seed=1)]
    again = [
        replace(first[k % 2], number=2 + k, value=0.9 + 0.05 * rng.random(), origin="confirm")
        for k in range(6)
    ]
    assert "--budget 6" in steps([*first, *again], study)


def test_a_search_that_still_got_better_is_to_go_on(make, study):
    records = [make(i, 0.5 + i / 100) for i in range(24)]
    assert "Search on: the incumbent changed 0 trials before the end" in steps(records, study)


def test_a_search_that_stood_still_wants_another_space(make, study):
    records = [make(i, 0.9 if i == 2 else 0.5) for i in range(24)]
    assert "Nothing better came in the last 21 of 24 trials" in steps(records, study)


def test_a_short_search_is_not_judged(make, study):
    said = steps([make(i, 0.5 + i / 100) for i in range(5)], study)
    assert "Search on" not in said
    assert "Nothing better" not in said


def test_numbers_at_the_edge_of_their_range_are_named(make, settings):
    space = Space(width=Int(4, 64), lr=Float(1e-4, 1e-1, log=True), depth=Int(2, 2))
    study = study_info(settings(space))
    arch = space.architecture({"width": 64, "lr": 1e-4, "depth": 2})
    record = replace(
        make(0, 0.5, space=space), architecture=arch.to_dict(), architecture_id=arch.id
    )
    said = steps([record], study)
    assert "width is near its largest, 64; lr is near its smallest, 0.0001." in said
    assert "depth" not in said


def test_many_failures_and_the_commonest_reason_are_named(make, study):
    reasons = ["out of memory\nat line 3", "out of memory\nat line 3", "loss is nan"]
    failed = [
        make(i, None, state=State.FAILED, error=reason) for i, reason in enumerate(reasons, 1)
    ]
    said = steps([make(0, 0.5), *failed], study)
    assert "3 of 4 trials failed, 2 of them by: out of memory. " in said


def test_a_model_that_was_too_sure_is_named(make, study):
    def judged(i, off):
        return make(i, 0.5 + off, origin="model", prediction=Prediction(0.5, 0.01))

    assert "too sure of itself" in steps([judged(i, 0.1 * i) for i in range(24)], study)
    assert "too sure" not in steps([judged(i, 0.0001 * i) for i in range(24)], study)


def test_words_of_errors_are_no_markup():
    assert "<b>" not in next_section(["<b>so</b>"])
    assert next_section([]) == ""


def test_space_of_one_part_is_described_too(settings):
    said = space_section(study_info(settings(Int(1, 8))))
    assert "Int(1, 8)" in said
    assert "among 8 architectures" in said
