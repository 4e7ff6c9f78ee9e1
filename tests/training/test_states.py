import errno
import json
import os
import pickle
import signal
import subprocess
import sys

import numpy as np
import pytest

from archbo.errors import TrainingError
from archbo.training import Task, Trial, states
from archbo.training.states import epoch_of, read_state, state_file, write_state

torch = pytest.importorskip("torch")


@pytest.fixture
def trial(tmp_path):
    task = Task.make(4, {}, study_seed=0, attempt=1, epochs=9, folder=tmp_path / "s.files" / "4")
    return Trial(task, lambda _: None)


def same(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b) and a.dtype == b.dtype
    if isinstance(a, np.ndarray | np.generic):
        return type(a) is type(b) and a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def test_a_network_and_its_optimizer_come_back_exactly(trial):
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(4, 3)).sum().backward()
    optimizer.step()
    assert trial.load() is None
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3,
             "rng": torch.get_rng_state(), "curve": [0.5, None, True], "note": "warm"}  # fmt: skip
    trial.save(state)
    assert same(dict(trial.load()), state)
    trial.save({"epoch": 4})
    assert trial.load() == {"epoch": 4}


def test_arrays_and_what_is_beside_them_come_back_exactly(trial, tmp_path):
    state = {
        "w": np.arange(6.0).reshape(2, 3)[:, ::2],
        "step": np.float32(0.1),
        "empty": np.zeros((0, 3), np.int8),
        "when": np.array(["2024-05-01"], "datetime64[D]"),
        7: [None, True, 10**30, -0.0, float("inf"), "é", b"\x00\xff", (1, [2.5])],
        "rng": np.random.MT19937(0).state,
    }
    trial.save(state)
    assert [path.name for path in (tmp_path / "s.files" / "4").iterdir()] == ["state.npz"]
    assert same(trial.load(), state)
    state["half"] = torch.arange(6, dtype=torch.bfloat16).reshape(2, 3).T
    state["one"] = torch.tensor(True)
    state["none"] = torch.zeros(0, 2, dtype=torch.complex64)
    state["leaf"] = torch.ones(2, requires_grad=True)
    trial.save(state)
    assert same(trial.load(), state)
    trial.save({})
    assert trial.load() == {}


def test_bytes_come_back_and_the_newest_kind_counts(trial, tmp_path):
    folder = tmp_path / "s.files" / "4"
    trial.save(b"weights")
    assert trial.load() == b"weights"
    assert state_file(folder) == folder / "state.bin"
    trial.save({"w": torch.ones(2)})
    assert state_file(folder) == folder / "state.pt"
    assert sorted(path.name for path in folder.iterdir()) == ["state.pt"]
    trial.save(bytearray(b"again"))
    assert trial.load() == b"again"
    os.utime(folder / "state.bin", ns=(1, 1))
    write_state(tmp_path / "other", {"w": torch.ones(1)})
    (tmp_path / "other" / "state.pt").replace(folder / "state.pt")  # killed before it removed one
    assert trial.load() == {"w": torch.ones(1)}


class Sly:
    def __reduce__(self):
        return (os.mkdir, ("made-by-loading",))


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (torch.nn.Linear(1, 1), r"state: a state is bytes.*got Linear\. Save model\.state_dict"),
        ({"a": [1, {2: Sly()}]}, r"state\['a'\]\[1\]\[2\]: a state is bytes.*got Sly"),
        ({"a": np.array([Sly])}, r"state\['a'\]: a state is bytes.*got ndarray"),
        ({("a", 1): 2}, r"state: a key is a string or an integer, got \('a', 1\)"),
    ],
)
def test_what_loading_would_have_to_run_is_refused_with_its_place(trial, state, message):
    with pytest.raises(TrainingError, match=message):
        trial.save(state)
    assert trial.load() is None


