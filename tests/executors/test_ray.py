"""Trainings on a Ray cluster of a head and two nodes, started here: nodes and drivers that die."""

import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from importlib import import_module
from pathlib import Path

import pytest

import archbo as ab
from archbo.errors import ProblemError, ProgramError
from archbo.store import Store
from archbo.study.session import RunOptions, overriding
from archbo.testing.executors import (
    SPACE,
    ExecutorLaws,
    SurvivalLaws,
    alive,
    drain,
    gone,
    run,
    task,
    train,
    unheard,
)
from archbo.training import Finished, Lost, Reported

ray = pytest.importorskip("ray")
from ray.cluster_utils import Cluster  # noqa: E402 - without Ray the tests are skipped

NODE = {"num_cpus": 4, "object_store_memory": 100 * 2**20}
PATIENT = {"health_check_timeout_ms": 60_000, "health_check_period_ms": 500}  # with a busy machine
HEAD = NODE | {"include_dashboard": False, "_system_config": PATIENT}


@pytest.fixture(scope="module")
def cluster():
    before = dict(os.environ)
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ADDRESS": ""}
    cluster = Cluster(initialize_head=True, head_node_args=HEAD)
    try:
        cluster.add_node(**NODE)
        cluster.add_node(**NODE)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()
        os.environ.clear()
        os.environ |= before


@pytest.fixture
def make(cluster):
    made = []

    def make(train, space, *, settings=ab.Ray(), workers=2, **options):  # noqa: B008 - frozen
        made.append(settings.launch(train, space, workers=workers, **options))
        return made[-1]

    yield make
    for executor in made:
        executor.close()


class TestRay(ExecutorLaws, SurvivalLaws):
    pass


def raylet():
    """The process of Ray's that stands for the node of this training; 1 if that has just died."""
    pid = os.getppid()
    while pid != 1 and Path(f"/proc/{pid}/exe").resolve().name != "raylet":
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return float(pid)


def node_of(cluster, pid):
    (node,) = [
        n for n in cluster.list_all_nodes() if n.all_processes["raylet"][0].process.pid == pid
    ]
    return node


def train_until(file):
    """A training that says where it runs, and goes on until there is such a file."""

    def train(arch, trial):
        trial.report(1, raylet())
        while not file.exists():
            time.sleep(0.05)
        return trial.number

    return train


@pytest.fixture
def replaced(cluster):
    """A node to be killed; another one takes its place."""
    yield cluster
    while len(cluster.list_all_nodes()) < 3:
        cluster.add_node(**NODE)


def crowded(cluster, pids):
    """The node, other than the head, on which most trainings run, and how many."""
    pid, count = max(
        Counter(pids).items(),
        key=lambda item: (node_of(cluster, item[0]) is not cluster.head_node, item[1]),
    )
    return node_of(cluster, pid), count


def test_the_trainings_of_a_node_that_dies_are_lost_once(make, replaced, tmp_path):
    go, events = tmp_path / "go", []
    executor = make(train_until(go), SPACE, workers=6)
    for number in range(6):
        executor.submit(task(number, "good"))
    while len(events) < 6:
        executor.wait(events.append)
    node, count = crowded(replaced, [event.value for event in events])
    cut = {event.number for event in events if node_of(replaced, event.value) is node}
    replaced.remove_node(node, allow_graceful=False)
    ends = []
    while len(ends) < count:
        executor.wait(ends.append)
    assert {type(end) for end in ends} == {Lost}
    assert {end.number for end in ends} == cut
    assert all("the node " in end.reason for end in ends)
    assert all(end.seconds > 0 for end in ends)
    go.touch()
    others = drain(executor)
    assert {type(end) for end in others} == {Finished}
    assert {end.number for end in others} == set(range(6)) - cut


def test_a_study_goes_on_when_a_node_dies(replaced, tmp_path):
    go, lost = tmp_path / "go", []

    def cut(records):
        return [r for r in records if r.attempt > 1 or r.state is ab.State.FAILED]

    def observer(event):
        pids = [r.reports[-1].value for r in event.records if r.reports]
        if event.kind == "reported" and len(pids) == 6 and not lost:
            node, count = crowded(replaced, pids)
            lost.extend([node] * count)
            replaced.remove_node(node, allow_graceful=False)
        if lost and len(cut(event.records)) == len(lost):
            go.touch()

    with ab.Study(None, SPACE, maximize="value", method="random", repeats=9) as study:
        with overriding(RunOptions(), observer):
            study.run(train_until(go), trials=12, workers=6, executor=ab.Ray())
        assert len(cut(study.trials)) == len(lost) > 0
        assert [t.error for t in study.trials] == [None] * 12
        assert [t.value for t in study.trials] == list(range(12))


PROGRAM = """
import os
import time
from pathlib import Path

import archbo as ab
from nets import quality

FOLDER = Path("HERE")
space = ab.Space(depth=ab.Int(1, 99))


def train(arch, trial):
    with (FOLDER / "log").open("a") as log:
        log.write(f"{trial.number} {os.getpid()}\\n")
    while trial.number >= 3 and not (FOLDER / "go").exists():
        time.sleep(0.05)
    return quality(arch)


if __name__ == "__main__":
    with ab.Study("study.db", space, maximize="quality", method="random") as study:
        study.run(train, trials=6)
"""
NETS = """
def quality(arch):
    return arch["depth"] / 100
"""


