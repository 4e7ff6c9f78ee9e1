import base64
import json

import numpy as np
import pytest

from archbo.bench.published.nasbench101 import read_metrics, read_nasbench101, wire
from archbo.errors import DataError

THREE, ONE = "conv3x3-bn-relu", "conv1x1-bn-relu"
SMALL = ("5" * 32, ["010", "001", "000"], ["input", "maxpool3x3", "output"])
LARGE = (
    "ab" * 16,
    ["0110001", "0001000", "0000100", "0000010", "0000001", "0000001", "0000000"],
    ["input", THREE, ONE, "maxpool3x3", ONE, THREE, "output"],
)
EDGE = ("0" * 32, ["01", "00"], ["input", "output"])


def written(formats, path, records):
    path.write_bytes(b"".join(map(formats.frame, records)))
    return path


def test_cells_are_read_as_they_were_written(formats, tmp_path):
    records = [formats.training(cell, params=k) for k, cell in enumerate((SMALL, LARGE, EDGE))]
    table = read_nasbench101(written(formats, tmp_path / "some.tfrecord", records))
    assert table["hash"].astype(str).tolist() == [SMALL[0], LARGE[0], EDGE[0]]
    assert table["params"].tolist() == [0, 1, 2]
    assert table["n_vertices"].tolist() == [3, 7, 2]
    assert table["ops"].tolist() == [
        [-1, 2, -2, -9, -9, -9, -9],
        [-1, 0, 1, 2, 1, 0, -2],
        [-1, -2, -9, -9, -9, -9, -9],
    ]
    for matrix, (_, rows, _) in zip(table["adjacency"], (SMALL, LARGE, EDGE), strict=True):
        padded = np.zeros((7, 7), dtype=int)
        padded[: len(rows), : len(rows)] = [[int(bit) for bit in row] for row in rows]
        assert matrix.tolist() == padded.tolist()


def test_trainings_of_a_cell_stand_side_by_side_in_any_order_of_records(formats, tmp_path):
    rng = np.random.default_rng(0)
    given = [(c, e, *rng.random(3)) for c in (0, 1) for e in (4, 12, 36, 108) for _ in range(3)]
    del given[-1]  # one cell was trained once less
    order = rng.permutation(len(given))
    cells = SMALL, LARGE
    records = [
        formats.training(
            cells[c], epochs=e, seconds=1000 * seconds, validation=validation, test=test
        )
        for c, e, seconds, validation, test in (given[k] for k in order)
    ]
    table = read_nasbench101(written(formats, tmp_path / "some.tfrecord", records))
    assert table["epochs"].tolist() == [4, 12, 36, 108]
    names = table["hash"].astype(str).tolist()
    for c, cell in enumerate(cells):
        row = names.index(cell[0])
        for e, epochs in enumerate((4, 12, 36, 108)):
            found = np.stack(
                [table[key][row, e] for key in ("seconds", "val_seeds", "test_seeds")], axis=-1
            )
            wanted = [given[k] for k in order if given[k][:2] == (c, epochs)]
            wanted = [(1000 * seconds, *rest) for _, _, seconds, *rest in wanted]
            np.testing.assert_allclose(found[: len(wanted)], wanted, rtol=1e-6)
            assert np.isnan(found[len(wanted) :]).all()


def test_the_protocol_buffer_of_a_training_is_that_of_its_end(formats):
    found = read_metrics(formats.metrics(108, 1234.5, 0.93, 0.92, 49_979_274))
    assert found == (0.93, 0.92, 1234.5, 49_979_274)


def test_a_protocol_buffer_may_have_fields_that_nobody_asked_for(formats):
    unknown = formats.varint(9 << 3 | 5) + b"four" + formats.varint(4000 << 3) + b"\xff\x01"
    found = read_metrics(formats.metrics(108, 1.0, 0.5, 0.25, 7) + unknown)
    assert found == (0.5, 0.25, 1.0, 7)


