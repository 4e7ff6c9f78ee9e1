"""What survives: studies, their trials and reports, in a database.

The names are resolved on first use, so that SQLAlchemy is loaded when a store is opened and no
sooner.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archbo.store.drivers import Driver
    from archbo.store.records import Changes, NewTrial, StudyRecord
    from archbo.store.store import Store
    from archbo.store.stored import StoredStudy

_NAMES = {
    "Changes": "records",
    "Driver": "drivers",
    "NewTrial": "records",
    "Store": "store",
    "StoredStudy": "stored",
    "StudyRecord": "records",
}

__all__ = ["Changes", "Driver", "NewTrial", "Store", "StoredStudy", "StudyRecord"]


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module 'archbo.store' has no attribute {name!r}")
    return getattr(import_module(f"archbo.store.{_NAMES[name]}"), name)