def test_a_killed_driver_leaves_no_training_and_its_study_goes_on(cluster, tmp_path):
    folder = tmp_path / "program"
    folder.mkdir()
    program, log = folder / "program.py", tmp_path / "log"
    program.write_text(PROGRAM.replace("HERE", str(tmp_path)))
    (folder / "nets.py").write_text(NETS)
    log.touch()
    command = [
        *(sys.executable, "-c", "from archbo.cli.main import main; main()", "run", program),
        *("--executor", "ray", "--address", cluster.address, "--workers", "2"),
    ]

    def trainings():
        return [tuple(map(int, line.split())) for line in log.read_text().splitlines()]

    def results():
        with closing(Store.open(folder / "study.db", create=False)) as store:
            return store.study().read()

    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE) as driver:
        while len(trainings()) < 5:
            assert driver.poll() is None
            time.sleep(0.1)
        while sum(r.state is ab.State.FINISHED for r in results()) < 3:
            time.sleep(0.1)
        pids = [pid for number, pid in trainings() if number >= 3]
        assert all(map(alive, pids))
        driver.kill()
    assert gone(*pids)
    before = results()
    assert [r.state.name for r in before] == ["FINISHED"] * 3 + ["RUNNING"] * 2
    (tmp_path / "go").touch()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    after = results()
    assert after[:3] == before[:3]
    assert [r.attempt for r in after] == [1, 1, 1, 2, 2, 1]
    assert all(r.value == r.architecture["depth"] / 100 for r in after)
    assert sorted(number for number, _ in trainings()) == [0, 1, 2, 3, 3, 4, 4, 5]


def test_sixty_four_trainings_at_a_time(make):
    executor = make(train, SPACE, settings=ab.Ray(cpus=0.1), workers=64)
    for number in range(64):
        executor.submit(task(number, "good"))
    assert executor.free == 0
    events = drain(executor)
    assert Counter(e.number for e in events if isinstance(e, Finished)) == Counter(range(64))
    assert sum(isinstance(e, Reported) for e in events) == 3 * 64
    assert len(events) == 4 * 64


def test_there_is_room_for_what_the_nodes_have_and_for_more_when_one_joins(make, cluster):
    executor = make(train, SPACE, settings=ab.Ray(cpus=2), workers=None)
    assert executor.capacity == 6
    executor.submit(task(0, "sleep"))
    assert executor.free == 5
    node = cluster.add_node(**NODE)
    try:
        assert executor.wait(unheard) == 0
        assert executor.free == 7
    finally:
        cluster.remove_node(node)


def test_a_training_that_takes_too_long_is_ended(make):
    (end,) = run(make(train, SPACE, timeout=1), ["sleep"])[0]
    assert isinstance(end, Lost)
    assert end.reason == "timed out after 1 s"


def test_waiting_ends_when_its_time_is_up(make):
    executor = make(train, SPACE)
    executor.submit(task(0, "sleep"))
    assert executor.wait(unheard, timeout=0.2) == 0
    assert executor.free == 1


def test_a_training_has_as_many_threads_as_processors(make):
    (end,) = run(make(train, SPACE, settings=ab.Ray(cpus=3)), ["threads"])[0]
    assert end.value == 3


def test_a_function_that_refers_to_what_is_not_on_the_nodes_is_an_error(make):
    class Elsewhere:
        __call__ = staticmethod(train)

        def __reduce__(self):
            return import_module, ("no_such_module",)

    executor = make(Elsewhere(), SPACE)
    executor.submit(task(0, "good"))
    with pytest.raises(ProgramError, match=r"No module named 'no_such_module'\. What it imports"):
        drain(executor)


def test_a_training_that_no_node_has_room_for_is_an_error_at_once(make):
    with pytest.raises(
        ProblemError,
        match=r"Ray: a training needs 4 CPU, 1 GPU, and no node .* has that: 4 CPU, 0 GPU",
    ):
        make(train, SPACE, settings=ab.Ray(cpus=4, gpus=1), workers=None)


def test_a_cluster_that_is_not_there_is_an_error():
    program = (
        "import archbo as ab\nfrom archbo.testing.executors import SPACE, train\n"
        "study = ab.Study(None, SPACE, maximize='value')\n"
        "study.run(train, trials=1, executor=ab.Ray(address='127.0.0.1:9'))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (
        "ProblemError: Ray.address='127.0.0.1:9': there is no Ray cluster to connect to"
        in done.stderr
    )
    assert "Start one with: ray start --head." in done.stderr


def test_without_ray_the_error_names_the_command_that_installs_it():
    program = (
        "import sys\nsys.modules['ray'] = None\n"  # importing it is an ImportError now
        "import archbo as ab\nfrom archbo.testing.executors import SPACE, train\n"
        "ab.Study(None, SPACE, maximize='value').run(train, trials=1, executor=ab.Ray())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "MissingExtraError: a Ray cluster needs Ray. pip install 'archbo[ray]'" in done.stderr


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"cpus": 0}, r"Ray\.cpus: a whole number from 1, or a share of one, got 0"),
        ({"cpus": 1.5}, r"Ray\.cpus: a whole number from 1, or a share of one, got 1\.5"),
        ({"gpus": -1}, r"Ray\.gpus: a whole number from 1, or a share of one, got -1"),
        ({"gpus": "all"}, r"Ray\.gpus: a whole number from 1, or a share of one, got 'all'"),
    ],
)
def test_settings_that_make_no_sense_are_an_error(settings, error):
    with pytest.raises(ProblemError, match=error):
        ab.Ray(**settings)
