"""What to try after a search, and how to run it again: said of what is stored alone."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape

import numpy as np

from archbo.data import State, TrialRecord
from archbo.spaces import Architecture
from archbo.spaces.part import Kind
from archbo.study.confirmation import Confirmation
from archbo.views.infos import (
    Member,
    StudyInfo,
    calibration_info,
    counts_info,
    failures,
    history_info,
    number,
)
from archbo.views.page import pairs

MANY_FAILED = 0.1
FEW_WITHIN = 0.8  # of predictions within two standard deviations, where 95% should be
ENOUGH = 20  # predictions to judge them by
LATE = 0.25  # of the trials: a change of the incumbent so near the end promises more
IDLE = 0.5  # of the trials: so many without a change promise little
AT_EDGE = 0.02  # of a range
MOST_EDGES = 3
_DESCRIBED = 400  # characters of a part of the space


def next_steps(
    records: Sequence[TrialRecord],
    won: Member | None,
    found: Confirmation,
    study: StudyInfo,
    store: str,
) -> list[str]:
    """What to try next, a sentence or two each, the most important first; plain text.

    Args:
        records: all trials.
        won: the answer; None if nothing has finished.
        found: what was confirmed.
        study: what the trials are of.
        store: where the study is, as it is typed.
    """
    steps = [*_trust(won, found, store), *_more(records, study)]
    if won is not None:
        steps += _edges(won.architecture)
    steps += _troubles(records)
    if won is not None:
        trial = won.trials[0]
        steps.append(
            "Take the network with you: "
            f"archbo export {shlex.quote(store)} --trial {trial} writes it as PyTorch source."
        )
    return steps


def _trust(won: Member | None, found: Confirmation, store: str) -> Iterator[str]:
    command = f"archbo confirm {shlex.quote(store)}"
    if won is None:
        return
    if not any(member.values for member in found.members):
        yield (
            "Train the best again with new seeds: the best of many noisy results is better than "
            f"its network. {command} --top 3 --repeats 3"
        )
    elif found.lead is not None and not found.lead.clear:
        yield (
            "Which of the best is the best is not clear yet: more trainings of them would tell. "
            f"{command} --budget 6"
        )


def _more(records: Sequence[TrialRecord], study: StudyInfo) -> Iterator[str]:
    searched = [r for r in records if r.searched]
    changes = history_info(searched, study).steps
    if not changes or len(searched) < ENOUGH:
        return
    since = sum(r.number > changes[-1].number for r in searched)
    if since < LATE * len(searched):
        yield (
            f"Search on: the incumbent changed {since} trials before the end, so more trials are "
            "likely to find a better one."
        )
    elif since > IDLE * len(searched):
        yield (
            f"Nothing better came in the last {since} of {len(searched)} trials: another space "
            "promises more than more trials of this one."
        )


def _edges(arch: Architecture) -> Iterator[str]:
    """Numbers that are as small or as large as the space lets them be."""
    space, rows = arch.space.compiled, arch.rows
    unit = space.to_unit(rows)[0]
    found = []
    for d in np.flatnonzero(rows.active[0]).tolist():
        decision = space.decisions[d]
        if decision.kind is Kind.CATEGORICAL or decision.high <= decision.low:
            continue
        name = decision.path.removeprefix("space").removeprefix(".") or "the number"
        if unit[d] <= AT_EDGE:
            found.append(f"{name} is near its smallest, {number(decision.low, digits=3)}")
        elif unit[d] >= 1 - AT_EDGE:
            found.append(f"{name} is near its largest, {number(decision.high, digits=3)}")
    if found:
        more = f", and {len(found) - MOST_EDGES} more" if len(found) > MOST_EDGES else ""
        yield (
            f"The answer lies at an edge of the space: {'; '.join(found[:MOST_EDGES])}{more}. "
            "A wider range may hold better ones."
        )


def _troubles(records: Sequence[TrialRecord]) -> Iterator[str]:
    failed = sum(r.state is State.FAILED for r in records)
    if failed > MANY_FAILED * len(records):
        reason = failures(records)[0]
        words = reason.error.strip().partition("\n")[0]
        yield (
            f"{failed} of {len(records)} trials failed, {len(reason.trials)} of them by: {words}. "
            "A constraint, or a training that bears it, would save them."
        )
    judged = calibration_info(records)
    if (
        judged.within_two is not None
        and judged.within_two < FEW_WITHIN
        and len(judged.points) >= ENOUGH
    ):
        yield (
            f"The model was too sure of itself: {judged.within_two:.0%} of the results lie within "
            "two standard deviations of their prediction. A feature that tells good networks from "
            "bad ones may help it."
        )


def next_section(steps: Sequence[str]) -> str:
    """The steps as a section of the page; empty without any."""
    if not steps:
        return ""
    items = "".join(f"<li>{escape(step)}</li>" for step in steps)
    return (
        '<section aria-labelledby="next"><h2 id="next">What to try next</h2>'
        f'<ul class="steps">{items}</ul></section>'
    )


def space_section(study: StudyInfo) -> str:
    """What was searched: the parts of the space, and how many architectures they make."""
    children = study.space.children()
    parts = {name: repr(part) for name, _, part in children} or {"space": repr(study.space)}
    shown = {
        name: text if len(text) <= _DESCRIBED else f"{text[:_DESCRIBED]}…"
        for name, text in parts.items()
    }
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="wide">{escape(text)}</td></tr>'
        for name, text in shown.items()
    )
    size = study.space.size
    many = "infinitely many" if size is None else number(size)
    decisions = len(study.space.compiled.decisions)
    aim = "highest" if study.maximize else "lowest"
    words = (
        f"The {aim} {study.objective} among {many} architectures, "
        f"which {number(decisions)} decisions tell apart."
    )
    form = json.dumps(study.space.to_dict(), indent=1, ensure_ascii=False)
    return (
        '<section aria-labelledby="space"><h2 id="space">What was searched</h2>'
        f'<p class="hint">{escape(words)}</p><div class="scroll" tabindex="0" role="region" '
        f'aria-labelledby="space"><table class="plain"><tbody>{rows}</tbody></table></div>'
        f"<details><summary>The space in full</summary><pre>{escape(form)}</pre></details>"
        "</section>"
    )


def again_section(records: Sequence[TrialRecord], study: StudyInfo, store: str) -> str:
    """How the study was run, and the commands that run it again."""
    origins = counts_info(records).origins
    facts = {
        "objective": f"{'maximise' if study.maximize else 'minimise'} {study.objective}",
        "trials by origin": ", ".join(f"{count} {origin}" for origin, count in origins.items()),
    }
    starts = [r.created for r in records if r.created]
    if starts:
        when = datetime.fromtimestamp(min(starts), tz=UTC)
        facts["started"] = when.strftime("%Y-%m-%d %H:%M UTC")
    facts |= study.facts
    own = sum(r.searched for r in records)
    lines = [f"archbo replay {shlex.quote(store)} --verify"]
    if program := study.facts.get("program"):
        lines.insert(0, f"archbo run {shlex.quote(program)} --trials {own}")
    commands = escape("\n".join(lines))
    return (
        '<section aria-labelledby="how"><h2 id="how">How to run it again</h2>'
        '<p class="hint">The same seed and the same results give the same proposals. The first '
        "command, where a new store is used, searches again; the other makes every proposal again "
        "from what is stored, and says whether it is the same.</p>"
        f'<pre>{commands}</pre><dl class="facts run">{pairs(facts)}</dl></section>'
    )
