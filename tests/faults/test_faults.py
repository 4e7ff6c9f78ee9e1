"""Whatever dies, and whenever: nothing that was trained is lost.

ARCHBO_FAULT_SEEDS says how many studies are struck in each test; the default is for every day.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

import archbo as ab
from archbo.store import Store

sys.path.insert(0, str(Path(__file__).parent))
from harness import Ordeal

SEEDS = range(int(os.environ.get("ARCHBO_FAULT_SEEDS", "1")))


@pytest.fixture
def ordeal(tmp_path, request):
    made = []

    def make(seed, **options):
        made.append(Ordeal(options.pop("store", str(tmp_path / "s.db")), tmp_path, seed, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()
        began, ended = one.trained()
        request.node.user_properties.append(("faults", dict(one.faults)))
        print(f"{dict(one.faults)}: {began} trainings began, {ended} ended")


@pytest.mark.parametrize("seed", SEEDS)
def test_drivers_workers_and_checkpoints_are_struck_at_random(ordeal, seed):
    one = ordeal(seed, method=["bo", "random"][seed % 2])
    strikes = [one.kill_driver, one.kill_worker, one.halve_checkpoint]
    one.start()
    for ended in (1, 3, 6, 9):
        one.until(ended)
        time.sleep(one.random.random() * 0.3)
        one.random.choice(strikes)()
        one.check()
        while len(one.alive()) < one.random.choice([1, 2]):
            one.start()
    one.finish()
    began, ended = one.trained()
    lost = one.faults["driver killed"] * 2 + one.faults["worker killed"]
    assert began - one.trials <= lost  # only what was cut is trained again
    assert ended >= sum(r.value is not None for r in one.records())


@pytest.mark.parametrize("seed", SEEDS)
def test_a_clock_that_is_set_back_changes_nothing(ordeal, seed):
    one = ordeal(seed, trials=6)
    one.start()
    one.until(2)
    one.kill_driver()
    one.start(CLOCK_BACK="1e6")
    one.until(5)
    one.finish()
    assert one.faults["driver killed"] <= 1


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of its own, of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file system can only be mounted by root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_full_disk_is_waited_for(ordeal, seed, small_disk):
    one = ordeal(seed, trials=12, store=str(small_disk / "s.db"))
    one.start()
    one.until(2)
    one.faults["disk full"] += 1
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65536, 4096, 512):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                pass
    time.sleep(3)
    assert one.alive()
    one.check()
    filler.unlink()
    one.finish()
    records = one.records()
    assert all(record.state is ab.State.FINISHED for record in records)
    assert all(record.attempt == 1 for record in records)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_server_that_crashes_or_ends_its_connections_is_waited_for(
    ordeal, seed, postgres_server, postgres_url
):
    one = ordeal(seed, trials=10, store=postgres_url)
    one.start()
    for ended in (2, 4, 6):
        one.until(ended)
        if one.random.random() < 0.5:
            one.faults["server crashed"] += 1
            postgres_server.stop(at_once=True)
            time.sleep(one.random.random() * 2)
            postgres_server.start()
        else:
            one.faults["connections ended"] += 1
            with psycopg.connect(postgres_server.url(), autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname LIKE 'archbo_%' AND pid <> pg_backend_pid()"
                )
        one.check()
    one.finish()
    assert all(record.state is ab.State.FINISHED for record in one.records())
    assert all(record.attempt == 1 for record in one.records())


@pytest.mark.parametrize("seed", SEEDS)
def test_drivers_on_a_server_are_struck_at_random(ordeal, seed, postgres_url):
    one = ordeal(seed, store=postgres_url)
    one.start()
    one.start()
    for ended in (2, 6):
        one.until(ended)
        one.kill_driver()
        one.check()
        one.start()
    one.finish()


def test_a_store_that_another_process_writes_opens_at_any_moment(ordeal):
    one = ordeal(0, trials=8)
    one.start()
    one.until(1)
    while one.alive():
        with Store.open(one.store, create=False) as store:
            store.study().read()
    one.finish()
