"""The dashboard's pages: which parts each has, the frame around them, and what has changed.

A page is its parts, each with a digest of its HTML. A browser that says which digests it has is
given the others; so nothing is drawn anew that is the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from html import escape
from threading import RLock
from typing import Any, NamedTuple

from archbo.data import TrialRecord
from archbo.store import Store
from archbo.store.requests import Requests
from archbo.views.dashboard import parts, single
from archbo.views.dashboard.beliefs import Believed, believer
from archbo.views.dashboard.beside import FIRST, Beside
from archbo.views.dashboard.control import controls, requests_section, trial_controls
from archbo.views.dashboard.feed import Feed, Snapshot
from archbo.views.dashboard.listing import Wanted, trials_section
from archbo.views.explanation import explanation_section, untold
from archbo.views.figures import history_figure
from archbo.views.infos import counts_info, number
from archbo.views.page import panel
from archbo.views.thinning import thinned_history

CLOCK_SECONDS = 5.0  # what tells the time is drawn again so often
_REMEMBERED = 24  # pages
_LONGEST = 2000  # characters of what a browser says it has


class Part(NamedTuple):
    """A piece of a page.

    Attributes:
        name: unique in the page.
        html: what it shows; empty for nothing now.
        panel: whether it stands beside its neighbours.
    """

    name: str
    html: str
    panel: bool = False

    @property
    def digest(self) -> str:
        """Differs where the HTML does."""
        return blake2b(self.html.encode(errors="replace"), digest_size=8).hexdigest()


class Page(NamedTuple):
    """A page's title, its parts, and the study it is of, if it is of one."""

    title: str
    parts: tuple[Part, ...]
    study: int | None = None


class Watched(NamedTuple):
    """A study that the dashboard shows.

    Attributes:
        feed: its trials.
        believer: its model.
        learned: what the results say, as a part of the page.
        requests: where it can be steered; else None.
        epochs: of a full training.
    """

    feed: Feed
    believer: Beside[Believed]
    learned: Beside[str]
    requests: Requests | None
    epochs: int


class Missing(Exception):  # noqa: N818 - the page says it
    """There is no such page; the message says what is missing."""


