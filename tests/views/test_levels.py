import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

import archbo as ab
from archbo.data import State
from archbo.views.curves import curves_info
from archbo.views.levels import (
    Rung,
    in_training,
    levels_facts,
    levels_panel,
    levels_parts,
    rungs,
    saved,
    standing,
)


def test_rungs_count_who_got_there_and_who_went_on(climbed):
    found = rungs(curves_info(climbed.records, climbed.study), climbed.study)
    assert [rung[:3] for rung in found] == [(1, 12, 6), (3, 6, 4), (9, 2, 1), (27, 1, 0)]
    assert found[1].best == pytest.approx(0.911 - 0.5 / 3)


def test_best_of_a_rung_is_the_lowest_of_what_is_minimised(climbed):
    study = climbed.study._replace(maximize=False)
    assert rungs(curves_info(climbed.records, study), study)[0].best == pytest.approx(0.4)


def test_where_levels_are_trainings_of_their_own_networks_are_counted(afresh):
    found = rungs(curves_info(afresh.records, afresh.study), afresh.study)
    assert found == [
        Rung(0.1, 4, 3, pytest.approx(0.35)),
        Rung(0.3, 2, 1, pytest.approx(0.35)),
        Rung(1.0, 1, 0, pytest.approx(0.7)),
    ]


def test_a_network_that_skipped_a_level_was_not_there(afresh):
    records = [afresh.records[0], afresh.records[5]]  # at 0.1, and another one in full
    found = rungs(curves_info(records, afresh.study), afresh.study)
    assert [rung[:3] for rung in found] == [(0.1, 1, 0), (1.0, 1, 0)]


def test_saved_epochs_are_those_of_full_trainings_of_the_same_networks(climbed):
    found = saved(climbed.records, climbed.study.fidelity)
    assert found.trained == 6 * 1 + 2 * 3 + 9 + 27 + 5 + 4
    # what failed, or is under way for the first time, would not have been more in full
    assert found.in_full == 10 * 27 + 5 + 4
    assert found.share == pytest.approx(1 - 57 / 279)
    assert str(found) == (
        "57 epochs, where the same networks in full would have taken 279: 80% saved"
    )


def test_shares_of_data_are_counted_in_full_trainings(afresh):
    found = saved(afresh.records, afresh.study.fidelity)
    assert found.trained == pytest.approx(0.1 + 0.4 + 1.4 + 0.1 + 0.3)
    assert (found.in_full, found.unit) == (4, "full trainings")


def test_levels_trained_afresh_can_cost_more_than_full_trainings(climbed):
    first = climbed.records[9]
    below = [
        replace(first, number=k, state=State.PAUSED, value=None, reached=level, interim=0.5)
        for k, level in enumerate((3.0, 9.0))
    ]
    found = saved([*below, first], ab.Epochs(3, 27, continued=False))
    assert str(found).endswith("would have taken 27: 44% more")


def test_a_cost_of_its_own_is_what_is_saved(climbed):
    fidelity = ab.Epochs(1, 27, cost={1: 5.0, 27: 10.0})
    found = saved([*climbed.records[:2], climbed.records[9]], fidelity)
    assert (found.trained, found.in_full, found.unit) == (0.5 + 0.5 + 1, 3, "full trainings")


def test_nothing_trained_is_nothing_saved(climbed):
    assert saved([], climbed.study.fidelity) == (0, 0, "epochs")
    assert saved([], climbed.study.fidelity).share == 0


def test_confirmations_and_results_from_elsewhere_are_not_counted(climbed):
    more = [replace(climbed.records[9], origin="confirm"), replace(climbed.records[9], attempt=0)]
    fidelity = climbed.study.fidelity
    assert saved([*climbed.records, *more], fidelity) == saved(climbed.records, fidelity)


def test_a_trial_stands_at_the_level_that_it_reached(climbed, afresh, shown):
    words = {r.number: standing(r, climbed.study) for r in climbed.records}
    assert words[6] == "paused at 3 of 27 epochs"
    assert words[8] == "stopped at 9 of 27 epochs"
    assert words[9] == "finished"
    assert words[10] == "failed"
    assert words[11] == "running to 9 of 27 epochs"
    assert standing(afresh.records[1], afresh.study) == "paused at data_fraction 0.1"
    assert standing(shown.records[23], shown.study) == "running"


def test_a_running_trial_says_how_far_it_is_and_how_far_it_goes(climbed, afresh, shown):
    running = climbed.records[11]
    assert in_training(running, climbed.study) == "trial 11: epoch 4 of 9, 0.786"
    begun = replace(running, reports=(), fidelity=None)
    assert in_training(begun, climbed.study) == "trial 11: epoch 0 of 27"
    steps = climbed.study._replace(fidelity=ab.Steps(100, 900))
    assert in_training(running, steps) == "trial 11: step 4 of 9, 0.786"
    assert in_training(afresh.records[-1], afresh.study) == "trial 7 at data_fraction 0.3"
    assert in_training(shown.records[23], shown.study) == "trial 23"
    assert in_training(replace(shown.records[22], state=State.RUNNING), shown.study).startswith(
        "trial 22: epoch 5, 0."
    )


def printed(parts, width=100):
    console = Console(file=io.StringIO(), width=width)
    for part in parts:
        console.print(part)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [40, 100])
def test_terminal_page_and_json_agree(climbed, width):
    info = curves_info(climbed.records, climbed.study)
    found = rungs(info, climbed.study)
    words = printed(levels_parts(climbed.records, info, climbed.study), width)
    page = levels_panel(climbed.records, info, climbed.study)
    facts = levels_facts(climbed.records, info, climbed.study)
    assert max(map(len, words.splitlines())) <= width
    assert "80% saved" in " ".join(words.split())
    assert "80% saved" in page
    assert facts["saved"] == pytest.approx(1 - 57 / 279)
    rows = re.findall(r"^ +(\d+) +(\d+) +(\d+) +0\.\d+ *$", words, re.MULTILINE)
    assert [tuple(map(float, row)) for row in rows] == [rung[:3] for rung in found]
    assert page.count("<tr>") == 1 + len(found)
    assert facts["rungs"][0] == found[0]._asdict()


def test_there_is_nothing_to_say_without_a_fidelity(shown):
    info = curves_info(shown.records, shown.study)
    assert printed(levels_parts(shown.records, info, shown.study)) == ""
    assert levels_panel(shown.records, info, shown.study) == ""
    assert levels_facts(shown.records, info, shown.study) is None
