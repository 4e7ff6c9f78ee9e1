"""The terminal, to which no text sends commands: names and errors may come from a stranger.

A control sequence in a text moves the cursor, rewrites what stands above, sets the clipboard or the
window's title. What archbo itself styles and moves is not in texts, so whatever is there is shown
as a character that can be seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from archbo.views.facts import finite

_KEPT = "\n\t"
_PICTURES = 0x2400  # of the control characters 0 to 31, in their order; then a space
_DELETE = 0x7F
_VISIBLE = (
    {code: chr(_PICTURES + code) for code in range(32) if chr(code) not in _KEPT}
    | {_DELETE: "␡"}
    | dict.fromkeys(range(0x80, 0xA0), "�")  # control characters, too, of eight bits
    | dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)], "�")
    | dict.fromkeys([0x2028, 0x2029], " ")  # the above reorder what is read, these break lines
    | dict.fromkeys(range(0xD800, 0xE000), "�")  # halves of characters, which no output takes
)
_ESCAPED = {code: f"\\u{code:04x}" for code in _VISIBLE if code >= _DELETE}  # else JSON does


def visible(text: str) -> str:
    r"""A text as a terminal may have it: what would command it is shown instead.

    >>> visible("\x1b[2Jgone")
    '␛[2Jgone'
    """
    return text if text.isascii() and text.isprintable() else text.translate(_VISIBLE)


def json_text(document: Mapping[str, Any]) -> str:
    r"""A document as JSON that a terminal may have; what JSON has no number for is null.

    >>> json_text({"error": "\x9b2J", "score": float("-inf")})
    '{\n  "error": "\\u009b2J",\n  "score": null\n}'
    """
    text = json.dumps(finite(document), indent=2, ensure_ascii=False, allow_nan=False)
    return text.translate(_ESCAPED)


class Terminal(Console):
    """A console on standard output, or standard error, whose texts are `visible` and no markup.

    Args:
        options: as of `rich.console.Console`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(visible(segment.text), segment.style)
