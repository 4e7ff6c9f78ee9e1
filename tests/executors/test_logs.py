import os
from dataclasses import replace

import pytest

from archbo.executors.logs import captured, cut_log, end_log, read_log
from archbo.testing.executors import task
from archbo.training import Failed, Finished, Lost


@pytest.fixture
def logged(tmp_path):
    return replace(task(3, "good"), log=tmp_path / "logs" / "3.txt")


def write(text):
    """As compiled code does."""
    os.write(1, text.encode())


def test_attempts_follow_one_another_each_with_its_end(logged):
    with captured(logged):
        write("first\n")
    end_log(logged, Lost(3, 1, "killed by signal 9 (SIGKILL)", 2.0))
    second = replace(logged, attempt=2, again=True)
    with captured(second):
        write("second\n")
    end_log(second, Failed(3, 2, "ValueError: too deep\nand wide", None, 0.25))
    third = replace(logged, attempt=3, again=True)
    with captured(third):
        write("third\n")
    end_log(third, Finished(3, 3, 0.5, 1.0))
    lines = read_log(logged.log).splitlines()
    assert lines[1::3] == ["first", "second", "third"]
    assert [line.partition(": begun 2")[0] for line in lines[::3]] == [
        f"--- trial 3, attempt {attempt}" for attempt in [1, 2, 3]
    ]
    assert lines[2::3] == [
        "--- trial 3, attempt 1: killed by signal 9 (SIGKILL) after 2.0 s ---",
        "--- trial 3, attempt 2: ValueError: too deep after 0.2 s ---",
        "--- trial 3, attempt 3: finished after 1.0 s ---",
    ]


def test_a_new_trial_does_not_go_on_with_the_log_of_a_deleted_study(logged):
    for text in ("old\n", "new\n"):
        with captured(logged):
            write(text)
    assert "old" not in read_log(logged.log)


def test_output_is_where_it_was_afterwards(logged, capfd):
    with captured(logged):
        write("inside\n")
    write("outside\n")
    assert capfd.readouterr().out == "outside\n"
    assert "inside\n" in read_log(logged.log)


def test_without_a_log_nothing_is_captured(capfd):
    with captured(task(0, "good")):
        write("shown\n")
    end_log(task(0, "good"), Finished(0, 1, 0.5, 1.0))
    assert capfd.readouterr().out == "shown\n"


def test_a_log_that_cannot_be_written_is_no_reason_to_fail(tmp_path, capfd):
    (tmp_path / "logs").write_text("a file, where the folder should be")
    logged = replace(task(4, "good"), log=tmp_path / "logs" / "4.txt")
    with captured(logged):
        write("shown\n")
    end_log(logged, Finished(4, 1, 0.5, 1.0))
    shown = capfd.readouterr()
    assert shown.out == "shown\n"
    assert "trial 4 has no log: " in shown.err


def test_a_long_log_keeps_its_beginning_and_its_end(tmp_path):
    log = tmp_path / "0.txt"
    log.write_bytes(b"".join(b"%07d\n" % number for number in range(1000)))
    with log.open("ab") as written_to:
        cut_log(log, largest=8000)
        assert log.stat().st_size == 8000  # no longer than it may be
        cut_log(log, largest=800)
        written_to.write(b"more\n")
    lines = log.read_text().splitlines()
    assert lines[:25] == [f"{number:07}" for number in range(25)]
    assert "[7600 bytes are left out here]" in lines
    assert lines[-26:] == [*(f"{number:07}" for number in range(975, 1000)), "more"]


def test_a_log_is_shown_without_what_a_terminal_would_obey(tmp_path):
    log = tmp_path / "0.txt"
    log.write_bytes(
        b"\x1b[31mred\x1b[0m\ttab\n 10%\r 50%\r100%\r\n\x1b]0;title\x07\x9b2J\xff\xe2\x80\xae\n"
    )
    assert read_log(log) == "red\ttab\n100%\n]0;title\ufffd2J\ufffd\n"
