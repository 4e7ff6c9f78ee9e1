"""Laws of a store, whatever the database.

Inherit `StoreLaws` in a test class and give a fixture `store`: an open store without a study.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from archbo.data import Prediction, Progress, Proposal, Report, State, TrialRecord
from archbo.errors import ConflictError, ObservationError, StoreError
from archbo.spaces import Choice, Float, Space
from archbo.store import NewTrial, Store, StoredStudy

SPACE = Space(op=Choice(["conv", "pool"]), lr=Float(0, 1))


def new_trial(lr: float = 0.1, **fields: Any) -> NewTrial:
    """A trial to store, of `SPACE`."""
    arch = SPACE.architecture({"op": "conv", "lr": lr})
    return NewTrial(Proposal(arch, origin="random"), **fields)


class StoreLaws:
    """What every database must keep."""

    @pytest.fixture
    def study(self, store: Store) -> StoredStudy:
        """A study without trials."""
        return store.create_study({"space": SPACE.to_dict(), "seed": 0})

    def test_settings_read_back_as_they_were(self, store: Store) -> None:
        settings = {"space": SPACE.to_dict(), "tiny": 5e-324, "nothing": None, "Größe": [1, 2.0]}
        store.create_study(settings)
        assert store.study().settings == settings
        assert list(store.study().settings) == list(settings)

    def test_a_study_has_its_name_once(self, store: Store) -> None:
        store.create_study({})
        with pytest.raises(StoreError, match="there is a study 'default' already"):
            store.create_study({})

    def test_an_unknown_study_names_the_near_one(self, store: Store) -> None:
        store.create_study({}, name="digits")
        with pytest.raises(StoreError, match=r"no study 'digit'\. Did you mean 'digits'\?"):
            store.study("digit")

    def test_studies_are_listed_with_their_number_of_trials(self, store: Store) -> None:
        store.create_study({"seed": 1}, name="a").add_trials([new_trial(), new_trial()])
        store.create_study({"seed": 2}, name="b")
        found = [(s.name, s.settings, s.trials) for s in store.studies()]
        assert found == [("a", {"seed": 1}, 2), ("b", {"seed": 2}, 0)]

    def test_the_trials_of_two_studies_do_not_mix(self, store: Store) -> None:
        a, b = store.create_study({}, name="a"), store.create_study({}, name="b")
        a.add_trial(new_trial(0.1))
        b.add_trial(new_trial(0.2))
        b.finish(0, 1.0, seconds=1)
        assert [(t.number, t.value) for t in a.read()] == [(0, None)]
        assert [(t.number, t.value) for t in b.read()] == [(0, 1.0)]

    def test_trials_read_back_exactly(self, study: StoredStudy) -> None:
        arch = SPACE.architecture({"op": "pool", "lr": 0.1 + 0.2})
        proposal = Proposal(
            arch,
            origin="model",
            prediction=Prediction(1 / 3, 5e-324),
            score=-1e308,
            hyperparameters={"noise": 2 / 3, "scale": 1e-300},
        )
        new = NewTrial(proposal, features={"params": 1e22}, pending=(3, 1), worker="host:7")
        (first, second) = study.add_trials([new, new_trial()])
        assert study.read() == [first, second]
        assert first == TrialRecord(
            number=0,
            architecture_id=arch.id,
            architecture=arch.to_dict(),
            state=State.RUNNING,
            origin="model",
            prediction=proposal.prediction,
            score=proposal.score,
            hyperparameters=proposal.hyperparameters,
            features={"params": 1e22},
            worker="host:7",
            created=first.created,
            pending=(3, 1),
        )
        assert SPACE.architecture(first.architecture) == arch

    def test_trials_are_numbered_from_zero(self, study: StoredStudy) -> None:
        assert study.add_trials([]) == []
        numbers = [study.add_trial(new_trial()).number for _ in range(3)]
        assert numbers == [0, 1, 2]
        assert [t.number for t in study.read()] == [0, 1, 2]

    def test_a_training_is_stored_from_its_reports_to_its_end(self, study: StoredStudy) -> None:
        record = study.add_trial(new_trial())
        study.add_report(0, 1, 0.1)
        study.add_report(0, 3, 0.1 + 0.2)
        study.finish(0, 0.7, seconds=2.5)
        ended = replace(
            record,
            state=State.FINISHED,
            value=0.7,
            seconds=2.5,
            reports=(Report(1, 0.1), Report(3, 0.1 + 0.2)),
        )
        assert study.read() == [ended]

    def test_a_failure_is_stored_with_its_reason(self, study: StoredStudy) -> None:
        study.add_trials([new_trial(), new_trial()])
        study.fail(0, "ValueError: no", traceback="Traceback …", seconds=1.5)
        study.fail(1, "killed by signal 9 (SIGKILL)")
        first, second = study.read()
        assert (first.state, first.error, first.traceback, first.seconds, first.value) == (
            (State.FAILED, "ValueError: no", "Traceback …", 1.5, None)
        )
        assert (second.state, second.error, second.traceback, second.seconds) == (
            (State.FAILED, "killed by signal 9 (SIGKILL)", None, None)
        )

    def test_any_text_can_be_an_error(self, study: StoredStudy) -> None:
        study.add_trial(new_trial())
        study.fail(0, "nul \0, half \ud83d, whole \U0001f600", traceback="'; DROP TABLE trials; --")
        assert study.read()[0].error == "nul \\x00, half \\ud83d, whole \U0001f600"
        assert study.read()[0].traceback == "'; DROP TABLE trials; --"

    def test_an_attempt_ends_once(self, study: StoredStudy) -> None:
        study.add_trials([new_trial(), new_trial()])
        study.finish(0, 1.0, seconds=1)
        study.fail(1, "lost")
        with pytest.raises(StoreError, match="trial 0 is finished, not running"):
            study.finish(0, 1.0, seconds=1)
        with pytest.raises(StoreError, match="trial 0 is finished, not running"):
            study.fail(0, "late")
        with pytest.raises(StoreError, match="trial 1 is failed, not running"):
            study.add_report(1, 1, 0.5)

    def test_an_unknown_trial_is_an_error(self, study: StoredStudy) -> None:
        with pytest.raises(StoreError, match="study 'default': there is no trial 7"):
            study.finish(7, 1.0, seconds=1)
        with pytest.raises(StoreError, match="there is no trial 7"):
            study.retry(7)

    def test_a_report_replaces_those_from_its_epoch_on(self, study: StoredStudy) -> None:
        study.add_trials([new_trial(), new_trial()])
        for epoch in (1, 2, 4):
            study.add_report(0, epoch, 0.5)
            study.add_report(1, epoch, 0.5)
        study.add_report(0, 2, 0.6)
        first, second = study.read()
        assert first.reports == (Report(1, 0.5), Report(2, 0.6))
        assert len(second.reports) == 3

    def test_a_training_is_paused_and_goes_on(self, study: StoredStudy) -> None:
        proposal = Proposal(SPACE.architecture({"op": "pool", "lr": 0.5}), "model", fidelity=3)
        study.add_trial(NewTrial(proposal, progress={7: Progress(2, None), 3: None}))
        study.add_report(0, 3, 0.25)
        study.shorten(0, State.PAUSED, reached=3, interim=0.25, seconds=1.5)
        (paused,) = study.read()
        assert (paused.state, paused.fidelity, paused.reached) == (State.PAUSED, 3, 3)
        assert (paused.value, paused.interim, paused.seconds) == (None, 0.25, 1.5)
        assert paused.progress == {7: Progress(2, None), 3: None}
        with pytest.raises(StoreError, match="trial 0 is paused, not running"):
            study.finish(0, 1.0, seconds=1)
        again = study.resume(0, fidelity=9)
        assert again == replace(
            paused, state=State.RUNNING, fidelity=9.0, reached=None, interim=None
        )
        assert study.read() == [again]
        study.aim(0, None)
        study.add_report(0, 9, 0.5)
        study.shorten(0, State.STOPPED, reached=9, interim=0.5, seconds=4)
        assert study.read()[0].fidelity is None
        assert len(study.read()[0].reports) == 2
        with pytest.raises(StoreError, match="trial 0 is stopped, not paused"):
            study.resume(0)
        with pytest.raises(StoreError, match="trial 0 is stopped, not running"):
            study.aim(0, 27)

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
    def test_a_value_is_finite(self, study: StoredStudy, value: float) -> None:
        study.add_trial(new_trial())
        with pytest.raises(ObservationError, match=r"the value must be a finite number, got"):
            study.finish(0, value, seconds=1)
        with pytest.raises(ObservationError, match=r"the report of epoch 2 must be a finite"):
            study.add_report(0, 2, value)
        with pytest.raises(ObservationError, match=r"the value must be a finite number, got"):
            new_trial(value=value)
        assert study.read()[0].state is State.RUNNING

    def test_another_attempt_replaces_the_curve_as_it_reports(self, study: StoredStudy) -> None:
        record = study.add_trial(new_trial(worker="a"))
        study.add_report(0, 1, 0.5)
        study.fail(0, "lost", traceback="…", seconds=3)
        again = study.retry(0, worker="b")
        assert again == replace(record, attempt=2, worker="b", reports=(Report(1, 0.5),))
        assert study.read() == [again]
        study.add_report(0, 1, 0.6)
        assert study.read()[0].reports == (Report(1, 0.6),)
        assert study.retry(0).attempt == 3  # as after an interruption
        study.finish(0, 1.0, seconds=1)
        with pytest.raises(StoreError, match="trial 0 is finished, not running or failed"):
            study.retry(0)

    def test_results_that_the_user_brings_are_stored_ended(self, study: StoredStudy) -> None:
        study.add_trials([new_trial(value=0.5, seconds=60.0), new_trial(error="diverged")])
        finished, failed = study.read()
        assert (finished.state, finished.value, finished.seconds) == (State.FINISHED, 0.5, 60.0)
        assert (failed.state, failed.error, failed.value) == (State.FAILED, "diverged", None)
        with pytest.raises(ObservationError, match="with a value or with an error, not with both"):
            new_trial(value=0.5, error="diverged")

    def test_changes_are_given_once(self, study: StoredStudy) -> None:
        def changed(since: int) -> tuple[int, list[int]]:
            changes = study.changes(since)
            return changes.version, [t.number for t in changes.records]

        study.add_trials([new_trial() for _ in range(4)])
        version, numbers = changed(0)
        assert numbers == [0, 1, 2, 3]
        assert changed(version) == (version, [])
        study.finish(3, 1.0, seconds=1)
        study.add_report(1, 1, 0.5)
        later, numbers = changed(version)
        assert numbers == [1, 3]
        assert study.changes(version).records[0].reports == (Report(1, 0.5),)
        study.fail(0, "lost")
        study.retry(2)
        latest, numbers = changed(later)
        assert numbers == [0, 2]
        assert version < later < latest

    def test_a_write_that_fails_leaves_nothing(self, study: StoredStudy) -> None:
        study.add_trial(new_trial())
        study.add_report(0, 1, 0.5)
        before = study.changes(0)
        bad = new_trial(features={"params": "many"})
        with pytest.raises(ValueError, match="could not convert string to float"):
            study.add_trials([new_trial(), bad])
        assert study.changes(0) == before

    def test_a_trial_gets_the_number_that_it_follows_from_or_none(self, study: StoredStudy) -> None:
        assert study.add_trial(new_trial(), number=0).number == 0
        with pytest.raises(ConflictError, match="the next trial is 1, not 0"):
            study.add_trial(new_trial(), number=0)
        before = study.changes(0)
        with pytest.raises(ConflictError, match="the next trial is 1, not 2"):
            study.add_trial(new_trial(), number=2)
        assert study.changes(0) == before

    def test_what_an_older_attempt_says_is_refused_but_a_result(self, study: StoredStudy) -> None:
        study.add_trial(new_trial(worker="a"))
        study.retry(0, worker="b", attempt=1)
        refused = "trial 0 is in attempt 2, not 1"
        with pytest.raises(ConflictError, match=refused):
            study.add_report(0, 1, 0.5, attempt=1)
        with pytest.raises(ConflictError, match=refused):
            study.aim(0, 3, attempt=1)
        with pytest.raises(ConflictError, match=refused):
            study.fail(0, "lost", attempt=1)
        with pytest.raises(ConflictError, match=refused):
            study.shorten(0, State.PAUSED, reached=1, interim=0.5, seconds=1, attempt=1)
        study.add_report(0, 1, 0.25, attempt=2)
        study.finish(0, 0.75, seconds=1)
        assert study.read()[0].value == 0.75
        with pytest.raises(ConflictError, match="trial 0 is finished, not running"):
            study.add_report(0, 2, 0.5, attempt=2)

    def test_a_paused_trial_goes_on_with_one_of_those_who_want_it(self, study: StoredStudy) -> None:
        study.add_trial(new_trial(worker="a"))
        study.add_report(0, 1, 0.25)
        study.shorten(0, State.PAUSED, reached=1, interim=0.25, seconds=1.5)
        assert study.resume(0, fidelity=3, worker="b").worker == "b"
        with pytest.raises(ConflictError, match="trial 0 is running, not paused"):
            study.resume(0, fidelity=3, worker="c")

    def test_a_deleted_trial_has_no_result_and_keeps_it(self, study: StoredStudy) -> None:
        study.add_trials([new_trial(), new_trial(), new_trial(error="diverged"), new_trial()])
        study.add_report(0, 1, 0.25)
        study.finish(0, 0.5, seconds=3)
        study.add_report(1, 1, 0.25)
        study.shorten(1, State.PAUSED, reached=1, interim=0.25, seconds=1.5)
        before = study.read()
        given = [study.delete(number) for number in (0, 1, 2)]
        assert study.read() == [*given, before[3]]
        for record, was in zip(given, before, strict=False):
            assert (record.state, record.deleted) == (State.DELETED, 4)
            assert (record.value, record.interim, record.reached, record.error) == (None,) * 4
            assert record.reports == ()
            assert record.seconds == was.seconds
            assert record.undeleted == was
        assert before[3].undeleted == before[3]

    def test_only_what_has_ended_or_is_paused_is_deleted_and_once(self, study: StoredStudy) -> None:
        study.add_trials([new_trial(), new_trial()])
        study.add_report(1, 1, 0.25)
        study.shorten(1, State.PAUSED, reached=1, interim=0.25, seconds=1.5)
        study.delete(1)
        before = study.changes(0)
        with pytest.raises(ConflictError, match=r"trial 0 is running\. It can be deleted when it"):
            study.delete(0)
        with pytest.raises(ConflictError, match="trial 1 is deleted already"):
            study.delete(1)
        with pytest.raises(ConflictError, match="trial 1 is deleted, not paused"):
            study.resume(1)
        with pytest.raises(ConflictError, match="trial 1 is deleted, not running or failed"):
            study.retry(1)
        with pytest.raises(StoreError, match="there is no trial 2"):
            study.delete(2)
        assert study.changes(0) == before

    def test_what_follows_from_a_result_deleted_since_is_not_stored(
        self, study: StoredStudy
    ) -> None:
        study.add_trials([new_trial(value=0.5), new_trial(value=0.25)])
        known = study.changes(0).version
        assert study.add_trial(new_trial(value=0.75), known=known).number == 2
        study.delete(0)
        with pytest.raises(ConflictError, match="trial 0 has been deleted"):
            study.add_trial(new_trial(), number=3, known=known)
        changes = study.changes(known)
        assert [record.number for record in changes.records] == [0, 2]
        assert study.add_trial(new_trial(), number=3, known=changes.version).number == 3
        assert study.add_trial(new_trial()).number == 4

    def test_drivers_know_of_each_other(self, study: StoredStudy) -> None:
        with study.driver(lease=60) as a, study.driver(lease=60) as b:
            both = [a.name, b.name]
            assert a.gone(both) <= {b.name}  # in memory nobody else can be seen
            assert b.gone([b.name]) == set()
        assert a.gone(both) == {b.name}
