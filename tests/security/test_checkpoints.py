"""Checkpoints that are damaged, or made to do harm."""

import io
import json
import os
import pickle
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archbo.errors import TrainingError
from archbo.training.states import read_state, state_file, write_state


class Runs:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def tree(node):
    return np.frombuffer(json.dumps(node).encode(), np.uint8)


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def archive(file, members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(file, "w", method) as held:
        for name, content in members.items():
            held.writestr(name, content)
    return file


def test_a_pickle_does_not_run(tmp_path):
    ran = tmp_path / "ran"
    for name in ("state.pt", "state.npz"):
        (tmp_path / name).write_bytes(pickle.dumps(Runs(ran)))
        with pytest.raises(TrainingError, match="cannot read the state"):
            read_state(tmp_path / name)
    inside = np.array([Runs(ran)], dtype=object)
    np.savez(tmp_path / "state.npz", **{"0": inside, "tree": tree({"kind": "array", "at": "0"})})
    with pytest.raises(TrainingError, match="cannot read the state"):
        read_state(tmp_path / "state.npz")
    archive(
        tmp_path / "state.pt",
        {"a/data.pkl": pickle.dumps(Runs(ran), protocol=2), "a/version": b"3\n"},
    )
    with pytest.raises(TrainingError, match="cannot read the state"):
        read_state(tmp_path / "state.pt")
    assert not ran.exists()


@pytest.mark.parametrize("name", ["state.npz", "state.pt"])
def test_a_packed_file_is_not_unpacked(tmp_path, name):
    members = {"tree.npy": npy(np.zeros(50_000_000, np.uint8)), "a/data.pkl": b"\0" * 10**7}
    file = archive(tmp_path / name, members, zipfile.ZIP_DEFLATED)
    assert file.stat().st_size < 100_000
    with pytest.raises(TrainingError, match="what it holds is packed"):
        read_state(file)


def test_an_array_is_as_large_as_it_says(tmp_path):
    content = npy(np.zeros(10)).replace(b"(10,), ", b"(99999999999,), ".ljust(7)[:16])
    file = archive(tmp_path / "state.npz", {"0.npy": content, "tree.npy": npy(tree(None))})
    with pytest.raises(TrainingError, match="cannot read the state"):
        read_state(file)


def test_an_array_is_taken_once(tmp_path):
    one = {"kind": "array", "at": "0"}
    np.savez(tmp_path / "state.npz", **{"0": np.zeros(1000), "tree": tree({"list": [one] * 1000})})
    with pytest.raises(TrainingError, match="cannot read the state"):
        read_state(tmp_path / "state.npz")


@pytest.mark.parametrize(
    "node", [{"list": [1, {}]}, {"dict": 5}, {"kind": "tensor", "at": "0"}, {"kind": [], "at": 5}]
)
def test_a_tree_of_something_else_is_an_error(tmp_path, node):
    np.savez(tmp_path / "state.npz", **{"0": np.zeros(3), "tree": tree(node)})
    with pytest.raises(TrainingError, match="cannot read the state"):
        read_state(tmp_path / "state.npz")


def test_a_pipe_is_no_state(tmp_path):
    os.mkfifo(tmp_path / "state.pt")
    assert state_file(tmp_path) is None


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_file_with_other_bytes_is_read_or_is_an_error(tmp_path, data):
    write_state(tmp_path, {"weights": np.arange(20.0), "step": 3, "parts": [np.ones(3), "x"]})
    file = state_file(tmp_path)
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(content)
    with suppress(TrainingError):
        assert read_state(file).keys() <= {"weights", "step", "parts"}
