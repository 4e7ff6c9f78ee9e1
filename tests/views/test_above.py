"""In a pseudo terminal: what is written by anybody appears whole, and above the display."""

import os
import pty
import subprocess
import sys

import pytest
from rich.console import Console

from archbo.views.above import printing_above

PROGRAM = """
import subprocess, sys, time
from rich.console import Console
from rich.live import Live
from archbo.views.above import printing_above

console = Console(width=60, force_terminal=True)
with printing_above(console), Live("display", console=console, transient=True) as live:
    print("from the program")
    print("old state\\rnew state", file=sys.stderr)
    subprocess.run([sys.executable, "-c", "print('from \\033[31ma child')"], check=True)
    sys.stdout.write("without an end")
print("after")
"""


def on_terminal(program, tmp_path):
    """What a program writes to a terminal."""
    driver, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=terminal, stdout=terminal, stderr=terminal
    ) as process:
        os.close(terminal)
        said = b""
        while chunk := read(driver):
            said += chunk
    os.close(driver)
    assert process.returncode == 0, said
    return said.decode()


def read(driver):
    try:
        return os.read(driver, 4096)
    except OSError:  # the terminal's last writer has ended
        return b""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    return on_terminal(PROGRAM, tmp_path_factory.mktemp("above"))


@pytest.mark.parametrize(
    "words", ["from the program", "from \x1b[31ma child", "new state", "without an end", "after"]
)
def test_whatever_is_written_appears_in_a_line_of_its_own(said, words):
    assert said.count(words) == 1
    before = said.partition(words)[0]
    assert before.endswith(("\n", "\x1b[2K", "\r"))


def test_only_the_last_state_of_a_line_written_over_is_printed(said):
    assert "old state" not in said


def test_what_comes_after_is_written_as_before(said):
    assert said.rstrip().endswith("after")
    assert said.index("without an end") < said.index("after")


def test_an_output_that_is_no_terminal_is_left_alone(capfd):
    console = Console()
    before = console.file
    with printing_above(console):
        print("words")
        assert console.file is before
    assert capfd.readouterr().out == "words\n"
