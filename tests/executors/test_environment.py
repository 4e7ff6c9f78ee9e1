import os

from archbo.executors.environment import THREADS, environment, thread_variables


def test_the_cores_are_divided_among_the_workers(monkeypatch):
    for name in THREADS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    for workers, threads in [(1, "8"), (2, "4"), (3, "2"), (8, "1"), (20, "1")]:
        assert thread_variables(None, workers) == dict.fromkeys(THREADS, threads)


def test_what_the_user_has_set_stays_unless_threads_are_asked_for(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert "OMP_NUM_THREADS" not in thread_variables(None, 2)
    assert thread_variables(3, 2)["OMP_NUM_THREADS"] == "3"


def test_the_environment_is_as_before_afterwards(monkeypatch):
    monkeypatch.setenv("ARCHBO_A", "before")
    monkeypatch.delenv("ARCHBO_B", raising=False)
    with environment({"ARCHBO_A": "1", "ARCHBO_B": "2"}):
        assert (os.environ["ARCHBO_A"], os.environ["ARCHBO_B"]) == ("1", "2")
    assert os.environ["ARCHBO_A"] == "before"
    assert "ARCHBO_B" not in os.environ
