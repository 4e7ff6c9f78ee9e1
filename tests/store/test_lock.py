import fcntl
import os

import pytest

from archbo.errors import BusyError, StoreError
from archbo.store import lock
from archbo.store.lock import locked


@pytest.fixture
def file(tmp_path):
    return tmp_path / "digits.db.lock"


def test_the_same_process_does_not_get_it_twice(file):
    with locked(file), pytest.raises(BusyError, match=rf"run by process {os.getpid()} on .*Wait"):
        locked(file).__enter__()
    assert not file.exists()


def test_it_is_free_after_an_error(file):
    with pytest.raises(ValueError, match="broke"), locked(file):
        raise ValueError("broke")
    with locked(file):
        pass


def test_a_holder_that_has_not_written_its_name_yet_is_another_process(file):
    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BusyError, match="the study is run by another process now"):
            locked(file).__enter__()


def test_a_folder_that_went_away_is_a_store_error(tmp_path):
    with pytest.raises(StoreError, match="cannot make the lock: No such file or directory"):
        locked(tmp_path / "gone" / "digits.db.lock").__enter__()


def test_a_lock_file_that_its_holder_removed_locks_nothing(file):
    with file.open("w") as held:
        assert lock._is_at(held.fileno(), file)
        file.unlink()
        assert not lock._is_at(held.fileno(), file)
        file.touch()
        assert not lock._is_at(held.fileno(), file)
