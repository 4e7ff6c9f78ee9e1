"""The pages: what they show runs, what they name exists.

Python blocks of a page run in order, in one namespace and one temporary folder. A block of plain
text right behind one is what it prints. A block that begins with the name of a file, `# search.py`,
is a program: it is written there and run by `archbo run`, for two trials.
"""

import contextlib
import io
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
import typer

import archbo as ab
from archbo.cli.main import app

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ARCHBO = "from archbo.cli.main import main; main()"

pytestmark = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def blocks(page):
    """Language, text, and whether only blank lines are between it and the block before."""
    text, found, end = page.read_text(), [], 0
    for match in FENCED.finditer(text):
        found.append((match[1], match[2], not text[end : match.start()].strip()))
        end = match.end()
    return found


def printed(code, scope):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "<page>", "exec"), scope)
    return out.getvalue()


def run_program(name, code):
    Path(name).write_text(code)
    command = [sys.executable, "-c", ARCHBO, "run", name, "--trials", "2", "--workers", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_python_of_a_page_runs_and_prints_what_it_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = ModuleType(page.stem)
    monkeypatch.setitem(sys.modules, page.stem, module)  # what a page defines can be pickled
    scope, said = vars(module), None
    for language, text, follows in blocks(page):
        if language == "python":
            if "torch" in text:
                pytest.importorskip("torch")
            program = re.match(r"# (\w+\.py)\n", text)
            said = run_program(program[1], text) if program else printed(text, scope)
        elif language == "text" and follows and said is not None:
            assert said == text
        else:
            said = None
        assert language in ("python", "text", "sh"), f"a block of {language or 'nothing'}"


def commands_of(page):
    """Each command line that a page shows, in its shell blocks and in its sentences."""
    text = page.read_text()
    shell = [line for language, block, _ in blocks(page) if language == "sh"
             for line in block.splitlines()]  # fmt: skip
    inline = re.findall(r"`((?:archbo|make) [^`]+)`", FENCED.sub("", text))
    return [line.partition("#")[0].strip() for line in (*shell, *inline)]


def options_of(command):
    """All options of a command, and how many arguments it can take."""
    return {name for p in command.params for name in getattr(p, "opts", []) if name[0] == "-"} | {
        "--help",
        "-h",
    }


def test_every_command_and_option_that_a_page_names_exists(page):
    known = typer.main.get_command(app).commands
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in commands_of(page):
        program, name, *rest = line.split()
        if program == "make":
            assert name in targets, line
        elif program == "archbo" and not name.startswith("-"):
            assert name.rstrip(",") in known, line
            options = {word for word in rest if re.fullmatch(r"--?[a-z]+", word)}
            assert options <= options_of(known[name.rstrip(",")]), line


def test_every_link_leads_somewhere(page):
    text = FENCED.sub("", page.read_text())
    for target in re.findall(r"\]\((?!https?://)([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            found = [re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads]
            assert anchor in found, target


def test_every_name_that_a_page_gives_exists(page):
    text = FENCED.sub("", page.read_text())
    for dotted in re.findall(r"`ab\.([A-Za-z_.]+)", text):
        found = ab
        for name in dotted.rstrip(".").split("."):
            found = getattr(found, name)
    for dotted in re.findall(r"`archbo\.([a-z_]+(?:\.[A-Za-z_]+)*)", text):
        resolve(f"archbo.{dotted}")


def resolve(dotted):
    """A module, or a name in one."""
    try:
        return import_module(dotted)
    except ModuleNotFoundError:
        home, _, name = dotted.rpartition(".")
        return getattr(import_module(home), name)


def test_the_page_of_the_command_line_names_every_command_and_option(page):
    if page.name != "command-line.md":
        return
    text = page.read_text()
    for name, command in typer.main.get_command(app).commands.items():
        section = text.partition(f"\n## archbo {name}\n")[2].partition("\n## ")[0]
        assert section, f"no section about {name}"
        for option in options_of(command) - {"--help", "-h"}:
            assert f"`{option}`" in section, f"{name} {option}"
