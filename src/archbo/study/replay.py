"""Every proposal again from the history: the same, or where it differs and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from archbo.data import State, TrialRecord
from archbo.errors import ObservationError, ProgramError, SpaceError
from archbo.methods import METHODS
from archbo.spaces import from_dict
from archbo.store import Store, StoredStudy
from archbo.study import loop
from archbo.study.program import execute
from archbo.study.session import capture
from archbo.study.study import Study, differing_settings


@dataclass(frozen=True, slots=True)
class ReplayedProposal:
    """One proposal, made again.

    Attributes:
        number: of the trial.
        same: whether the same network came out.
        stored, proposed: the ids.
        note: why it could differ, or why it was not made again; else empty.
    """

    number: int
    same: bool
    stored: str
    proposed: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """All proposals of a study, made again."""

    proposals: tuple[ReplayedProposal, ...]

    @property
    def same(self) -> bool:
        """Whether all came out as stored."""
        return all(proposal.same for proposal in self.proposals)


def replay(location: str | Path, program: str | Path | None = None) -> ReplayResult:
    """Make every proposal of a stored study again.

    A study with features, predicates, or a method or parts of its own needs its program, which
    knows them: by default the one that made the study.

    Raises:
        StoreError: if there is no such study.
        ProgramError: if its program is needed and is not there, or holds no such study.
        MismatchError: if the program now describes another study.
    """
    with closing(Store.open(location, create=False)) as store:
        stored = store.study()
        records = stored.read()
        study = _described(stored) if program is None else None
    if study is None:
        study = _programmed(location, stored, program or stored.settings.get("program"))
    made = stored.settings["versions"]
    with closing(study):
        return ReplayResult(tuple(_again(study, records, k, made) for k in range(len(records))))


def _described(stored: StoredStudy) -> Study | None:
    """The study as far as its settings tell, if that is all there is to it."""
    settings = stored.settings
    if settings["features"] or settings["constraints"] or settings["method"] not in METHODS:
        return None
    try:
        space = from_dict(settings["space"])
    except SpaceError:  # it has parts that only the program knows
        return None
    return Study(
        None,
        space,
        **{settings["direction"]: settings["objective"]},
        seed=settings["seed"],
        method=settings["method"],
        epochs=settings["epochs"],
    )


def _programmed(location: str | Path, stored: StoredStudy, program: str | Path | None) -> Study:
    """The study of the program that has these settings, on whatever store, without running it."""
    if program is None or not Path(program).is_file():
        raise ProgramError(
            "this study has features, constraints, a method or parts of its own, "
            "and the program that defines them is not here",
            path=str(program or ""),
            hint="Name it: archbo replay STORE --program PROGRAM.",
        )
    # studies that are not wanted do not run, so the program may ask for results that are not there
    with capture(lambda study: _same(study, stored)) as session, suppress(ObservationError):
        execute(Path(program))
    if session.studies and _same(session.studies[-1], stored):
        return session.studies[-1]
    raise ProgramError(
        f"no study that this program runs has the settings of the one in {location}",
        path=str(program),
        hint="Name the program that made it: archbo replay STORE --program PROGRAM.",
    )


def _same(study: Study, stored: StoredStudy) -> bool:
    return not differing_settings(stored.settings, study.store.settings)


def _again(
    study: Study, records: Sequence[TrialRecord], number: int, made: Mapping[str, str]
) -> ReplayedProposal:
    record = records[number]
    if record.origin == "user":
        return ReplayedProposal(number, True, record.architecture_id, record.architecture_id,
                                "given by the user")  # fmt: skip
    pending = set(record.pending)
    history = [
        replace(r, state=State.RUNNING, value=None) if r.number in pending else r
        for r in records[:number]
    ]
    proposed = loop.propose(study, history).architecture.id
    same = proposed == record.architecture_id
    versions = " and ".join(f"{name} {version}" for name, version in made.items())
    note = "" if same else f"the study was made with {versions}"
    return ReplayedProposal(number, same, record.architecture_id, proposed, note)
