"""The site: these pages, the changelog, the examples, and a reference made from docstrings.

The pages are plain Markdown, to be read in the repository as well. So the root of the repository is
the source, where their links lead the same way, and what stands beside them is said here: NAV.
"""

import os
import re
import sys
from importlib.metadata import version as version_of
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import SphinxError

NAV = {
    "Start": [
        "What it is </README>",
        "first-search",
        "your-own-network",
        "choosing-a-space",
        "multi-fidelity",
        "scaling-out",
        "reading-the-dashboard",
        "/examples/tutorial",
    ],
    "Guides": [
        "spaces",
        "searching",
        "knowledge",
        "pytorch",
        "check",
        "limits",
        "when-something-dies",
        "reports",
        "explanation",
        "dashboard",
        "answer",
        "safety",
        "extending",
        "/examples/README",
    ],
    "How it works, measured": [
        "how-it-works",
        "how-good",
        "methods",
        "encodings",
        "surrogates",
        "acquisition",
        "benchmarks",
    ],
    "Reference": [
        "reference/study",
        "reference/spaces",
        "reference/fidelity",
        "reference/optimizer",
        "reference/methods",
        "reference/models",
        "reference/torch",
        "reference/views",
        "reference/extending",
        "reference/errors",
        "command-line",
        "/CHANGELOG",
        "/CONTRIBUTING",
    ],
}

project = "archbo"
author = "The archbo authors"
version = release = version_of("archbo")

root_doc = "docs/index"
include_patterns = ["docs/**", "examples/**", "CHANGELOG.md", "CONTRIBUTING.md", "README.md"]
exclude_patterns = [".*", "build", "src", "tests", "benchmarks", "shared", "**/__pycache__"]
html_extra_path = ["site"]  # the front door: leads to root_doc

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4

nb_execution_mode = "force"  # what the site shows is what today's code gives
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_execution_in_temp = True

default_role = "code"  # what docstrings have in single backticks
autodoc_member_order = "bysource"
autodoc_default_options = {
    "members": True,
    "inherited-members": "tuple,Exception,Enum,Mapping",  # not what these have
}
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = False

html_theme = "furo"
html_title = f"archbo {version}"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_show_search_summary = False  # a page opened as a file may not read others
pygments_style = "friendly"
smartquotes_action = "D"  # dashes; quotation marks in docstrings are code


def add_navigation(_app: Sphinx, page: str, source: list[str]) -> None:
    """Write the navigation behind the front page."""
    if page == root_doc:
        for caption, pages in NAV.items():
            listed = "\n".join(pages)
            source[0] += f"\n:::{{toctree}}\n:hidden:\n:caption: {caption}\n\n{listed}\n:::\n"


def mark_code(
    _app: Sphinx, _what: str, _name: str, _obj: object, _options: object, lines: list[str]
) -> None:
    """Mark as code what a docstring indents behind a blank line, and leave bars what they are."""
    marked: list[str] = []
    indent, code = 0, 0  # of the paragraph, and of the code in it; 0 for none
    for line in lines:
        here = len(line) - len(line.lstrip()) if line.strip() else None
        if here is not None and here < code:
            code = 0
        if here is not None and not code:
            if here > indent and marked and not marked[-1].strip():
                marked += [" " * indent + "::", ""]
                code = here
            indent = here if not code else indent
        marked.append(line if code else line.replace("|", r"\|"))
    lines[:] = marked


def is_field(
    _app: Sphinx, _what: str, _name: str, member: object, _skip: bool, _options: object
) -> bool | None:
    """Whether it is a field of a named tuple: the class says what it is, Python only its place."""
    return True if (member.__doc__ or "").startswith("Alias for field number") else None


def signature_of(
    _app: Sphinx, _what: str, _name: str, obj: object, *_: object
) -> tuple[str, None] | None:
    """None for a protocol: nobody calls it."""
    return ("", None) if getattr(obj, "_is_protocol", False) else None


ELSEWHERE = re.compile(
    r"""<(?!a\b)[^>]*\b(?:src|href|data)=["']?(?:https?:)?//[^>]*>"""
    r"""|@import[^;]*//[^;]*;|url\(["']?(?:https?:)?//[^)]*\)"""
)


def loaded_from_elsewhere(text: str) -> list[str]:
    """What a page or a stylesheet asks another machine for: scripts, styles, fonts, images."""
    return [match[0] for match in ELSEWHERE.finditer(text)]


def check_pages(app: Sphinx, error: Exception | None) -> None:
    """Refuse a site that does not work without a network."""
    files = [*app.outdir.rglob("*.html"), *app.outdir.rglob("*.css")] if error is None else []
    for file in files:
        for found in loaded_from_elsewhere(file.read_text()):
            raise SphinxError(f"{file.relative_to(app.outdir)} loads from elsewhere: {found}")


def setup(app: Sphinx) -> None:
    """Tell Sphinx when to call what is above, and the tutorial where the command archbo is."""
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    app.connect("source-read", add_navigation)
    app.connect("build-finished", check_pages)
    app.connect("autodoc-process-signature", signature_of)
    app.connect("autodoc-skip-member", is_field)
    before_sections = 400  # Napoleon reads them at 500
    app.connect("autodoc-process-docstring", mark_code, priority=before_sections)
