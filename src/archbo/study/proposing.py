"""What follows from the trials so far: pure functions of them and the study's settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from archbo.arrays import stream
from archbo.data import Decision, Progress, Proposal, State, TrialRecord
from archbo.errors import ProblemError
from archbo.fidelity import FidelityRange
from archbo.training import Task

if TYPE_CHECKING:
    from archbo.study.running import Running


ASKED = "asked"
"""The origin of what somebody asked for while the study ran."""


def task(study: Running, record: TrialRecord) -> Task:
    """What a training process is told of a trial."""
    fidelity, epochs, level, target = study.problem.fidelity, study.epochs, None, None
    if fidelity is not None:
        high = fidelity.continued or record.fidelity is None
        level = fidelity.level(fidelity.high if high else record.fidelity)
        target = record.fidelity if fidelity.continued else None
        if fidelity.counted:
            epochs = int(level)
    return Task.make(
        record.number,
        record.architecture,
        study_seed=study.problem.seed,
        attempt=record.attempt,
        epochs=epochs,
        objective=study.problem.objective.name,
        folder=study.files.of_trial(record.number),
        fidelity=level,
        target=target,
        log=study.files.log(record.number),
        again=record.attempt > 1 or bool(record.reports),
    )


def decide(study: Running, records: Sequence[TrialRecord], number: int) -> Decision:
    """What becomes of a training that has reached its target.

    Raises:
        ProblemError: if the method lets it go on to where it has been.
    """
    dataset = study.dataset(records)
    curve = dataset.curves[sum(r.state is not State.DELETED for r in records[:number])]
    rng = stream(study.problem.seed, "decide", number, int(curve.reached))
    decision = study.search.decide(dataset, curve, rng)
    if decision.target is not None and decision.target <= curve.reached:
        raise ProblemError(
            f"the method lets trial {number} go on to {decision.target:g}, "
            f"which has reached {curve.reached:g}"
        )
    return decision


def propose(study: Running, records: Sequence[TrialRecord]) -> Proposal | None:
    """The proposal that follows from these trials: a pure function of them and the settings.

    What was proposed last is trained again until it has its repeats; then what the user wants
    trained first; then the method decides. None while it waits for trainings to end.
    """
    again = _to_repeat(records, study.repeats)
    if again is not None:
        return Proposal(study.architecture(again), "repeat")
    if study.problem.start:
        known = {r.architecture_id for r in records if r.state is not State.DELETED}
        for arch in study.problem.starting(known):
            return Proposal(arch, "user")
    key = [len(records)]
    if _pausing(study):  # going on adds no trial
        key.append(sum(len(record.undeleted.reports) for record in records))
    rng = stream(study.problem.seed, "propose", *key)
    return next(iter(study.search.propose(study.dataset(records), 1, rng)), None)


def history(records: Sequence[TrialRecord], number: int) -> list[TrialRecord]:
    """The trials before one, as they were when it was proposed."""
    later = records[number]
    known, running = _known(records[: number + 1]), set(later.pending)
    return [
        record
        if record.deleted is not None and record.deleted <= number
        else _then(record.undeleted, known.get(record.number), running=record.number in running)
        for record in records[:number]
    ]


def _then(record: TrialRecord, was: Progress | None, *, running: bool) -> TrialRecord:
    """A trial as it was."""
    if was is None:
        return replace(record, state=State.RUNNING, value=None, interim=None) if running else record
    points = tuple(point for point in record.reports if point.epoch <= was.reported)
    then = replace(record, value=None, reports=points, fidelity=was.target)
    if running:
        return replace(then, state=State.RUNNING, reached=None, interim=None)
    last = points[-1] if points else None
    return replace(
        then,
        state=State.PAUSED,
        reached=None if last is None else float(last.epoch),
        interim=None if last is None else last.value,
    )


def _known(records: Sequence[TrialRecord]) -> dict[int, Progress]:
    """How far each trial was that could go on when the last of these was proposed."""
    known: dict[int, Progress] = {}
    for record in records:
        for number, progress in record.progress.items():
            if progress is None:
                known.pop(number, None)
            else:
                known[number] = progress
    return known


def _pausing(study: Running) -> bool:
    """Whether trainings can be paused and continued."""
    return study.problem.fidelity is not None and study.problem.fidelity.continued


def changes(study: Running, records: Sequence[TrialRecord]) -> dict[int, Progress | None]:
    """How far trials are, as far as the last one does not say so; None of those that ended."""
    if not _pausing(study):
        return {}
    before = _known(records)
    now = {
        r.number: Progress(r.reports[-1].epoch if r.reports else 0, r.fidelity)
        for r in records
        if r.state in (State.RUNNING, State.PAUSED)
    }
    return {
        number: now.get(number)
        for number in sorted(now.keys() | before.keys())
        if now.get(number) != before.get(number)
    }


def at_target(study: Running, record: TrialRecord) -> bool:
    """Whether a training has reported the level that it was to reach."""
    if not _pausing(study) or record.fidelity is None or not record.reports:
        return False
    return record.reports[-1].epoch >= record.fidelity


def paused(records: Sequence[TrialRecord], proposal: Proposal) -> int:
    """The number of the trial that a proposal goes on with.

    Raises:
        ProblemError: if there is none.
    """
    for record in records:
        same = record.architecture_id == proposal.architecture.id
        if same and record.state is State.PAUSED and record.reached == proposal.resume:
            return record.number
    raise ProblemError(
        f"the method goes on with {proposal.architecture!r} from {proposal.resume:g}, but no trial "
        "of it is paused there"
    )


def cost(fidelity: FidelityRange, record: TrialRecord) -> float:
    """What a trial has cost, or will have when it reaches its target, in full trainings.

    A deleted one has cost what it did.
    """
    record = record.undeleted
    if record.state.short:
        return fidelity.share(record.reached)
    return 1.0 if record.state is State.FINISHED else fidelity.share(record.fidelity)


def _to_repeat(records: Sequence[TrialRecord], repeats: int) -> TrialRecord | None:
    """The newest proposal, if it has not been trained so often; a failure is not tried again.

    Trainings that were deleted do not count, and a network of which all were is not trained again.
    """
    searched = [record for record in records if record.searched]
    proposed = [place for place, r in enumerate(searched) if r.origin != "repeat"]
    if not proposed:
        return None
    group = [r for r in searched[proposed[-1] :] if r.state is not State.DELETED]
    failed = any(record.state is State.FAILED for record in group)
    return None if not group or failed or len(group) >= repeats else group[0]