def test_the_examples_of_the_wire_format_are_read():
    """From the page on encoding of Protocol Buffers."""
    assert wire(bytes.fromhex("08 96 01")) == {1: 150}
    assert wire(bytes.fromhex("12 07 74 65 73 74 69 6e 67")) == {2: b"testing"}
    assert wire(bytes.fromhex("1a 03 08 96 01")) == {3: bytes.fromhex("08 96 01")}
    assert wire(b"") == {}


@pytest.mark.parametrize(
    ("message", "wrong"),
    [
        (b"\x08", "cut off"),
        (b"\x08\x96", "cut off"),
        (b"\x12\x05four", "cut off"),
        (b"\x09" + bytes(7), "cut off"),
        (b"\x0b", "kind 3"),
        (b"\x0a\x00", "no count of parameters as field 2"),
        (b"\x0a\x00\x10\x05", "no bytes as field 4"),
        (b"\x08\x01\x10\x05", "no bytes as field 1"),
        (b"\x0a\x00\x10" + b"\xff" * 9 + b"\x01", "no count of parameters"),
        (b"\x0a\x03\x22\x01x\x10\x05", "has 1 bytes, not 8"),
        (b"\x10\x05", "no bytes as field 1"),
    ],
)
def test_a_damaged_protocol_buffer_is_told_apart(message, wrong):
    with pytest.raises(ValueError, match=wrong):
        read_metrics(message)


def test_every_cut_of_a_protocol_buffer_is_refused(formats):
    whole = formats.metrics(108, 1.0, 0.5, 0.25, 300)
    needed = len(whole) - 9  # the last field is not asked for
    for length in range(needed):
        with pytest.raises(ValueError, match="protocol buffer"):
            read_metrics(whole[:length])


def changed(formats, **changes):
    """A record whose parts are changed, by name."""
    names = ("name", "epochs", "matrix", "ops", "metrics")
    parts = dict(zip(names, json.loads(formats.training(SMALL)), strict=True))
    return json.dumps([*(parts | changes).values()]).encode()


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"metrics": "no base64"}, "record 1 is no training"),
        ({"metrics": base64.b64encode(b"\x08").decode()}, "record 1 is no training: .*cut off"),
        ({"metrics": None}, "record 1 is no training"),
        ({"epochs": "108"}, "record 1 is no training"),
        ({"epochs": 10**30}, "record 1 is no training"),
        ({"more": 1}, "record 1 is no training"),
        ({"name": 7}, "record 1 is no training"),
        ({"name": "ä"}, "record 1 is no training"),
        (
            {"name": "x", "matrix": "0100"},
            "the cell 'input,maxpool3x3,output' has the matrix '0100'",
        ),
        ({"name": "x", "matrix": "010001002"}, "the cell .* has the matrix"),
        ({"name": "x", "matrix": "010001100"}, "a cell has an edge backwards"),
        ({"name": "x", "ops": "input,max_pool,output"}, "no operation 'max_pool'.*'maxpool3x3"),
        ({"name": "x", "ops": "output,input"}, "expected at most 7 operations from input"),
        ({"name": "x", "ops": "input"}, "expected at most 7 operations"),
        (
            {"name": "x", "ops": ",".join(["input", *["maxpool3x3"] * 6, "output"])},
            "expected at most 7",
        ),
    ],
)
def test_a_record_of_something_else_is_named(formats, tmp_path, changes, wrong):
    records = [formats.training(LARGE), changed(formats, **changes)]
    path = written(formats, tmp_path / "some.tfrecord", records)
    with pytest.raises(DataError, match=rf"some\.tfrecord: {wrong}"):
        read_nasbench101(path)


@pytest.mark.parametrize("record", [b"", b"{}", b"[1, 2", b"\xff\xfe", b"null"])
def test_records_that_are_no_list_are_named(formats, tmp_path, record):
    path = written(formats, tmp_path / "some.tfrecord", [record])
    with pytest.raises(DataError, match="record 0 is no training"):
        read_nasbench101(path)


def test_a_file_without_records_is_refused(tmp_path):
    path = tmp_path / "some.tfrecord"
    path.touch()
    with pytest.raises(DataError, match="there is no record in it"):
        read_nasbench101(path)
