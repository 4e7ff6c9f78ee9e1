"""A stored study as it is now: what has changed is read, and what is asked often is kept.

A snapshot never changes, so any thread may draw from it while the next one is read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from threading import Event, RLock
from typing import TypeVar

from archbo.data import State, TrialRecord
from archbo.errors import StoreError
from archbo.spaces import Architecture
from archbo.store import Store, StoredStudy
from archbo.study.files import StateFiles
from archbo.views.curves import CurvesInfo, curves_info
from archbo.views.infos import (
    CalibrationInfo,
    HistoryInfo,
    Member,
    StudyInfo,
    calibration_info,
    history_info,
    members,
    study_info,
)
from archbo.views.places import Places

BEST_SHOWN = 3
LOOK_SECONDS = 0.5  # a store is read no more often, however many pages are open

T = TypeVar("T")


class Snapshot:
    """All trials of a study at one version of it.

    Args:
        study: what they are of.
        records: the trials, in any order.
        version: how often the study had been written to.
        places: of the trials on the map, as far as they are known from earlier snapshots.
    """

    def __init__(
        self,
        study: StudyInfo,
        records: Sequence[TrialRecord],
        version: int,
        places: Places | None = None,
    ) -> None:
        self.study = study
        self.version = version
        self.places = Places(study.space) if places is None else places
        self.records = tuple(sorted(records, key=lambda record: record.number))
        self._kept: dict[object, object] = {}
        self._turn = RLock()

    def once(self, key: object, make: Callable[[], T]) -> T:
        """What `make` gives, made once for each key."""
        with self._turn:
            if key not in self._kept:
                self._kept[key] = make()
            return self._kept[key]  # type: ignore[return-value] # a key has one maker

    @cached_property
    def by_number(self) -> dict[int, TrialRecord]:
        """The trials by their numbers."""
        return {record.number: record for record in self.records}

    @cached_property
    def running(self) -> tuple[TrialRecord, ...]:
        """Those in training."""
        return tuple(r for r in self.records if r.state is State.RUNNING)

    @cached_property
    def history(self) -> HistoryInfo:
        """The trials, and the incumbents among them."""
        return history_info(self.records, self.study)

    @cached_property
    def calibration(self) -> CalibrationInfo:
        """Predictions and what came of them."""
        return calibration_info(self.records)

    @cached_property
    def curves(self) -> CurvesInfo:
        """The learning curves."""
        return curves_info(self.records, self.study)

    @cached_property
    def best(self) -> list[Member]:
        """The best few networks."""
        return members(self.records, self.study, limit=BEST_SHOWN)

    def architecture(self, record: TrialRecord) -> Architecture:
        """What a trial trains."""
        return self.once(
            ("architecture", record.number),
            lambda: self.study.space.architecture(record.architecture),
        )


class Feed:
    """One study of the dashboard, read again whenever a page asks and a moment has passed.

    A store that cannot be read for a while leaves what was read last.

    Args:
        store: the open database.
        stored: the study in it.
        name: what to call it.
        location: of the database, as it was opened.

    Attributes:
        closed: set once nobody looks at it any more.
        trouble: why it could not be read the last time; else empty.

    Raises:
        StoreError: if the study has no settings that archbo knows, or a value is damaged.
        SpaceError: if its space is none.
    """

    def __init__(self, store: Store, stored: StoredStudy, name: str, location: str) -> None:
        self.name = name
        self.location = location
        self.closed = Event()
        self.stored = stored
        self.files = StateFiles.of(store, stored.settings)
        self.trouble = ""
        self._store = store
        self._study = study_info(stored.settings, name=name)
        self._turn = RLock()
        self._looked = time.monotonic()
        self._snapshot = Snapshot(self._study, *_read(stored, 0, {}))

    def snapshot(self) -> Snapshot:
        """The study as it is, but for the last half a second."""
        with self._turn:
            if time.monotonic() - self._looked >= LOOK_SECONDS:
                self.refresh()
            return self._snapshot

    def refresh(self) -> None:
        """Read what has changed."""
        with self._turn:
            now = self._snapshot
            try:
                records, version = _read(self.stored, now.version, now.by_number)
            except StoreError as error:
                self.trouble = str(error)
            else:
                self.trouble = ""
                if version != now.version:
                    self._snapshot = Snapshot(self._study, records, version, now.places)
            self._looked = time.monotonic()

    def close(self) -> None:
        """Let go of the database."""
        self.closed.set()
        self._store.close()


def _read(
    stored: StoredStudy, since: int, known: dict[int, TrialRecord]
) -> tuple[list[TrialRecord], int]:
    """All trials and the version: those that are known, with those changed since."""
    version, changed = stored.changes(since)
    return list((known | {record.number: record for record in changed}).values()), version
