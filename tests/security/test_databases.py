"""Databases that are damaged, or made to do harm: an error that says so, or what they hold."""

import json
import sqlite3
import struct
import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import archbo as ab
from archbo.errors import ArchboError, StoreError
from archbo.store import Store

FEW = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@FEW
@given(
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=20),
    cut=st.one_of(st.none(), st.floats(0, 1)),
)
def test_a_file_with_other_bytes_is_shown_or_is_an_error(original, tmp_path, look, flips, cut):
    content = bytearray(original.read_bytes())
    for place, byte in flips:
        content[int(place * len(content))] = byte
    file = tmp_path / "study.db"
    for left in tmp_path.glob("study.db*"):
        left.unlink()
    file.write_bytes(content if cut is None else content[: int(cut * len(content))])
    with suppress(ArchboError):
        look(file)


TEXT = [
    "x",
    "NaN",
    "[" * 50_000,
    '{"a":' * 300 + "1" + "}" * 300,
    "[null]",
    '"\\ud800"',
    "9" * 5000,
]
VALUES = [*TEXT, "\x1b[2J", None, -1, 2**63 - 1, 1.7e308, 1e999, -1e999, b"\xff\xfe"]
COLUMNS = [("studies", name) for name in ("name", "settings", "created", "version")] + [
    ("trials", name)
    for name in (
        "number", "version", "architecture_id", "architecture", "state", "origin", "value",
        "prediction_mean", "prediction_sd", "score", "hyperparameters", "features", "pending",
        "error", "traceback", "attempt", "worker", "created", "seconds", "fidelity", "reached",
        "interim", "progress", "deleted", "was",
    )
] + [("reports", name) for name in ("attempt", "epoch", "value")]  # fmt: skip


def loosened(file):
    """Let each column hold anything, as whoever makes a file may declare it."""
    with sqlite3.connect(file) as raw:
        raw.execute("PRAGMA writable_schema = ON")
        raw.execute("UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '')")
    raw.close()


@pytest.mark.parametrize(("table", "column"), COLUMNS)
def test_a_column_with_any_value_is_shown_or_is_an_error(stranger, look, table, column):
    if column in ("name", "version") and table == "studies":
        values = [None, b"\xff", "", 2**63 - 1]
    else:
        values = VALUES
    loosened(stranger.file)
    clean = stranger.file.read_bytes()
    for value in values:
        stranger.file.write_bytes(clean)
        with suppress(sqlite3.IntegrityError):
            stranger.change(
                f"UPDATE {table} SET {column} = :value "
                f"WHERE rowid = (SELECT max(rowid) FROM {table})",
                value=value,
            )
        with suppress(ArchboError):
            said, page = look(stranger.file)
            assert "accuracy" in said
            assert page.startswith("<!doctype html>")


def leaves(value, path=()):
    """Where something stands in nested settings."""
    yield path
    if isinstance(value, (dict, list)):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))


ODD = st.one_of(
    st.sampled_from([None, True, -1, 0, 1.5, 2**64, 10**30, "", "x", [], {}, [1], {"kind": "Int"}]),
    st.sampled_from(
        [{"kind": "Chain", "block": {"kind": "Bool"}, "length": [1, 10**9]},
         {"kind": "Space", "parts": {"a": {"kind": "Bool"}}}, {"kind": ["Bool"]},
         {"kind": "Epochs", "low": 1, "high": 9}, {"kind": "Pool", "graphs": [[["a"], []]]}]
    ),
)  # fmt: skip


@settings(FEW, max_examples=60)
@given(data=st.data())
def test_settings_with_anything_anywhere_are_shown_or_are_an_error(original, tmp_path, look, data):
    with Store.open(original, read_only=True) as store:
        found = json.loads(json.dumps(store.study().settings))
    path = data.draw(st.sampled_from([p for p in leaves(found) if p]))
    inner = found
    for key in path[:-1]:
        inner = inner[key]
    if data.draw(st.integers(0, 3)):
        inner[path[-1]] = data.draw(ODD)
    else:
        del inner[path[-1]]
    file = tmp_path / "study.db"
    file.write_bytes(original.read_bytes())
    with sqlite3.connect(file) as raw:
        raw.execute("UPDATE studies SET settings = ?", [json.dumps(found)])
    raw.close()
    with suppress(ArchboError):
        look(file)


