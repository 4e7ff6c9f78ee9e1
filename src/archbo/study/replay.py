"""Every proposal again from the history: the same, or where it differs and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from archbo.data import TrialRecord
from archbo.store import Store
from archbo.study.finding import PARTS, described, find
from archbo.study.proposing import ASKED, history, propose
from archbo.study.running import Running


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
    knows them: by default the file beside the store that has the name of the one that made the
    study.

    Raises:
        StoreError: if there is no such study.
        ProgramError: if its program is needed and is not there, or holds no such study.
        MismatchError: if the program now describes another study.
    """
    with closing(Store.open(location, read_only=True)) as store:
        stored = store.study()
        records = stored.read()
        study = described(stored) if program is None else None
    if study is None:
        study = find(location, stored, program, reason=PARTS, command="replay").study
    made = stored.settings.get("versions", {})
    with closing(study):
        return ReplayResult(tuple(_again(study, records, k, made) for k in range(len(records))))


def _again(
    study: Running, records: Sequence[TrialRecord], number: int, made: Mapping[str, str]
) -> ReplayedProposal:
    record = records[number]
    if not record.searched or record.origin == ASKED:
        note = "given by the user" if record.imported else "trained again to confirm"
        note = "asked for while it ran" if record.origin == ASKED else note
        return ReplayedProposal(number, True, record.architecture_id, record.architecture_id, note)
    proposal = propose(study, history(records, number))
    proposed = "" if proposal is None else proposal.architecture.id
    same = proposed == record.architecture_id
    versions = " and ".join(f"{name} {version}" for name, version in made.items())
    note = "" if same else f"the study was made with {versions}"
    return ReplayedProposal(number, same, record.architecture_id, proposed, note)
