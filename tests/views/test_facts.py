import json

from archbo.views.facts import study_facts, trial_facts


def test_facts_survive_json_and_agree_with_each_other(shown):
    facts = json.loads(json.dumps(study_facts(shown.records, shown.study, top=3)))
    assert facts["incumbent"] == facts["top"][0]
    assert len(facts["top"]) == 3
    assert facts["history"][-1]["id"] == facts["incumbent"]["id"]
    counts = {"running": 1, "paused": 0, "stopped": 0, "finished": 21, "failed": 2, "deleted": 0}
    assert facts["trials"] == counts
    assert sum(facts["origins"].values()) == 24
    assert [f["trials"] for f in facts["failures"]] == [[5], [9]]
    architecture = shown.study.space.architecture(facts["incumbent"]["architecture"])
    assert architecture.id == facts["incumbent"]["id"]


def test_facts_of_nothing_have_no_incumbent(shown):
    facts = study_facts([], shown.study, top=3)
    assert facts["incumbent"] is None
    assert facts["top"] == []


def test_trial_facts_hold_all_that_is_stored(shown):
    model = next(r for r in shown.records if r.prediction is not None and r.value is not None)
    facts = json.loads(json.dumps(trial_facts(model)))
    assert facts["number"] == model.number
    assert facts["state"] == "finished"
    assert facts["prediction"] == {"mean": model.prediction.mean, "sd": model.prediction.sd}
    assert facts["reports"][0] == {"epoch": 1, "value": model.reports[0].value}


def test_facts_of_short_trainings_have_the_rungs_and_what_was_saved(climbed, shown):
    facts = json.loads(json.dumps(study_facts(climbed.records, climbed.study, top=3)))
    assert [rung["level"] for rung in facts["fidelity"]["rungs"]] == [1, 3, 9, 27]
    assert (facts["fidelity"]["trained"], facts["fidelity"]["unit"]) == (57, "epochs")
    assert study_facts(shown.records, shown.study, top=3)["fidelity"] is None
