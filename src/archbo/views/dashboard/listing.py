"""The list of trials: those that are asked for, in the order asked for, a page at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import NamedTuple
from urllib.parse import urlencode

from archbo.data import TrialRecord
from archbo.views.dashboard.feed import Snapshot
from archbo.views.dashboard.parts import section
from archbo.views.infos import StudyInfo, duration, number, one_line
from archbo.views.levels import standing

PAGE = 50
LONGEST_FILTER = 200  # characters
_LINE_SHOWN = 400
_COMPARED = re.compile(r"([\w.]+)(<=|>=|<|>|=)(-?[\d.]+(?:e[-+]?\d+)?)", re.ASCII | re.IGNORECASE)
_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, "=": lambda a, b: a == b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
}  # fmt: skip


class Wanted(NamedTuple):
    """Which trials, in which order.

    Attributes:
        words: all of them occur in the trial; one such as `accuracy>0.9` compares a number.
        sort: a column, with "-" before it for the largest first.
        page: from 1.
    """

    words: str = ""
    sort: str = "-trial"
    page: int = 1

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Wanted:
        """From an address; what makes no sense there is left out."""
        sort = query.get("sort", "")
        page = query.get("page", "")
        return cls(
            query.get("filter", "")[:LONGEST_FILTER],
            sort if sort.removeprefix("-") in _COLUMNS else "-trial",
            max(int(page), 1) if page.isdecimal() and len(page) < 7 else 1,
        )

    def address(self, **changed: str | int) -> str:
        """The query of an address that asks for this, with some of it changed."""
        whole = {"filter": self.words, "sort": self.sort, "page": self.page} | changed
        plain = {"filter": "", "sort": "-trial", "page": 1}
        kept = {name: value for name, value in whole.items() if value != plain[name]}
        return f"?{urlencode(kept)}#trials"


_COLUMNS: Mapping[str, Callable[[TrialRecord], float | str | None]] = {
    "trial": lambda r: r.number,
    "value": lambda r: r.interim if r.value is None else r.value,
    "predicted": lambda r: None if r.prediction is None else r.prediction.mean,
    "state": lambda r: r.state.value,
    "origin": lambda r: r.origin,
    "seconds": lambda r: r.seconds,
}


def asked_for(snapshot: Snapshot, asked: Wanted) -> list[TrialRecord]:
    """The trials that are asked for, in order; those without a value in the column last."""
    words = asked.words.casefold().split()
    found = [r for r in snapshot.records if _fits(r, words, snapshot)]
    key = _COLUMNS[asked.sort.removeprefix("-")]
    known = [(value, r) for r in found if (value := key(r)) is not None]
    known.sort(key=lambda item: item[0], reverse=asked.sort.startswith("-"))
    missing = [r for r in found if key(r) is None]
    return [*(record for _, record in known), *missing]


def _fits(record: TrialRecord, words: Sequence[str], snapshot: Snapshot) -> bool:
    return all(_has(record, word, snapshot) for word in words)


def _has(record: TrialRecord, word: str, snapshot: Snapshot) -> bool:
    compared = _COMPARED.fullmatch(word)
    if compared:
        name, sign, text = compared.groups()
        held = _named(record, name, snapshot.study)
        try:
            return held is not None and _SIGNS[sign](held, float(text))
        except ValueError:  # such as 1.2.3
            return False
    return word in snapshot.once(("text", record.number), lambda: _text(record))


def _named(record: TrialRecord, name: str, study: StudyInfo) -> float | None:
    """A number of a trial by its name in the list, or the name of the objective or a feature."""
    if name == study.objective.casefold():
        name = "value"
    if name in _COLUMNS:
        held = _COLUMNS[name](record)
        return None if isinstance(held, str) else held
    return next((v for key, v in record.features.items() if key.casefold() == name), None)


def _text(record: TrialRecord) -> str:
    """Everything about a trial that words are looked for in."""
    architecture = json.dumps(record.architecture, ensure_ascii=False)
    parts = (record.state.value, record.origin, architecture, record.error, record.architecture_id)
    return " ".join(filter(None, parts)).casefold()


def trials_section(snapshot: Snapshot, asked: Wanted, action: str) -> str:
    """The form of the filter and the page of the list.

    Args:
        snapshot: the study.
        asked: which trials.
        action: the address of the page that compares two of them.
    """
    found = asked_for(snapshot, asked)
    pages = max((len(found) + PAGE - 1) // PAGE, 1)
    asked = asked._replace(page=min(asked.page, pages))
    rows = "".join(
        _row(record, snapshot) for record in found[(asked.page - 1) * PAGE : asked.page * PAGE]
    )
    heads = "".join(_head(name, asked, snapshot.study) for name in _COLUMNS)
    count = f"{number(len(found))} of {number(len(snapshot.records))}"
    search = (
        '<form class="filter" role="search" data-live><label for="filter">Filter</label>'
        f'<input id="filter" name="filter" type="search" maxlength="{LONGEST_FILTER}" '
        f'value="{escape(asked.words)}" autocomplete="off" '
        f'placeholder="conv_3x3 model {escape(snapshot.study.objective)}>0.9">'
        f'<input type="hidden" name="sort" value="{asked.sort}">'
        f'<span class="count" role="status">{count}</span></form>'
    )
    table = (
        f'<form action="{action}"><div class="scroll" tabindex="0"><table class="trials">'
        f'<thead><tr><th scope="col"><span class="unseen">compare</span></th>{heads}'
        f'<th scope="col">architecture</th></tr></thead><tbody>{rows}</tbody></table></div>'
        f'<div class="below"><button class="quiet">Compare the marked two</button>'
        f"{_pager(asked, pages)}</div></form>"
    )
    return section("trials", "Trials", search + table)


def _head(name: str, asked: Wanted, study: StudyInfo) -> str:
    down = asked.sort == f"-{name}"
    sorted_by = asked.sort.removeprefix("-") == name
    order = ("descending" if down else "ascending") if sorted_by else "none"
    label = {"value": study.objective, "seconds": "time"}.get(name, name)
    to = asked.address(sort=name if down else f"-{name}", page=1)
    return (
        f'<th scope="col" aria-sort="{order}"><a class="sort" id="sort-{name}" '
        f'href="{escape(to)}" data-live>{escape(label)}</a></th>'
    )


def _pager(asked: Wanted, pages: int) -> str:
    if pages == 1:
        return ""
    steps = []
    for label, name, to in (("Previous", "prev", asked.page - 1), ("Next", "next", asked.page + 1)):
        if 1 <= to <= pages:
            address = escape(asked.address(page=to))
            steps.append(f'<a id="{name}" rel="{name}" href="{address}" data-live>{label}</a>')
    where = f"<span>{asked.page} of {number(pages)}</span>"
    return f'<nav class="pager" aria-label="Pages of trials">{where}{"".join(steps)}</nav>'


def _row(record: TrialRecord, snapshot: Snapshot) -> str:
    study = snapshot.study
    predicted = ""
    if record.prediction is not None:
        mean, sd = (number(x, digits=d) for x, d in zip(record.prediction, (4, 2), strict=True))
        predicted = f"{mean} <small>± {sd}</small>"
    value = record.interim if record.value is None else record.value
    took = "" if record.seconds is None else duration(record.seconds)
    line = one_line(snapshot.architecture(record))
    line = line if len(line) <= _LINE_SHOWN else line[:_LINE_SHOWN] + "…"
    error = ""
    if record.error:
        first = record.error.strip().partition("\n")[0][:_LINE_SHOWN]
        error = f'<p class="error">{escape(first)}</p>'
    return (
        f'<tr id="row-{record.number}" class="{record.state.value}"><td>'
        f'<input type="checkbox" name="trial" value="{record.number}" '
        f'aria-label="Compare trial {record.number}"></td>'
        f'<td class="number"><a href="#trial-{record.number}">{record.number}</a></td>'
        f'<td class="number">{"" if value is None else number(value)}</td>'
        f'<td class="number">{predicted}</td><td>{escape(standing(record, study))}</td>'
        f'<td>{escape(record.origin)}</td><td class="number">{took}</td>'
        f'<td class="wide"><span class="line-of">{escape(line)}</span>{error}</td></tr>'
    )
