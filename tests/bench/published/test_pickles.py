import bz2
import io
import os
import pickle
import re
import zipfile
from collections import OrderedDict
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from archbo.bench.published.pickles import Plain, load_bz2, load_torch
from archbo.errors import DataError

SIMPLE = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
PLAIN = st.recursive(
    SIMPLE | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers() | st.tuples(st.text(), st.integers()), inner)
        | st.dictionaries(st.text(), inner).map(OrderedDict)
        | st.sets(SIMPLE)
    ),
    max_leaves=12,
)
PROTOCOLS = range(2, 5)


def read(content, protocol=4):
    return Plain(io.BytesIO(pickle.dumps(content, protocol=protocol))).load()


@given(content=PLAIN, protocol=st.sampled_from(PROTOCOLS))
def test_plain_data_are_read_as_they_were_written(content, protocol):
    found = read(content, protocol)
    assert found == content
    assert type(found) is type(content)


@given(
    number=st.sampled_from(["<f8", "<f4", ">f8", "<i8", "<i4", "u1", "?"]).flatmap(
        lambda dtype: arrays.from_dtype(np.dtype(dtype), allow_nan=False)
    ),
    protocol=st.sampled_from(PROTOCOLS),
)
def test_numbers_of_numpy_are_read_as_they_were_written(number, protocol):
    found = read({"params": number}, protocol)["params"]
    assert (found, found.dtype) == (number, number.dtype)


@given(
    array=arrays.arrays(
        st.sampled_from(["<f8", ">f4", "<i8", "u1", "<U3", "S2"]).map(np.dtype),
        arrays.array_shapes(min_side=0, max_dims=3),
        elements={"allow_nan": False},
    ),
    protocol=st.sampled_from(PROTOCOLS),
)
def test_arrays_are_read_as_they_were_written(array, protocol):
    found = read([array, np.asfortranarray(array)], protocol)
    for each in found:
        np.testing.assert_array_equal(each, array)
        assert each.dtype == array.dtype.newbyteorder("=")


def test_names_from_before_numpy_2_are_known(tmp_path):
    written = pickle.dumps(np.float64(2.5), protocol=2)
    assert Plain(io.BytesIO(written.replace(b"numpy._core", b"numpy.core"))).load() == 2.5


