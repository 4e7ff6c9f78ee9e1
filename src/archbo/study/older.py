"""Older results as a user gives them: a store, or architectures and their values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archbo.data import State
from archbo.older import OlderResults, parse_older
from archbo.spaces import Part
from archbo.store import Store


def read_all(space: Part, older: Any) -> list[OlderResults]:
    """All older results, carried over to a space.

    Args:
        space: the new one.
        older: a store's file name or URL, or (architectures, values), larger is better; or a list
            of these.

    Raises:
        StoreError: if a store cannot be opened.
        ProblemError: if too little fits into the space, or something else is given.
    """
    items: Sequence[Any] = older if isinstance(older, list) else [older]
    found: list[OlderResults] = []
    for k, item in enumerate(items):
        if isinstance(item, (str, Path)):
            found.append(read_store(space, item))
        else:
            found += parse_older(space, [item], first=k)
    return found


def read_store(space: Part, location: str | Path) -> OlderResults:
    """The finished trials of a stored study, carried over to a space.

    Raises:
        StoreError: if it cannot be opened.
        ProblemError: if too few fit into the space.
    """
    with Store.open(location, read_only=True) as store:
        study = store.study()
        finished = [r for r in study.read() if r.state is State.FINISHED and r.value is not None]
        return OlderResults.of(
            space,
            [record.architecture for record in finished],
            [record.value for record in finished if record.value is not None],
            maximize=study.settings.get("direction") != "minimize",
            name=Path(store.name).name,
        )
