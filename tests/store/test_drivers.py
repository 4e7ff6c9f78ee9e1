import os
import signal
import subprocess
import sys
import time

import pytest

from archbo.errors import ConflictError
from archbo.store import Store, drivers
from archbo.store.drivers import _born, _Process, _Watch
from archbo.testing.store import new_trial

LIVES = """
import sys
from archbo.store import Store
with Store.open(sys.argv[1]) as store, store.study().driver(lease=float(sys.argv[2])) as driver:
    print(driver.name, flush=True)
    input()
"""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "digits.db"


@pytest.fixture
def study(file):
    with Store.open(file) as store:
        yield store.create_study({})


def start(file, lease):
    other = subprocess.Popen(
        [sys.executable, "-c", LIVES, str(file), str(lease)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return other, other.stdout.readline().strip()


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_driver_is_named_after_its_machine_and_process(study):
    with study.driver(lease=60) as driver, study.driver(lease=60) as second:
        host, pid, _ = driver.name.split(":")
        assert host
        assert int(pid) == os.getpid()
        assert driver.name != second.name


def test_one_that_lives_is_not_gone_and_one_that_ended_is(study, file):
    with study.driver(lease=60) as driver:
        other, name = start(file, 60)
        assert driver.gone([name, "never seen", driver.name]) == {"never seen"}
        other.communicate("\n")
        assert driver.gone([name]) == {name}


def test_the_kernel_says_at_once_that_one_was_killed(study, file):
    with study.driver(lease=600) as driver:
        other, name = start(file, 600)
        other.kill()
        assert not driver.gone([driver.name])
        until(lambda: driver.gone([name]) == {name})
        other.communicate()


def test_one_that_is_stopped_is_gone_after_its_lease_and_known_again_when_it_goes_on(study, file):
    with study.driver(lease=0.6) as driver:
        other, name = start(file, 0.6)
        assert not driver.gone([name])
        other.send_signal(signal.SIGSTOP)
        until(lambda: driver.gone([name]))
        other.send_signal(signal.SIGCONT)
        until(lambda: not driver.gone([name]))
        other.communicate("\n")


def test_on_another_machine_only_silence_tells(study, file, monkeypatch):
    monkeypatch.setattr(_Process, "this", classmethod(lambda cls: cls("another", 1, 1)))
    with study.driver(lease=1.2) as driver:
        other, name = start(file, 1.2)
        other.kill()
        other.communicate()
        assert not driver.gone([name])
        until(lambda: driver.gone([name]))


def test_in_memory_there_are_no_others():
    with Store.open(None) as store:
        study = store.create_study({})
        with study.driver(lease=60) as driver:
            assert driver.gone(["another"]) == {"another"}
            assert not driver._thread.is_alive()


class Clock:
    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(drivers.time, "monotonic", lambda: self.now)


def test_silence_counts_while_this_process_looks(monkeypatch):
    clock = Clock(monkeypatch)
    watch = _Watch(6)
    for now in range(100, 106):
        clock.now = float(now)
        watch.look({"steady": now, "silent": 1})
        assert not watch.silent("silent")
    clock.now = 106.0
    watch.look({"steady": 106, "silent": 1})
    assert watch.silent("silent")
    assert not watch.silent("steady")
    assert not watch.silent("never seen")


def test_one_that_was_asleep_itself_begins_to_count_anew(monkeypatch):
    clock = Clock(monkeypatch)
    watch = _Watch(6)
    watch.look({"other": 1})
    clock.now += 1000
    watch.look({"other": 1})
    assert not watch.silent("other")
    watch.forget()
    assert not watch.silent("other")


def test_a_process_is_told_from_a_later_one_of_the_same_number():
    this = _Process.this()
    assert this.lives()
    assert not this._replace(born=this.born - 1).lives()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    until(lambda: ended.poll() is not None)
    with pytest.raises(OSError, match=str(ended.pid)):
        _born(ended.pid)


def test_of_two_that_take_a_trial_one_gets_it(study):
    record = study.add_trial(new_trial(worker="dead"))
    taken = study.retry(0, worker="a", attempt=record.attempt)
    assert (taken.worker, taken.attempt) == ("a", 2)
    with pytest.raises(ConflictError, match="trial 0 is in attempt 2, not 1"):
        study.retry(0, worker="b", attempt=record.attempt)