def test_loading_runs_nothing(trial, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trial.save({"w": 1})
    torch.save(Sly(), tmp_path / "s.files" / "4" / "state.pt")
    with pytest.warns(UserWarning, match=r"state\.pt: cannot read the state"):
        assert trial.load() is None
    assert not (tmp_path / "made-by-loading").exists()


@pytest.mark.parametrize("held", [Sly(), {"w": Sly()}])
def test_loading_arrays_runs_nothing(trial, tmp_path, monkeypatch, held):
    monkeypatch.chdir(tmp_path)
    trial.save({"w": np.ones(3)})
    file = tmp_path / "s.files" / "4" / "state.npz"
    tree = np.frombuffer(json.dumps({"kind": "array", "at": "0"}).encode(), np.uint8)
    np.savez(file, **{"tree": tree, "0": np.array([held])})
    with pytest.warns(UserWarning, match=r"state\.npz: cannot read the state: Object arrays"):
        assert trial.load() is None
    file.write_bytes(pickle.dumps(held))
    with pytest.warns(UserWarning, match=r"state\.npz: cannot read the state"):
        assert trial.load() is None
    assert not (tmp_path / "made-by-loading").exists()


@pytest.mark.parametrize("tree", ["[", '{"at": "9"}', '{"dict": 3}', '{"kind": "array", "at": []}'])
def test_an_altered_tree_is_a_warning_and_a_fresh_start(trial, tmp_path, tree):
    trial.save({"w": 1})
    np.savez(tmp_path / "s.files" / "4" / "state.npz", tree=np.frombuffer(tree.encode(), np.uint8))
    with pytest.warns(UserWarning, match=r"cannot read the state: .*Trial 4 starts afresh\."):
        assert trial.load() is None


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("values", [torch.ones(50), np.ones(50)], ids=["torch", "numpy"])
def test_a_cut_file_is_a_warning_and_a_fresh_start(trial, tmp_path, share, values):
    trial.save({"w": values})
    (file,) = (tmp_path / "s.files" / "4").iterdir()
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    with pytest.warns(UserWarning, match=r"cannot read the state: .*Trial 4 starts afresh\."):
        assert trial.load() is None


def test_a_study_without_a_folder_says_how_to_name_one():
    trial = Trial(Task.make(0, {}, study_seed=0, attempt=1, epochs=1), lambda _: None)
    with pytest.raises(TrainingError, match=r'trial\.save: .*ab\.Study\(…, files="folder"\)'):
        trial.save(b"")
    with pytest.raises(TrainingError, match=r"trial\.load: the study has no folder for files"):
        trial.load()


def test_a_state_that_cannot_be_written_says_where(trial, tmp_path):
    (tmp_path / "s.files").write_text("in the way")
    with pytest.raises(TrainingError, match=r"state\.bin: cannot save the state"):
        trial.save(b"1")


def test_the_epochs_that_a_state_has_seen_come_with_it(trial, tmp_path):
    folder = tmp_path / "s.files" / "4"
    trial.save(b"1")
    assert trial.load() == b"1"
    assert trial.epochs_done == 0
    trial.report(1, 0.5)
    trial.save(b"2")  # after the report of what it has seen
    assert trial.load() == b"2"
    assert (trial.epochs_done, trial.steps_done) == (1, 1)
    trial.save(b"3", epoch=2)  # before it
    trial.load()
    assert trial.epochs_done == 2
    trial.save({"epoch": 3, "w": torch.ones(2)})  # it says so itself
    assert [path.name for path in folder.iterdir()] == ["state-3.pt"]
    trial.load()
    assert trial.epochs_done == 3
    (folder / "state-3.pt").write_bytes(b"cut")
    with pytest.warns(UserWarning, match=r"state-3\.pt: cannot read .*starts afresh"):
        assert trial.load() is None
    assert trial.epochs_done == 0
    with pytest.raises(TrainingError, match=r"trial\.save: an epoch is a whole number, got 1\.5"):
        trial.save(b"", epoch=1.5)


SAVES = """
import sys
from pathlib import Path
from archbo.training.states import write_state
n = 0
while True:
    n += 1
    write_state(Path(sys.argv[1]), bytes([n % 256]) * 3_000_000, epoch=n)
    print(n, flush=True)
"""


def test_a_kill_in_the_middle_of_saving_leaves_a_whole_state(tmp_path):
    for saves in (1, 2, 3):
        command = [sys.executable, "-c", SAVES, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for _ in range(saves):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        file = state_file(tmp_path)
        state = read_state(file)
        assert state[0] == epoch_of(file) % 256
        assert len(state) == 3_000_000
        assert len(set(state)) == 1


def test_a_full_disk_is_waited_for(tmp_path, monkeypatch):
    pauses, full = [], iter([OSError(errno.ENOSPC, "No space left on device")] * 3)
    replace = states._replace

    def try_to(file, write):
        if (error := next(full, None)) is not None:
            raise error
        replace(file, write)

    monkeypatch.setattr(states, "_replace", try_to)
    monkeypatch.setattr(states.time, "sleep", pauses.append)
    with pytest.warns(UserWarning, match=r"the disk is full\. Trying again"):
        write_state(tmp_path, {"epoch": 3})
    assert read_state(state_file(tmp_path)) == {"epoch": 3}
    assert pauses == [1, 2, 4]


def test_a_write_that_is_cut_leaves_nothing_beside_the_state(tmp_path):
    write_state(tmp_path, {"epoch": 3})
    with pytest.raises(TrainingError, match="cannot save the state"):
        write_state(tmp_path / next(tmp_path.iterdir()).name, b"a file is no folder")
    assert [file.name for file in tmp_path.iterdir()] == ["state.npz"]
