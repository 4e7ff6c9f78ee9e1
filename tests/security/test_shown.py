"""Names and errors with markup or control sequences: shown as they are, never obeyed."""

import io
import json
import re
from html.parser import HTMLParser

import pytest
from rich.text import Text

from archbo.store import Store
from archbo.views.infos import study_info
from archbo.views.tables import study_view, trial_view
from archbo.views.terminal import Terminal, visible

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m‮[/red][link=http://x]<img src=x onerror=alert(1)>\"'><xss>"
LITERAL = json.dumps(EVIL)


@pytest.fixture
def hostile(stranger):
    """Every text of the study is as bad as it can be."""
    with Store.open(stranger.file, read_only=True) as store:
        settings = dict(store.study().settings)
    text = json.dumps(settings).replace('"tanh"', LITERAL).replace('"accuracy"', LITERAL)
    settings = json.loads(text) | {"method": EVIL, "program": EVIL, "more": {EVIL: [EVIL]}}
    stranger.change("UPDATE studies SET settings = :it", it=json.dumps(settings))
    for name in ("error", "traceback", "worker", "origin", "architecture_id"):
        stranger.change(f"UPDATE trials SET {name} = :it", it=EVIL)
    for name in ("features", "hyperparameters"):
        stranger.change(f"UPDATE trials SET {name} = :it", it=json.dumps({EVIL: 1.0}))
    stranger.change(
        "UPDATE trials SET architecture = replace(architecture, '\"tanh\"', :it)", it=LITERAL
    )
    return stranger.file


def test_a_terminal_gets_no_command_of_a_text(hostile, look):
    said, _ = look(hostile)
    assert "<xss>" in said
    assert "[/red][link=http://x]" in said
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", said)


def test_a_terminal_in_colour_gets_the_colours_of_archbo_alone(hostile):
    with Store.open(hostile, read_only=True) as store:
        stored = store.study()
        records, study = stored.read(), study_info(stored.settings, name=EVIL)
    screen = io.StringIO()
    terminal = Terminal(file=screen, force_terminal=True, width=100)
    terminal.print(study_view(records, study, top=3, location=EVIL))
    terminal.print(trial_view(records[3], study, records))
    shown = re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue())
    assert "\x1b[" in screen.getvalue()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", shown)


class Tags(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes = set(), set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


def test_a_page_has_no_elements_but_its_own(hostile, original, look):
    _, page = look(hostile)
    _, plain = look(original)
    assert "&lt;xss&gt;" in page
    found, known = Tags(), Tags()
    found.feed(page)
    known.feed(plain)
    assert found.tags <= known.tags
    assert not {name for name in found.attributes if name.startswith("on")}
    assert page.count("<script>") == 1


def test_half_a_character_is_shown_everywhere(stranger, look):
    with Store.open(stranger.file, read_only=True) as store:
        text = json.dumps(dict(store.study().settings)).replace('"accuracy"', '"\\ud800"')
    stranger.change("UPDATE studies SET settings = :it", it=text)
    said, page = look(stranger.file)
    assert "�" in said
    assert "&#55296;" in page


def test_styles_stay_and_widths_are_those_of_what_is_shown():
    screen = io.StringIO()
    Terminal(file=screen, width=20).print(Text("a\x1bb\tc"), "[bold]:smile:")
    assert screen.getvalue().split() == ["a␛b", "c", "[bold]:smile:"]
    assert visible("plain") == "plain"