class Site:
    """All studies of a dashboard, and their pages.

    Args:
        feeds: the studies.
        control: whether they can be steered.
        clock: gives seconds since 1970.
        first: seconds that a study is looked at before what takes long is found out.
    """

    def __init__(
        self,
        feeds: Sequence[Feed],
        *,
        control: bool,
        clock: Callable[[], float] = time.time,
        first: float = FIRST,
    ) -> None:
        self.control = control
        self.studies = [
            Watched(
                feed,
                believer(feed, first=first),
                _learned(feed, first),
                Requests(feed.stored) if control else None,
                _epochs(feed.stored.settings),
            )
            for feed in feeds
        ]
        self._clock = clock
        self._turn = RLock()
        self._pages: dict[object, tuple[object, Page]] = {}

    def page(self, path: str, query: Mapping[str, str], trials: Sequence[str] = ()) -> Page:
        """The page at a path, as it is now.

        Args:
            path: such as "/studies/0/trials/12".
            query: of its address.
            trials: the values of "trial" in the query, of which there can be two.

        Raises:
            Missing: if there is none.
        """
        make, watched = self._maker(path, query, trials)
        seen = [(s, s.feed.snapshot()) for s in watched]
        tick = int(self._clock() / CLOCK_SECONDS)
        state = (tick, *[(now.version, s.believer.ask(now), s.learned.ask(now)) for s, now in seen])
        address = (path, tuple(sorted(query.items())), tuple(trials))
        with self._turn:
            held = self._pages.pop(address, None)
            if held is None or held[0] != state:
                held = (state, make())
            self._pages[address] = held
            while len(self._pages) > _REMEMBERED:
                del self._pages[next(iter(self._pages))]
            return held[1]

    def _maker(
        self, path: str, query: Mapping[str, str], trials: Sequence[str]
    ) -> tuple[Callable[[], Page], list[Watched]]:
        steps = path.strip("/").split("/")
        if steps == [""]:
            if len(self.studies) > 1:
                return self._side_by_side, self.studies
            steps = ["studies", "0"]
        k = _position(steps[1], len(self.studies)) if len(steps) > 1 else None
        if steps[0] != "studies" or k is None:
            raise Missing("There is no such page.")
        watched = [self.studies[k]]
        match steps[2:]:
            case []:
                return lambda: self._overview(k, Wanted.read(query)), watched
            case ["trials", text]:
                return lambda: self._trial(k, text), watched
            case ["compare"]:
                return lambda: self._compare(k, trials), watched
        raise Missing("There is no such page.")

    def _side_by_side(self) -> Page:
        found = [Part("head", "<header><h1>Studies</h1></header>")]
        for k, watched in enumerate(self.studies):
            snapshot = watched.feed.snapshot()
            found.append(Part(f"study-{k}", _linked(_summary(snapshot), k), panel=True))
        return Page("Studies", tuple(found))

    def _overview(self, k: int, asked: Wanted) -> Page:
        watched = self.studies[k]
        feed, snapshot = watched.feed, watched.feed.snapshot()
        known = watched.believer.ask(snapshot)
        once = snapshot.once
        found = [
            Part("head", parts.head(snapshot, trouble=feed.trouble)),
            *self._control_parts(watched),
            Part("search", once("search", lambda: parts.search_panel(snapshot)), True),
            Part("beliefs", parts.beliefs_panel(snapshot, known), True),
            Part("calibration", once("calib", lambda: parts.calibration_panel(snapshot)), True),
            Part("curves", once("curves", lambda: parts.curves_panel(snapshot)), True),
            Part("map", once("map", lambda: parts.map_panel(snapshot)), True),
            Part("rungs", once("rungs", lambda: parts.rungs_panel(snapshot)), True),
            Part("training", parts.running_section(
                snapshot, epochs=watched.epochs, now=self._clock()
            )),
            Part("failed", once("failed", lambda: parts.failures_section(snapshot))),
            Part("learned", watched.learned.ask(snapshot)),
            Part("cards", once("cards", lambda: parts.best_section(snapshot))),
            Part("list", trials_section(snapshot, asked, f"/studies/{k}/compare")),
        ]  # fmt: skip
        return Page(feed.name, _all_linked(found, k), k)

    def _control_parts(self, watched: Watched) -> list[Part]:
        if watched.requests is None:
            return []
        return [
            Part("control", controls()),
            Part("requests", requests_section(watched.requests.latest(8))),
        ]

    def _trial(self, k: int, text: str) -> Page:
        watched = self.studies[k]
        snapshot = watched.feed.snapshot()
        record = _record(snapshot, text)
        arch = snapshot.architecture(record)
        action = f"/studies/{k}/compare"
        found = [
            Part("head", single.trial_head(snapshot, record)),
            *([Part("control", trial_controls(record))] if self.control else []),
            Part("error", single.error_section(record)),
            Part("drawing", single.drawing_panel(arch), True),
            Part("curve", single.curve_panel(snapshot, record), True),
            Part("similar", single.similar_section(snapshot, record, action)),
            Part("python", single.python_section(arch)),
            Part("log", single.log_section(watched.feed, record)),
        ]
        return Page(f"Trial {record.number} · {watched.feed.name}", _all_linked(found, k), k)

    def _compare(self, k: int, trials: Sequence[str]) -> Page:
        watched = self.studies[k]
        snapshot = watched.feed.snapshot()
        if len(trials) != 2:
            raise Missing("Mark two trials to compare them.")
        both = [_record(snapshot, text) for text in trials]
        title = f"Trials {both[0].number} and {both[1].number}"
        back = f'<p class="eyebrow"><a href="#overview">{escape(watched.feed.name)}</a></p>'
        found = [
            Part("head", f"<header>{back}<h1>{title}</h1></header>"),
            Part("drawn", single.drawn_side_by_side(snapshot, *both)),
            Part("differences", single.comparison(snapshot, *both)),
        ]  # fmt: skip
        return Page(f"{title} · {watched.feed.name}", _all_linked(found, k), k)


def changed(page: Page, have: str) -> dict[str, Any]:
    """What a browser lacks of a page: by the names of parts, their digests and HTML.

    Args:
        page: as it is now.
        have: the browser's parts, as "head.0123456789abcdef,list.…".
    """
    pairs = (pair.rpartition(".") for pair in have[:_LONGEST].split(","))
    known = {name: digest for name, _, digest in pairs}
    lacking = [part for part in page.parts if known.get(part.name) != part.digest]
    return {part.name: {"digest": part.digest, "html": part.html} for part in lacking}


def digests(page: Page) -> str:
    """What a browser has that has all of a page; see `changed`."""
    return ",".join(f"{part.name}.{part.digest}" for part in page.parts)


