import os
import sqlite3
import subprocess
import sys

import pytest

from archbo.errors import MissingExtraError, StoreError
from archbo.store import Store
from archbo.testing.store import new_trial


@pytest.fixture
def file(tmp_path):
    return tmp_path / "digits.db"


def test_a_missing_file_names_the_near_ones(tmp_path):
    Store.open(tmp_path / "digits.db").close()
    with pytest.raises(StoreError, match=r"digit\.db: there is no such file\. Did you mean 'digi"):
        Store.open(tmp_path / "digit.db", create=False)
    assert [f.name for f in tmp_path.iterdir()] == ["digits.db"]


def test_a_missing_folder_is_not_made(tmp_path):
    with pytest.raises(StoreError, match=r"the folder '.*runs' does not exist\. Create it"):
        Store.open(tmp_path / "runs" / "digits.db")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(StoreError, match=r"this is a folder\. Give a file name"):
        Store.open(tmp_path)


def test_a_file_of_another_kind_is_left_alone(file):
    file.write_text("epoch,accuracy\n" * 100)
    with pytest.raises(StoreError, match=r"digits\.db: file is not a database.*another file name"):
        Store.open(file)
    assert file.read_text() == "epoch,accuracy\n" * 100


def test_the_database_of_another_program_is_left_alone(file):
    raw = sqlite3.connect(file)
    raw.execute("CREATE TABLE trials (id INTEGER)")
    raw.close()
    with pytest.raises(StoreError, match=r"another program's, it has a table 'trials'"):
        Store.open(file)


def test_an_empty_file_becomes_a_store_only_when_asked(file):
    file.touch()
    with pytest.raises(StoreError, match="there is no study in this database"):
        Store.open(file, create=False)
    Store.open(file).close()
    Store.open(file, create=False).close()


def test_a_damaged_file_says_so(file):
    with Store.open(file) as store:
        store.create_study({}).add_trials([new_trial() for _ in range(200)])
    pages = bytearray(file.read_bytes())
    pages[4096:] = b"\xff" * (len(pages) - 4096)
    file.write_bytes(pages)
    with pytest.raises(StoreError, match=r"malformed\. The file is damaged"):
        Store.open(file)


def test_a_full_disk_leaves_what_was_stored(file):
    with Store.open(file) as store:
        study = store.create_study({})
        study.add_trial(new_trial())
        before = study.changes(0)
        with store._database.reading() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(StoreError, match=r"disk is full.*free some space.*nothing was half-"):
            study.add_trials([new_trial() for _ in range(1000)])
        assert study.changes(0) == before
        study.finish(0, 1.0, seconds=1)


LIMITED = """
import resource, signal, sys
from archbo.store import Store
from archbo.testing.store import new_trial
study = Store.open(sys.argv[1], create=False).study()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    study.add_trials([new_trial() for _ in range(1000)])
except Exception as error:
    print(type(error).__name__, error)
"""


def test_a_disk_that_refuses_to_write_leaves_what_was_stored(file):
    with Store.open(file) as store:
        study = store.create_study({})
        study.add_trial(new_trial())
        before = study.changes(0)
        command = [sys.executable, "-c", LIMITED, str(file)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert said.startswith(f"UnavailableError {file}: disk I/O error. The disk refused")
        assert study.changes(0) == before


OPENS = """
import os, sys
from archbo.store import Store
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    Store.open(sys.argv[1])
except Exception as error:
    print(type(error).__name__, error)
"""


def test_a_file_that_may_only_be_read_says_so(tmp_path):
    folder = tmp_path / "shared"
    folder.mkdir()
    Store.open(folder / "digits.db").close()
    (folder / "digits.db").chmod(0o444)
    folder.chmod(0o555)
    for parent in [tmp_path, *tmp_path.parents]:  # pytest's folders are its user's alone
        if parent.stat().st_uid == os.getuid() and not parent.stat().st_mode & 0o001:
            parent.chmod(0o711)
    said = [
        subprocess.run(
            [sys.executable, "-c", OPENS, folder / name], capture_output=True, text=True, check=True
        ).stdout
        for name in ["digits.db", "new.db"]
    ]
    folder.chmod(0o755)
    assert "digits.db: attempt to write a readonly database. It can be read" in said[0]
    assert said[1].strip().endswith("new.db: the folder cannot be written to")


def test_a_relative_path_is_where_the_store_was_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Store.open("digits.db") as store:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        store.create_study({}).add_trial(new_trial())
        assert store.name == str(tmp_path / "digits.db")
    with Store.open(f"sqlite:///{tmp_path}/digits.db", create=False) as store:
        assert len(store.study().read()) == 1


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nosuch://host/db", "Can't load plugin: sqlalchemy.dialects:nosuch"),
        ("://", "'://' is no database URL"),
    ],
)
def test_a_url_that_cannot_be_used_says_why(url, message):
    with pytest.raises(StoreError, match=message):
        Store.open(url)


def test_a_missing_driver_says_what_to_install():
    with pytest.raises(
        MissingExtraError, match=r"the driver 'oracledb' is not installed\. Install"
    ):
        Store.open("oracle+oracledb://user:secret@host/db")


def test_messages_do_not_show_the_password():
    with pytest.raises(MissingExtraError) as caught:
        Store.open("oracle+oracledb://user:secret@host/db")
    assert "secret" not in str(caught.value)


def test_a_file_is_written_ahead_and_synced_with_each_commit(file):
    with Store.open(file) as store, store._database.reading() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ["journal_mode", "synchronous", "foreign_keys", "busy_timeout"]
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 30_000,
    }


def test_a_file_that_exists_opens_without_alembic(file):
    Store.open(file).close()
    code = (
        "import sys, archbo.store; assert 'sqlalchemy' not in sys.modules\n"
        "archbo.store.Store.open(sys.argv[1]); assert 'sqlalchemy' in sys.modules\n"
        "assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(file)], check=True)


def test_a_name_that_the_room_lacks_is_an_attribute_error():
    import archbo.store

    with pytest.raises(AttributeError, match=r"module 'archbo\.store' has no attribute 'nothing'"):
        archbo.store.nothing  # noqa: B018


def test_a_file_that_another_program_keeps_locked_says_so(file, monkeypatch):
    monkeypatch.setattr("archbo.store.database.BUSY_SECONDS", 0.1)
    Store.open(file).close()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    refused = pytest.raises(StoreError, match=r"database is locked\. Another program has kept it")
    with Store.open(file) as store, refused:
        store.create_study({})
    other.close()