RAN = "UPDATE trials SET value = 1e6"


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        ([f"CREATE TRIGGER t AFTER UPDATE ON studies BEGIN {RAN}; END"], "the trigger 't'"),
        (
            ["ALTER TABLE trials RENAME TO hidden", "CREATE VIEW trials AS SELECT * FROM hidden"],
            "the view 'trials'",
        ),
        (
            ["DROP TABLE reports", "CREATE VIRTUAL TABLE reports USING fts5(trial_id, epoch)"],
            "the virtual table 'reports'",
        ),
        (
            ["ALTER TABLE trials ADD COLUMN x AS (zeroblob(1000000000))"],
            r"the computed column 'trials\.x'",
        ),
    ],
)
def test_sql_in_a_file_is_refused_before_it_can_run(stranger, look, statements, message):
    stranger.change(*statements)
    before = stranger.file.read_bytes()
    with pytest.raises(StoreError, match=f"holds {message}, which archbo did not make"):
        look(stranger.file)
    with pytest.raises(StoreError, match="did not make and does not run"):
        ab.Study(stranger.file, ab.Space(x=ab.Bool()), maximize="accuracy")
    assert stranger.file.read_bytes() == before


def test_an_older_file_with_a_trigger_is_not_migrated(stranger):
    stranger.change(
        "UPDATE archbo_version SET version_num = '0001'",
        "DELETE FROM reports",
        f"CREATE TRIGGER t AFTER UPDATE ON archbo_version BEGIN {RAN}; END",
    )
    before = stranger.file.read_bytes()
    with pytest.raises(StoreError, match="the trigger 't'"):
        Store.open(stranger.file)
    assert stranger.file.read_bytes() == before


def test_a_file_with_a_bomb_of_a_view_elsewhere_is_shown(stranger, look):
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT * FROM n"
    stranger.change(f"CREATE VIEW mine AS {endless}")
    said, _ = look(stranger.file)
    assert "Incumbent" in said


def test_what_is_shown_leaves_the_file_and_its_folder_as_they_were(stranger, look):
    before = stranger.file.read_bytes()
    look(stranger.file)
    assert stranger.file.read_bytes() == before
    assert {f.name for f in stranger.file.parent.iterdir()} == {"study.db", "report.html"}


def test_a_study_is_shown_while_its_run_goes_on(stranger, look):
    with Store.open(stranger.file) as store:
        store.study().retry(3)
        said, _ = look(stranger.file)
    assert "1 running" in said


def test_an_older_file_is_shown_without_being_migrated(stranger, look):
    columns = ("fidelity", "reached", "interim", "progress", "deleted", "was")
    stranger.change(
        "UPDATE archbo_version SET version_num = '0001'",
        "DROP TABLE requests",
        "DROP TABLE drivers",
        "DROP INDEX ix_trials_study_id_version",
        *[f"ALTER TABLE trials DROP COLUMN {name}" for name in columns],
    )
    before = stranger.file.read_bytes()
    said, _ = look(stranger.file)
    assert "Incumbent" in said
    assert stranger.file.read_bytes() == before


def test_a_journal_that_would_delete_a_file_is_refused(stranger, look):
    victim = stranger.file.with_name("precious.txt")
    victim.write_text("precious")
    name = str(victim).encode()
    ending = name + struct.pack(">II", len(name), sum(name)) + b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
    header = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + struct.pack(">IIIII", 0, 0, 1, 512, 4096)
    journal = header.ljust(512, b"\0") + struct.pack(">I", 2**30 // 4096 + 1) + ending
    stranger.file.with_name("study.db-journal").write_bytes(journal)
    for open_it in (look, Store.open):
        with pytest.raises(StoreError, match="belongs to several databases"):
            open_it(stranger.file)
    assert victim.read_text() == "precious"


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000,) * 2)
from archbo.cli.main import main
sys.argv = ["archbo", "show", sys.argv[1]]
main()
"""


def test_a_value_of_many_megabytes_is_an_error_not_the_memory_gone(stranger):
    stranger.change("UPDATE trials SET error = zeroblob(200000000) WHERE number = 3")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(stranger.file)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    assert "string or blob too big" in done.stderr
