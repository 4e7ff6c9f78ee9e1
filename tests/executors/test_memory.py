import subprocess
import sys

import pytest

from archbo.errors import ProblemError
from archbo.executors.memory import as_bytes, used

MEGABYTE = 1_000_000


@pytest.mark.parametrize(
    ("size", "number"),
    [("4GB", 4 * 10**9), ("4g", 4 * 10**9), (" 1.5 TB ", 1_500_000_000_000), ("2KiB", 2048),
     ("300", 300), (1e9, 10**9), (77, 77)],
)  # fmt: skip
def test_sizes_are_numbers_or_texts(size, number):
    assert as_bytes(size) == number


@pytest.mark.parametrize("size", ["", "GB", "4 XB", "-4GB", "0GB", 0, -1, True, float("nan"), []])
def test_what_is_no_size_is_an_error(size):
    with pytest.raises(ProblemError, match=r'memory must be .* or a text such as "4GB", got '):
        as_bytes(size)


PARENT = """
import os, sys, time
held = bytearray(b"x") * 100_000_000
for _ in range(2):
    if os.fork() == 0:
        time.sleep(3600)
print(flush=True)
time.sleep(3600)
"""


@pytest.fixture
def family():
    """A process that holds 100 MB, and two that it forked, in a group of their own."""
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as parent:
        parent.stdout.readline()
        yield parent
        subprocess.run(["/bin/kill", "-9", "--", f"-{parent.pid}"], check=True)


def test_the_memory_of_a_group_is_that_of_its_processes(family):
    apart = used([family.pid], enough=10**12)[family.pid]
    assert 300 * MEGABYTE < apart < 400 * MEGABYTE


def test_what_processes_share_counts_once_where_it_matters(family):
    shared = used([family.pid], enough=200 * MEGABYTE)[family.pid]
    assert 100 * MEGABYTE < shared < 200 * MEGABYTE


def test_a_group_that_has_ended_uses_none():
    ended = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
    ended.wait()
    assert used([ended.pid], enough=0)[ended.pid] == 0