class Hostile:
    """Whoever unpickles it calls something."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, *PROTOCOLS, 5])
@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (os.system, ("touch {path}",)),
        (open, ("{path}", "w")),
        (eval, ("open({path!r}, 'w')",)),
        (getattr, (dict, "fromkeys")),
        (np.save, ("{path}", 1)),
        (np.fromfile, ("{path}",)),
    ],
)
def test_a_hostile_pickle_does_not_execute(tmp_path, function, arguments, protocol):
    victim, path = tmp_path / "victim", tmp_path / "000000.pickle.pbz2"
    filled = [a.format(path=str(victim)) if isinstance(a, str) else a for a in arguments]
    content = {"12": Hostile(function, *filled)}
    path.write_bytes(bz2.compress(pickle.dumps(content, protocol=protocol)))
    with pytest.raises(DataError, match=r"000000\.pickle\.pbz2: .*asks for .*no plain data"):
        load_bz2(path)
    assert not victim.exists()


@pytest.mark.parametrize(
    "content",
    [
        np.array([{}], dtype=object),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        np.datetime64("2020-01-01"),
    ],
    ids=["objects", "fields", "dates"],
)
def test_arrays_that_are_no_plain_numbers_are_refused(tmp_path, content):
    path = tmp_path / "some.pickle.pbz2"
    path.write_bytes(bz2.compress(pickle.dumps(content, protocol=4)))
    with pytest.raises(DataError, match="asks for NumPy's type"):
        load_bz2(path)


@pytest.mark.parametrize(
    ("raw", "wrong"),
    [
        (pickle.dumps(1) + pickle.dumps(2), "more follows"),
        (b"\x80\x02K\x01Q.", "holds tensors"),  # BINPERSID
        (b"\x80\x02c_codecs\nencode\nU\x01aU\x03rot\x86R.", "holds bytes as 'rot'"),
    ],
)
def test_what_is_more_than_one_pickle_of_plain_data_is_refused(tmp_path, raw, wrong):
    path = tmp_path / "some.pickle.pbz2"
    path.write_bytes(bz2.compress(raw))
    with pytest.raises(DataError, match=wrong):
        load_bz2(path)


def test_what_a_pickle_changes_does_not_reach_the_next():
    # BUILD with the state (None, {"__defaults__": ()}) sets an attribute of what is below it
    change = b"\x80\x02cnumpy.core.multiarray\nscalar\nN}U\x0c__defaults__)s\x86b."
    changed = Plain(io.BytesIO(change)).load()
    assert changed.__defaults__ == ()
    assert Plain(io.BytesIO()).find_class("numpy.core.multiarray", "scalar").__defaults__ is None
    assert read(np.float64(2.5)) == 2.5


def test_memory_that_is_not_there_is_not_read(tmp_path):
    """An array whose state says more numbers than there are bytes, or a scalar without any."""
    whole = pickle.dumps(np.arange(4.0), protocol=2)
    short = whole.replace(b"K\x04\x85", b"K\x7f\x85")
    assert short != whole
    path = tmp_path / "some.pickle.pbz2"
    path.write_bytes(bz2.compress(short))
    with pytest.raises(DataError, match="cannot be read"):
        load_bz2(path)


@given(where=st.integers(0, 400), byte=st.integers(0, 255))
def test_a_damaged_pickle_gives_one_kind_of_error(tmp_path_factory, where, byte):
    raw = bytearray(pickle.dumps({"a": [1.5, np.arange(3.0), "text"] * 4, ("b", 2): {3, 4}}))
    raw[where % len(raw)] = byte
    path = tmp_path_factory.mktemp("damaged") / "some.pickle.pbz2"
    path.write_bytes(bz2.compress(bytes(raw)))
    with suppress(DataError):
        load_bz2(path)


@pytest.mark.parametrize(
    "raw",
    [b"", b"<html>Sign in</html>", bz2.compress(pickle.dumps([1.0] * 9))[:-9], bz2.compress(b"")],
    ids=["empty", "a page", "cut off", "nothing compressed"],
)
def test_a_file_of_something_else_is_refused(tmp_path, raw):
    path = tmp_path / "meta.pickle.pbz2"
    path.write_bytes(raw)
    with pytest.raises(DataError, match=rf"{re.escape(str(path))}: cannot be read: .* fetch"):
        load_bz2(path)


def write_old_torch(path, content, magic=0x1950A86A20F9469CFC6C):
    """As `torch.save` did before version 1.6: five pickles, one behind the other."""
    with path.open("wb") as stream:
        for part in (magic, 1001, {"little_endian": True}, content, []):
            pickle.dump(part, stream, protocol=2)


def write_new_torch(path, content):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(content, protocol=2))
        archive.writestr("archive/version", "3\n")


CONTENT = {"meta_archs": ["a", "b"], "evaluated_indexes": {0, 1}, "params": np.float64(0.5)}


@pytest.mark.parametrize("write", [write_old_torch, write_new_torch])
def test_files_of_pytorch_are_read_without_it(tmp_path, write):
    path = tmp_path / "some.pth"
    write(path, CONTENT)
    assert load_torch(path) == CONTENT


@pytest.mark.parametrize("new", [False, True])
def test_what_pytorch_writes_is_read(tmp_path, new):
    torch = pytest.importorskip("torch")
    path = tmp_path / "some.pth"
    torch.save(CONTENT, path, _use_new_zipfile_serialization=new)
    assert load_torch(path) == CONTENT
    torch.save(CONTENT | {"weights": torch.zeros(2)}, path, _use_new_zipfile_serialization=new)
    with pytest.raises(DataError, match=r"asks for torch|holds tensors"):
        load_torch(path)


@pytest.mark.parametrize("write", [write_old_torch, write_new_torch])
def test_a_hostile_file_of_pytorch_does_not_execute(tmp_path, write):
    victim, path = tmp_path / "victim", tmp_path / "some.pth"
    write(path, Hostile(os.system, f"touch {victim}"))
    with pytest.raises(DataError, match="no plain data"):
        load_torch(path)
    assert not victim.exists()


def test_another_beginning_is_no_file_of_pytorch(tmp_path):
    path = tmp_path / "some.pth"
    write_old_torch(path, CONTENT, magic=7)
    with pytest.raises(DataError, match="does not begin as a file of PyTorch does"):
        load_torch(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("something else", "")
    with pytest.raises(DataError, match="cannot be read"):
        load_torch(path)
