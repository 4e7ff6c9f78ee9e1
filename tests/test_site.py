"""The site: every page is in its navigation, every public name in its reference.

`make docs` builds it, and fails where a link leads nowhere or a page asks another machine for
anything.
"""

import re
from collections import Counter
from importlib import import_module, util
from pathlib import Path

import pytest

import archbo as ab

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
REFERENCE = sorted((DOCS / "reference").glob("*.md"))
DIRECTIVE = re.compile(r"^\.\. auto\w+:: (\S+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def conf():
    """The settings of the site."""
    pytest.importorskip("sphinx", reason="needs Sphinx: pip install 'archbo[docs]'")
    spec = util.spec_from_file_location("conf", DOCS / "conf.py")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def documented():
    """Each name on a page of the reference, as often as it stands there."""
    return [name for page in REFERENCE for name in DIRECTIVE.findall(page.read_text())]


def test_every_public_name_is_in_the_reference_once():
    names = Counter(documented())
    assert [name for name, times in names.items() if times > 1] == []
    assert {f"archbo.{name}" for name in ab.__all__} <= names.keys()
    pytest.importorskip("torch")
    assert {f"archbo.torch.{name}" for name in ab.torch.__all__} <= names.keys()


@pytest.mark.parametrize("room", ["acquisition", "encodings", "kernels", "methods", "surrogates"])
def test_every_part_that_can_be_swapped_is_in_the_reference(room):
    found = {name.rpartition(".")[2] for name in documented()}
    aliases = {"Distances", "Found"}  # of types: where they occur, they are spelled out
    assert set(import_module(f"archbo.{room}").__all__) - aliases <= found


def test_every_page_is_in_the_navigation_once(conf):
    listed = [
        entry.partition("<")[2].rstrip(">") or entry for p in conf.NAV.values() for entry in p
    ]
    pages = {
        *(str(page.relative_to(DOCS).with_suffix("")) for page in DOCS.rglob("*.md")),
        *("/examples/README", "/examples/tutorial", "/README", "/CHANGELOG", "/CONTRIBUTING"),
    }
    assert sorted(listed) == sorted(pages - {"index"})


def test_the_front_page_leads_to_every_page(conf):
    text = (DOCS / "index.md").read_text()
    for entry in (entry for pages in conf.NAV.values() for entry in pages if "<" not in entry):
        assert re.search(rf"\((\.\.)?{entry}\.(md|ipynb)\)", text), entry


def test_the_code_of_a_docstring_is_marked_as_code(conf):
    lines = [
        "One |x|.",
        "",
        "    for epoch in a | b:",
        "",
        "        train()",
        "",
        "Then:",
        "    c | d",
    ]
    conf.mark_code(None, "", "", None, None, lines)
    assert lines == [
        r"One \|x\|.", "", "::", "", "    for epoch in a | b:", "", "        train()", "", "Then:",
        r"    c \| d",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "tag",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link href="//fonts.example/a.css" rel="stylesheet">',
        '<img alt="a" src="http://example.org/a.png">',
        '<style>@import url("https://example.org/a.css");</style>',
    ],
)
def test_what_a_page_loads_from_elsewhere_is_found(conf, tag):
    assert conf.loaded_from_elsewhere(f"<p>{tag}</p>")


def test_links_to_other_sites_load_nothing(conf):
    page = '<a href="https://example.org">x</a><img src="../a.png"><link href="a.css"><svg xmlns="http://www.w3.org/2000/svg">'
    assert conf.loaded_from_elsewhere(page) == []
