"""Steering a study from its page: what can be asked, and what became of it.

A request is written to the store, and whoever runs the study does it and answers; only a trial is
deleted at once. Nothing is written but by a browser that has the token, which the terminal shows
and no other page can read.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from archbo.data import State, TrialRecord
from archbo.errors import ArchitectureError, ConflictError
from archbo.store import StoredStudy
from archbo.store.records import Answer
from archbo.store.requests import Asked, Request, Requests
from archbo.views.dashboard.feed import Snapshot
from archbo.views.dashboard.parts import links, section

LONGEST_BODY = 100_000  # bytes of a request
_LONGEST_WORDS = 300
DELETE = "delete"


def obey(stored: StoredStudy, snapshot: Snapshot, document: Any) -> str:
    """Do what a page asks for, and give the words for whoever asked.

    A trial is deleted at once, `{"kind": "delete", "trial": 3}`, whether or not a run goes on;
    everything else is a request to whoever runs the study, see `ask`.

    Args:
        stored: the study, to be written.
        snapshot: the same as it is.
        document: what is asked for.

    Raises:
        ArchitectureError: if it is to train what is no member of the space.
        ValueError: if it makes no sense otherwise, with a sentence for whoever asked.
        StoreError: if it cannot be written.
    """
    if not isinstance(document, Mapping) or document.get("kind") != DELETE:
        ask(Requests(stored), snapshot, document)
        return "Asked. Whoever runs the study does it."
    record = _trial(snapshot, document)
    try:
        stored.delete(record.number)
    except ConflictError as error:
        raise ValueError(f"T{error.message[1:]}. {error.hint}".strip()) from error
    return "Deleted. Its result counts no more."


def ask(requests: Requests, snapshot: Snapshot, document: Any) -> Request:
    """Write what a page asks for.

    Args:
        requests: of the study.
        snapshot: the study as it is.
        document: `{"kind": "retry", "trial": 3}`, or `{"kind": "enqueue", "architecture": "…"}`
            with a plain value as JSON or Python writes it.

    Raises:
        ArchitectureError: if it is to train what is no member of the space.
        ValueError: if it makes no sense otherwise, with a sentence for whoever asked.
        StoreError: if it cannot be written.
    """
    if not isinstance(document, Mapping):
        raise ValueError("A request is an object.")
    try:
        kind = Asked(str(document.get("kind")))
    except ValueError:
        known = ", ".join([*Asked, DELETE])
        raise ValueError(f"There is no such request; known: {known}.") from None
    if kind is Asked.ENQUEUE:
        plain = _plain(document.get("architecture"))
        return requests.ask(kind, architecture=snapshot.study.space.architecture(plain).to_dict())
    if kind is Asked.RETRY:
        record = _trial(snapshot, document)
        if record.state is not State.FAILED:
            raise ValueError(f"Trial {record.number} has not failed; it is {record.state}.")
        return requests.ask(kind, trial=record.number)
    return requests.ask(kind)


def _trial(snapshot: Snapshot, document: Mapping[str, Any]) -> TrialRecord:
    number = document.get("trial")
    record = snapshot.by_number.get(number) if type(number) is int else None
    if record is None:
        raise ValueError("There is no such trial.")
    return record


def _plain(text: Any) -> Any:
    """A plain value from JSON, or from what Python prints.

    Raises:
        ArchitectureError: if it is neither.
    """
    hint = "Give the plain value of an architecture, as a trial's page has it."
    if not isinstance(text, str):
        raise ArchitectureError("expected the text of an architecture", hint=hint)
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    raise ArchitectureError(f"this is neither JSON nor a Python value: {text[:60]!r}", hint=hint)


def controls() -> str:
    """The buttons for the whole search, and the form for an architecture; hidden without token."""
    return (
        '<div class="controls" hidden><button type="button" data-ask="pause">Pause</button>'
        '<button type="button" data-ask="go on">Go on</button>'
        '<button type="button" data-ask="stop" data-sure="Stop the search? What is in training '
        'ends, and nothing more is begun.">Stop</button>'
        "<details><summary>Train an architecture</summary><form data-enqueue>"
        '<label for="architecture">Its plain value, as JSON or Python</label>'
        '<textarea id="architecture" name="architecture" rows="4" required></textarea>'
        '<button type="submit">Train it next</button></form></details>'
        '<p class="said" role="status"></p></div>'
    )


def trial_controls(record: TrialRecord) -> str:
    """The buttons for one trial; hidden without token."""
    trial, buttons = record.number, ""
    if record.state is State.FAILED:
        buttons += f'<button type="button" data-ask="retry" data-trial="{trial}">Try again</button>'
    if record.state not in (State.RUNNING, State.DELETED):
        buttons += (
            f'<button type="button" data-ask="{DELETE}" data-trial="{trial}" data-sure="Delete '
            f"trial {trial}? Its result counts no more, for models, the incumbent and figures. "
            'There is no way back.">Delete</button>'
        )
    return f'<div class="controls" hidden>{buttons}<p class="said" role="status"></p></div>'


def requests_section(found: Sequence[Request]) -> str:
    """What was asked lately, and what became of it; empty before the first."""
    if not found:
        return ""
    items = "".join(f'<li id="request-{r.key}">{_words(r)}</li>' for r in found)
    return section("asked", "Asked", f'<ul class="asked">{items}</ul>')


def _words(request: Request) -> str:
    when = datetime.fromtimestamp(request.created, tz=UTC).strftime("%H:%M:%S UTC")
    what = request.kind.value
    if request.trial is not None:
        what += f" trial {links([request.trial])}"
    elif request.kind is Asked.ENQUEUE:
        line = json.dumps(request.architecture, ensure_ascii=False)[:_LONGEST_WORDS]
        what = f"train <code>{escape(line)}</code>"
    state = "waits for the run" if request.answer is Answer.OPEN else request.answer.value
    more = f": {escape(request.words[:_LONGEST_WORDS])}" if request.words else ""
    return f"{when} {what}, <em>{state}{more}</em>"