def frame(page: Page, site: Site) -> str:
    """The whole page as HTML: nothing in it is loaded from elsewhere, and no script is inside."""
    body, beside = "", False
    for part in page.parts:
        if part.panel != beside:
            body += '<div class="panels" aria-label="Figures">' if part.panel else "</div>"
            beside = part.panel
        body += (
            f'<div class="part" id="part-{part.name}" data-digest="{part.digest}">{part.html}</div>'
        )
    body += "</div>" if beside else ""
    control = " data-control" if site.control else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(page.title)} · archbo</title>\n"
        '<link rel="stylesheet" href="/chart.css">\n'
        '<link rel="stylesheet" href="/report.css">\n'
        '<link rel="stylesheet" href="/dashboard.css">\n'
        '<script src="/dashboard.js" defer></script>\n</head>\n'
        f"<body{control}>\n{_bar(page, site)}<main>\n{body}\n</main>\n"
        '<div id="tip" role="status" hidden></div>\n'
        f"{_HELP}</body>\n</html>\n"
    )


_KEYS = {
    "/": "filter the trials",
    "j, k": "down and up the list of trials",
    "x": "mark the trial in the list, to compare two",
    "Enter": "open the trial",
    "n, p": "the next and the previous trial, or page of the list",
    "o": "back to the study",
    "← →": "along the marks of a figure that has the focus",
    "?": "this help",
}
_HELP = (
    '<dialog id="help" aria-labelledby="keys"><h2 id="keys">Keys</h2><dl>'
    + "".join(f"<div><dt>{keys}</dt><dd>{words}</dd></div>" for keys, words in _KEYS.items())
    + '</dl><form method="dialog"><button class="quiet">Close</button></form></dialog>\n'
)


def _bar(page: Page, site: Site) -> str:
    """The links to the studies, and whether the page is live."""
    names = ""
    if len(site.studies) > 1:
        here = ' aria-current="page"' if page.study is None else ""
        names = f'<a href="/"{here}>All</a>'
        for k, watched in enumerate(site.studies):
            here = ' aria-current="page"' if page.study == k else ""
            names += f'<a href="/studies/{k}"{here}>{escape(watched.feed.name)}</a>'
    return (
        f'<nav class="bar" aria-label="Studies"><a class="home" href="/">archbo</a>{names}'
        '<span id="live" role="status">not live</span>'
        '<button type="button" class="quiet" id="keys-button" aria-label="Keys">?</button></nav>\n'
    )


def _summary(snapshot: Snapshot) -> str:
    """One of several studies: its best, its counts, its search."""
    study = snapshot.study
    counts = counts_info(snapshot.records)
    states = ", ".join(f"{number(n)} {state}" for state, n in counts.states.items() if n)
    best = f"{study.objective} {number(snapshot.best[0].value)}, " if snapshot.best else ""
    title = f'<a href="#overview">{escape(study.name)}</a>'
    drawn = history_figure(thinned_history(snapshot.history, study), study)
    return panel(title, escape(f"{best}{states or 'no trials'}"), drawn)


def _all_linked(found: Sequence[Part], k: int) -> tuple[Part, ...]:
    return tuple(part._replace(html=_linked(part.html, k)) for part in found)


def _linked(html: str, k: int) -> str:
    """With the addresses that links to trials have here; no text can hold a bare quote."""
    html = html.replace('href="#trial-', f'href="/studies/{k}/trials/')
    return html.replace('href="#overview"', f'href="/studies/{k}"')


def _record(snapshot: Snapshot, text: str) -> TrialRecord:
    number = int(text) if text.isdecimal() and len(text) < 16 else -1
    if number not in snapshot.by_number:
        raise Missing(f"There is no trial {text[:20]}.")
    return snapshot.by_number[number]


def _position(text: str, count: int) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 7 and int(text) < count else None


def _learned(feed: Feed, first: float) -> Beside[str]:
    """What a study's results say, found out beside its page; empty where they say too little."""
    return Beside(feed, _explained, untold, known="", first=first)


def _explained(location: str) -> str:
    with Store.open(location, read_only=True) as store:
        stored = store.study()
        return explanation_section(stored.read(), stored.settings)


def _epochs(settings: Mapping[str, Any]) -> int:
    epochs = settings.get("epochs")
    return epochs if isinstance(epochs, int) and epochs > 0 else 1
