"""What the model now believes of each incumbent: the curve with the posterior's band.

The model is made from the stored settings and trials alone, and fitted beside the page.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import NamedTuple

from archbo.store import Store
from archbo.study.finding import described
from archbo.study.running import Running
from archbo.views.axes import figure, frame, mark, padded, x_scale, y_scale
from archbo.views.dashboard.beside import FIRST, Beside
from archbo.views.dashboard.feed import Feed, Snapshot
from archbo.views.infos import HistoryInfo, Step, StudyInfo, number, study_info

MOST_STEPS = 40
_BAND = 2.0  # standard deviations to each side


class Belief(NamedTuple):
    """An incumbent, and what the model expects of it now."""

    number: int
    value: float
    mean: float
    sd: float


class Believed(NamedTuple):
    """What the model believed when it was asked last.

    Attributes:
        beliefs: of the incumbents, in their order; empty where there are none.
        trials: how many there were.
        why: why there are none, in a sentence; else empty.
    """

    beliefs: tuple[Belief, ...] = ()
    trials: int = 0
    why: str = "The model is being fitted."


def believer(feed: Feed, *, first: float = FIRST) -> Beside[Believed]:
    """What the model of a study believes, found out beside its page."""
    return Beside(
        feed,
        _believed,
        lambda why: Believed(why=f"The model says nothing: {why}"),
        known=Believed(),
        first=first,
    )


def _believed(location: str) -> Believed:
    with Store.open(location, read_only=True) as store:
        stored = store.study()
        study = described(stored)
        if study is None:
            return Believed(
                why="Only the study's program can make its model: it has features, constraints, "
                "a method or parts of its own."
            )
        records = stored.read()
    info = study_info(stored.settings)
    return believed(study, Snapshot(info, records, 0))


def believed(study: Running, snapshot: Snapshot) -> Believed:
    """What a study's model, fitted to these trials, expects of the incumbents among them.

    Raises:
        ArchboError: if the method has no model, or the trials are none of the space.
    """
    steps = _last_of_each_network(snapshot.history)[-MOST_STEPS:]
    if not steps:
        return Believed(why="No trial has finished yet.")
    archs = [snapshot.architecture(snapshot.by_number[step.number]) for step in steps]
    mean, sd = study.search.predict(study.dataset(snapshot.records), archs)
    beliefs = [
        Belief(step.number, step.value, float(m), float(s))
        for step, m, s in zip(steps, mean, sd, strict=True)
    ]
    return Believed(tuple(beliefs), len(snapshot.records), "")


def beliefs_figure(known: Believed, study: StudyInfo) -> str:
    """The incumbents as a line of steps, over the band of what the model expects of them."""
    if not known.beliefs:
        return f'<p class="nothing">{escape(known.why)}</p>'
    beliefs = known.beliefs
    values = [b.value for b in beliefs]
    values += [b.mean + k * b.sd for b in beliefs for k in (-_BAND, _BAND)]
    x = x_scale(beliefs[0].number - 0.5, max(known.trials, beliefs[-1].number + 1) - 0.5)
    y = y_scale(*padded(values))
    starts = [x(b.number) for b in beliefs]

    def steps(heights: Iterable[float]) -> list[str]:
        """The corners of a line that is level from each incumbent to the next."""
        ends = [*starts[1:], x.end]
        pieces = zip(starts, ends, map(y, heights), strict=True)
        return [f"{at:.1f} {high:.1f}" for a, b, high in pieces for at in (a, b)]

    above, below = (steps(b.mean + k * b.sd for b in beliefs) for k in (_BAND, -_BAND))
    elements = [
        *frame(x, y, across="trial", up=study.objective, whole=True),
        f'<path class="band s0" d="M{"L".join([*above, *below[::-1]])}z"/>',
        f'<g class="series s0 dotted"><path d="M{"L".join(steps(b.mean for b in beliefs))}"/></g>',
        f'<path class="line" d="M{"L".join(steps(b.value for b in beliefs))}"/>',
    ]
    for b in beliefs:
        tip = (
            f"Trial {b.number}: {study.objective} {number(b.value)}; the model now expects "
            f"{number(b.mean)} ± {number(b.sd, digits=2)}"
        )
        elements.append(mark(x(b.number), y(b.value), "model", tip, b.number, size=0.8))
    return figure(elements, _in_words(beliefs[-1]))


def _in_words(last: Belief) -> str:
    return (
        f"The incumbent has {number(last.value)}; the model expects {number(last.mean)} "
        f"± {number(last.sd, digits=2)} of it."
    )


def _last_of_each_network(history: HistoryInfo) -> list[Step]:
    """The incumbents; one that led without a break and was trained again counts once."""
    steps: list[Step] = []
    for step in history.steps:
        if steps and steps[-1].architecture_id == step.architecture_id:
            steps[-1] = step._replace(number=steps[-1].number)
        else:
            steps.append(step)
    return steps
