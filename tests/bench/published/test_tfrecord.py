import re
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbo.bench.published.tfrecord import checksums, masked, read_records
from archbo.errors import DataError


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(reversed(range(32))), 0x113FDB5C),
        (b"", 0),
    ],
)
def test_the_checksum_has_the_values_of_rfc_3720(data, crc):
    found = checksums(np.frombuffer(data, np.uint8), np.array([0]), np.array([len(data)]))
    assert found.tolist() == [crc]


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=8))
def test_pieces_of_any_lengths_have_the_checksums_that_each_has_alone(formats, pieces):
    lengths = np.array([len(piece) for piece in pieces])
    data = np.frombuffer(b"".join(pieces), np.uint8)
    found = checksums(data, np.cumsum(lengths) - lengths, lengths)
    assert found.tolist() == [formats.crc32c(piece) for piece in pieces]
    assert [struct.pack("<I", crc) for crc in masked(found)] == [
        formats.masked(piece) for piece in pieces
    ]


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_records_are_read_as_they_were_written(formats, tmp_path_factory, records):
    path = tmp_path_factory.mktemp("records") / "some.tfrecord"
    path.write_bytes(b"".join(map(formats.frame, records)))
    assert list(read_records(path)) == records


def test_records_are_read_piece_by_piece(formats, tmp_path, monkeypatch):
    monkeypatch.setattr("archbo.bench.published.tfrecord._AT_ONCE", 100)
    records = [bytes([k]) * k for k in range(60)]
    path = tmp_path / "some.tfrecord"
    path.write_bytes(b"".join(map(formats.frame, records)))
    assert list(read_records(path)) == records


@pytest.mark.parametrize("at", range(19))
def test_each_changed_byte_is_found_and_its_record_named(formats, tmp_path, at):
    path = tmp_path / "some.tfrecord"
    first = formats.frame(b"first")
    damaged = bytearray(formats.frame(b"two"))
    damaged[at] ^= 1
    path.write_bytes(first + damaged + formats.frame(b"third, and longer than the others" * 9))
    with pytest.raises(DataError, match=f"the record at byte {len(first)} "):
        list(read_records(path))


@pytest.mark.parametrize("length", range(1, 19))
def test_each_cut_is_found(formats, tmp_path, length):
    path = tmp_path / "some.tfrecord"
    first = formats.frame(b"first")
    path.write_bytes(first + formats.frame(b"two")[:length])
    wanted = f"{path}: the record at byte {len(first)} goes on behind the end of the file"
    with pytest.raises(DataError, match=re.escape(wanted)):
        list(read_records(path))


def test_a_length_beyond_all_memory_is_not_believed(formats, tmp_path):
    path = tmp_path / "some.tfrecord"
    length = struct.pack("<Q", 2**63)
    path.write_bytes(length + formats.masked(length) + b"few")
    with pytest.raises(DataError, match="goes on behind the end"):
        list(read_records(path))


def test_a_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "some.tfrecord"
    path.write_bytes(b"<!DOCTYPE html><html>Sign in to go on</html>")
    with pytest.raises(DataError, match=r"some\.tfrecord: .*[Ff]etch"):
        list(read_records(path))
