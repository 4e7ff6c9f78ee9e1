"""Programs that a store names: none runs unless it lies beside it, or the user names it."""

import json
import sqlite3

import pytest

from archbo.cli import commands
from archbo.errors import ProgramError
from archbo.store import Store
from archbo.study.replay import replay


@pytest.fixture
def canary(stranger, tmp_path_factory):
    """A program elsewhere on the machine, which a store names; it tells when it runs."""
    folder = tmp_path_factory.mktemp("elsewhere")
    program, ran = folder / "tool.py", folder / "ran"
    program.write_text(f"open({str(ran)!r}, 'w').close()\n")
    with Store.open(stranger.file, read_only=True) as store:
        settings = dict(store.study().settings) | {"program": str(program)}
    with sqlite3.connect(stranger.file) as raw:
        raw.execute("UPDATE studies SET settings = ?", [json.dumps(settings)])
    raw.close()
    return program, ran


def test_what_is_shown_runs_no_program(stranger, canary, look):
    program, ran = canary
    beside = stranger.file.with_name(program.name)
    beside.write_text(program.read_text())
    look(stranger.file)
    assert not ran.exists()


def test_a_program_elsewhere_runs_only_when_the_user_names_it(stranger, canary):
    program, ran = canary
    wanted = rf"tool\.py: .* does not lie beside the study.*--program {program}"
    with pytest.raises(ProgramError, match=wanted):
        commands.replay(str(stranger.file), None, verify=True)
    assert not ran.exists()
    with pytest.raises(ProgramError, match="no study that this program runs"):
        replay(stranger.file, program)
    assert ran.exists()


def test_a_program_beside_the_store_runs_and_it_is_said(stranger, canary, capsys):
    program, ran = canary
    beside = stranger.file.with_name(program.name)
    beside.write_text(program.read_text())
    with pytest.raises(ProgramError, match="no study that this program runs"):
        replay(stranger.file)
    assert ran.exists()
    assert f"Running {str(beside)!r}" in capsys.readouterr().err
