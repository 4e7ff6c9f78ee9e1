"""The frame of every page, and what pages share: nothing is loaded from anywhere."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from importlib.resources import files


def page(title: str, body: str) -> str:
    """A whole page; its policy lets no other script run and nothing be loaded."""
    room = files("archbo.views")
    sheets = ("chart.css", "report.css")
    style = "".join((room / sheet).read_text(encoding="utf-8") for sheet in sheets)
    script = (room / "report.js").read_text(encoding="utf-8")
    digest = b64encode(sha256(script.encode()).digest()).decode()
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        f"script-src 'sha256-{digest}'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f'<link rel="icon" href="data:,">\n<title>{escape(title)}</title>\n'
        f"<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n"
        f'<div id="tip" role="status" hidden></div>\n<script>{script}</script>\n</body>\n</html>\n'
    )


def panel(title: str, words: str, drawn: str) -> str:
    """A figure with its title and a sentence, all of them HTML."""
    caption = f"<figcaption><h2>{title}</h2><p>{words}</p></figcaption>"
    return f'<figure class="panel">{caption}{drawn}</figure>'


def pairs(facts: Mapping[str, str]) -> str:
    """Names and values inside a list of facts."""
    return "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>"
        for label, value in facts.items()
    )
