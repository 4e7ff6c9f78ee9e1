"""A study's figures for notebooks and files: `study.plot.history()` and its like."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Protocol

from archbo.data import TrialRecord
from archbo.errors import ArchboError, MissingExtraError, StoreError
from archbo.views.axes import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Scale
from archbo.views.chart import FLUID, Chart
from archbo.views.curves import curves_chart, curves_info
from archbo.views.figures import calibration_chart, history_chart
from archbo.views.infos import StudyInfo, calibration_info, history_info, study_info
from archbo.views.map import map_chart, map_info

PNG_SCALE = 2.0  # pixels of the image for one of the drawing
MOST_BARS = 12
BAR = 9.0
NAME_ROOM = 130.0
LONGEST_NAME = 26
FEWEST_ROWS = 6  # bars stay apart where there are few


class Figure:
    """A figure on its own: a notebook shows it, `save` writes it.

    Attributes:
        svg: the figure as SVG, which loads nothing, for light and dark surroundings.
        label: what it shows, in a sentence.
    """

    def __init__(self, svg: str, label: str) -> None:
        self.svg = svg
        self.label = label

    def save(self, path: str | Path) -> Path:
        """Write it to a file, and give its path.

        Args:
            path: a name that ends `.svg`, or `.png` for an image of twice the size on a light
                ground.

        Raises:
            ArchboError: if the name ends otherwise.
            MissingExtraError: if an image is asked for, and what draws it is not installed.
            StoreError: if the file cannot be written.
        """
        path = Path(path)
        if path.suffix not in (".svg", ".png"):
            raise ArchboError(
                f"expected a name that ends .svg or .png, got {path.name!r}", path=str(path)
            )
        content = self.svg.encode() if path.suffix == ".svg" else _png(self.svg)
        try:
            path.write_bytes(content)
        except OSError as error:
            raise StoreError(f"cannot write it: {error.strerror}", path=str(path)) from error
        return path

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<Figure: {self.label}>"


def _png(svg: str) -> bytes:
    try:
        import cairosvg
    except (ImportError, OSError) as error:  # the package, or the library that it draws with
        raise MissingExtraError(
            "an image needs CairoSVG and the library cairo",
            hint="pip install 'archbo[png]', or save the figure as .svg.",
        ) from error
    fixed = svg.replace(FLUID, "")  # it takes automatic heights for none
    image: bytes = cairosvg.svg2png(bytestring=fixed.encode(), scale=PNG_SCALE)
    return image


class Effect(Protocol):
    """How much one decision, or a pair of them, matters."""

    @property
    def name(self) -> str:
        """Of the decision, such as `head.mlp.width`."""
        ...

    @property
    def value(self) -> float:
        """Its share of the variance, from 0 to 1."""
        ...

    @property
    def sd(self) -> float:
        """The standard deviation of that share."""
        ...


class Plots:
    """The figures of a study, each drawn of what is stored when it is asked for.

    Args:
        read: gives all trials.
        settings: of the study, as stored.
        name: of the study.
        effects: gives how much each decision matters.
    """

    def __init__(
        self,
        read: Callable[[], Sequence[TrialRecord]],
        settings: Mapping[str, Any],
        name: str,
        effects: Callable[[], Sequence[Effect]] = tuple,
    ) -> None:
        self._read = read
        self._study = study_info(settings, name=name)
        self._effects = effects

    def history(self) -> Figure:
        """Every trial's value, and the best so far."""
        chart = history_chart(history_info(self._read(), self._study), self._study)
        return self._figure(chart, "The search")

    def curves(self) -> Figure:
        """The learning curves, the best in front."""
        chart = curves_chart(curves_info(self._read(), self._study), self._study)
        return self._figure(chart, "Learning curves")

    def calibration(self) -> Figure:
        """Predicted against observed, each prediction with its standard deviation."""
        chart = calibration_chart(calibration_info(self._read()), self._study)
        return self._figure(chart, "Predicted and observed")

    def map(self) -> Figure:
        """The search space in two dimensions: where the search went, and what it found."""
        chart = map_chart(map_info(self._read(), self._study), self._study)
        return self._figure(chart, "A map of the space")

    def importance(self) -> Figure:
        """How much each decision matters, by what the model has learned."""
        return self._figure(importance_chart(self._effects(), self._study), "What matters")

    def _figure(self, chart: Chart, title: str) -> Figure:
        return Figure(chart.svg(f"{title}: {self._study.name}"), chart.label)


def importance_chart(effects: Sequence[Effect], study: StudyInfo) -> Chart:
    """The largest shares as bars, each with one standard deviation to both sides."""
    if not effects:
        return Chart("It is not known yet which decisions matter.")
    shown = sorted(effects, key=lambda effect: -effect.value)[:MOST_BARS]
    left, bottom = LEFT + NAME_ROOM, HEIGHT - BOTTOM
    x = Scale(0.0, max(effect.value + effect.sd for effect in shown) or 1.0, left, WIDTH - RIGHT)
    rows = Scale(-0.5, max(len(shown), FEWEST_ROWS) - 0.5, TOP - 16.0, bottom)
    elements = [
        f'<path class="grid" d="M{x(tick):.1f} {TOP - 16}V{bottom}"/><text class="tick" '
        f'x="{x(tick):.1f}" y="{bottom + 18}" text-anchor="middle">{tick:.3g}</text>'
        for tick in x.ticks()
    ]
    for place, effect in enumerate(shown):
        at, low, high = rows(place), effect.value - effect.sd, effect.value + effect.sd
        name = escape(_cut(effect.name))
        tip = f"{effect.name}: {effect.value:.1%} ± {effect.sd:.1%}"
        elements.append(
            f'<g class="fill model" data-tip="{escape(tip)}"><title>{escape(tip)}</title>'
            f'<path d="M{left:g} {at - BAR:.1f}H{x(effect.value):.1f}V{at + BAR:.1f}H{left:g}z"/>'
            f'</g><path class="line" d="M{x(low):.1f} {at:.1f}H{x(high):.1f}"/><text '
            f'x="{left - 8:g}" y="{at + 4:.1f}" text-anchor="end">{name}</text>'
        )
    words = f"share of the variance of {study.objective}"
    elements.append(
        f'<text class="name" x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end">'
        f"{escape(words)}</text>"
    )
    label = f"How much each decision matters; {shown[0].name} most, with {shown[0].value:.0%}"
    return Chart(label, tuple(elements))


def _cut(name: str) -> str:
    """The end of a long path says most."""
    return name if len(name) <= LONGEST_NAME else f"…{name[1 - LONGEST_NAME :]}"
