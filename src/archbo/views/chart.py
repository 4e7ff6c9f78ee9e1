"""A figure as it is drawn, before it is known where: on a page, or as a file of its own.

On a page, the page's style sheet and script serve all figures, and marks lead to rows of a table.
An SVG of its own brings its colours, for light and for dark surroundings, with a ground to be read
on, its legend, and its marks' words as titles; it loads nothing and runs nothing. Its style has no
variables, which programs that edit or convert SVG do not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import NamedTuple

from archbo.views.axes import HEIGHT, WIDTH, Key, figure, legend_of

PAD = 16.0  # pixels around the drawing
TITLE_ROOM = 26.0
KEY_HEIGHT = 20.0
KEY_GAP = 18.0
LETTER = 7.2  # the usual width of one at 13 pixels; a legend may be a little wider or narrower
FLUID = 'style="max-width:100%;height:auto"'
_LINK = re.compile(r'<a class="([^"]*)" href="[^"]*" tabindex="-1" data-tip="([^"]*)">(.*?)</a>')
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")


class Chart(NamedTuple):
    """A figure.

    Attributes:
        label: what it shows, in a sentence, for those who do not see it.
        elements: SVG inside a view of `WIDTH` by `HEIGHT` pixels; none where nothing can be drawn,
            which `label` then says.
        keys: of its legend.
    """

    label: str
    elements: tuple[str, ...] = ()
    keys: tuple[Key, ...] = ()

    @property
    def html(self) -> str:
        """For a page of archbo's."""
        if not self.elements:
            return f'<p class="nothing">{escape(self.label)}</p>'
        return figure(self.elements, self.label) + legend_of(self.keys)

    def svg(self, title: str = "") -> str:
        """On its own, under a title."""
        rows = _rows(self.keys)
        above = TITLE_ROOM if title else 0.0
        width, height = WIDTH + 2 * PAD, HEIGHT + 2 * PAD + above + KEY_HEIGHT * len(rows)
        drawn = "".join(self.elements) or (
            f'<text x="{WIDTH / 2:g}" y="{HEIGHT / 2:g}" text-anchor="middle">'
            f"{escape(self.label)}</text>"
        )
        head = f'<text class="title" x="{PAD:g}" y="{PAD + 9:g}">{escape(title)}</text>'
        top = PAD + above
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="archbo-figure marks" role="img" '
            f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" '
            f'{FLUID} font-size="12.5" aria-label="{escape(self.label)}">'
            f"<style>{stand_alone_style()}</style>"
            f'<rect class="surface" width="{width:g}" height="{height:g}" rx="10"/>'
            f"{head if title else ''}"
            f'<g transform="translate({PAD:g} {top:g})">{_unlinked(drawn)}</g>'
            f"{''.join(_key_rows(rows, width, top + HEIGHT + KEY_HEIGHT / 2))}</svg>"
        )


def _unlinked(drawn: str) -> str:
    """Marks with their words as titles; on a page they lead to rows, here there is none."""
    return _LINK.sub(r'<g class="\1"><title>\2</title>\3</g>', drawn)


def _rows(entries: Sequence[Key]) -> list[list[Key]]:
    """The entries of a legend in rows that fit the width."""
    rows: list[list[Key]] = []
    for key in entries:
        if rows and sum(map(_width, [*rows[-1], key])) - KEY_GAP <= WIDTH:
            rows[-1].append(key)
        else:
            rows.append([key])
    return rows


def _width(key: Key) -> float:
    return 20.0 + LETTER * len(key.words) + KEY_GAP


def _key_rows(rows: Sequence[Sequence[Key]], width: float, top: float) -> Iterator[str]:
    for row in rows:
        x = (width - sum(map(_width, row)) + KEY_GAP) / 2 + 7
        for key in row:
            yield (
                f'<g class="{key.look}" transform="translate({x:.1f} {top:g})">'
                f'<path d="{key.shape}"/></g>'
                f'<text x="{x + 13:.1f}" y="{top + 4:g}">{escape(key.words)}</text>'
            )
            x += _width(key)
        top += KEY_HEIGHT


@cache
def stand_alone_style() -> str:
    """The rules of figures without variables: the light colours, then those that dark ones replace.

    >>> "var(" in stand_alone_style(), "prefers-color-scheme: dark" in stand_alone_style()
    (False, True)
    """
    sheet = (files("archbo.views") / "chart.css").read_text(encoding="utf-8")
    palettes, _, rules = sheet.partition("\n.marks")
    light_text, _, dark_text = palettes.partition("@media")
    light = _variables(light_text)
    rules = (
        f".marks{rules}.marks .surface {{ fill: var(--surface); }}\n"
        ".marks .title { fill: var(--ink); font-size: 14px; font-weight: 600; }\n"
    )
    dark = light | _variables(dark_text)
    return (
        f"{_resolved(rules, light)}@media (prefers-color-scheme: dark){{{_resolved(rules, dark)}}}"
    )


def _variables(text: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z0-9]+): ([^;]+);", text))


def _resolved(rules: str, palette: Mapping[str, str]) -> str:
    """The rules for the one figure, without those for a pointer or a keyboard."""
    found = []
    for selector, declarations in _RULE.findall(rules):
        if ":hover" in selector:
            continue
        scoped = selector.strip().replace(".marks", ".archbo-figure")
        plain = re.sub(r"var\(--([a-z0-9]+)\)", lambda m: palette[m[1]], declarations.strip())
        found.append(f"{scoped}{{{plain}}}")
    return "".join(found)
