"""TFRecord files: any number of byte strings, each with checksums.

A record is its length (8 bytes, little-endian), the masked CRC32C of these 8 bytes, the data, and
the masked CRC32C of the data. Both checksums of every record are checked, of many records at once.
Source: tensorflow/core/lib/io/record_writer.h; RFC 3720, appendix B.4 (CRC32C).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from struct import Struct

import numpy as np

from archbo.arrays import Array
from archbo.errors import DataError

_POLYNOMIAL = 0x82F63B78  # of Castagnoli, its bits reversed
_MASK = np.uint32(0xA282EAD8)
_LENGTH = Struct("<Q")
_HEADER, _FRAME = 12, 16  # bytes before the data, and around it
_AT_ONCE = 2**22  # bytes that are checked together


def read_records(path: Path) -> Iterator[bytes]:
    """The data of each record, in the order of the file, which is read bit by bit.

    Raises:
        DataError: if a record is cut off, or its bytes are not those that were written.
    """
    if not path.stat().st_size:
        return  # nothing can be mapped
    data = np.memmap(path, dtype=np.uint8, mode="r")
    begin = 0
    while begin < len(data):
        starts, lengths = _whole(data.data, begin)
        if not len(starts):
            raise _cut_off(data, begin, path)
        end = int(starts[-1] + lengths[-1]) + _FRAME - _HEADER
        part = np.array(data[begin:end])
        _check(part, starts - begin, lengths, begin, path)
        raw = part.tobytes()
        for start, length in zip((starts - begin).tolist(), lengths.tolist(), strict=True):
            yield raw[start : start + length]
        begin = end


def _whole(data: memoryview, at: int) -> tuple[Array, Array]:
    """Where the data of the next records begin, and how long they are."""
    starts, lengths = [], []
    limit = at + _AT_ONCE
    while at < limit and at + _HEADER <= len(data):
        length = _LENGTH.unpack_from(data, at)[0]
        if at + length + _FRAME > len(data):
            break
        starts.append(at + _HEADER)
        lengths.append(length)
        at += length + _FRAME
    return np.array(starts, dtype=np.int64), np.array(lengths, dtype=np.int64)


def _cut_off(data: Array, at: int, path: Path) -> DataError:
    """Why no whole record begins here: its length is damaged, or the file ends too early."""
    header = np.array(data[at : at + _HEADER])
    size = np.array([_LENGTH.size])
    here = np.array([0])
    if len(header) == _HEADER and masked(checksums(header, here, size)) != _stored(header, size):
        return _damaged(at, path)
    return DataError(
        f"the record at byte {at} goes on behind the end of the file, byte {len(data)}",
        path=str(path),
        hint="Not all of it is here: fetch it again.",
    )


def _damaged(at: int, path: Path) -> DataError:
    return DataError(
        f"the record at byte {at} is damaged: its checksum is another",
        path=str(path),
        hint="Is it a TFRecord file? Fetch it again.",
    )


def _check(part: Array, starts: Array, lengths: Array, begin: int, path: Path) -> None:
    """Compare the checksums of all records.

    Raises:
        DataError: at the first that differs.
    """
    headers = starts - _HEADER
    whole = masked(checksums(part, headers, np.full(len(starts), _LENGTH.size)))
    right = whole == _stored(part, headers + _LENGTH.size)
    if right.all():
        right = masked(checksums(part, starts, lengths)) == _stored(part, starts + lengths)
    if not right.all():
        raise _damaged(begin + int(headers[right.argmin()]), path)


def _stored(part: Array, at: Array) -> Array:
    """The four bytes at each place as a number."""
    return part[at[:, None] + np.arange(4)].view("<u4")[:, 0]


def masked(crc: Array) -> Array:
    """The form in which TFRecord files hold a CRC32C."""
    return ((crc >> np.uint32(15)) | (crc << np.uint32(17))) + _MASK


def checksums(data: Array, starts: Array, lengths: Array) -> Array:
    """The CRC32C of pieces of some bytes, all pieces a byte further at once, [n] uint32.

    >>> digits = np.frombuffer(b"123456789", dtype=np.uint8)
    >>> hex(checksums(digits, np.array([0]), np.array([9]))[0])
    '0xe3069283'
    """
    longest = np.argsort(-lengths, kind="stable")
    at, ends = starts[longest], np.sort(-lengths)
    crc = np.full(len(starts), 0xFFFFFFFF, dtype=np.uint32)
    for k in range(int(lengths.max(initial=0))):
        going = crc[: np.searchsorted(ends, -k)]
        byte = (going ^ data[at[: len(going)] + k]) & np.uint32(0xFF)
        going >>= np.uint32(8)
        going ^= _TABLE[byte]
    found = np.empty_like(crc)
    found[longest] = ~crc
    return found


def _table() -> Array:
    """What each byte does to a CRC32C."""
    rows = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        rows = np.where(rows & 1, (rows >> 1) ^ np.uint32(_POLYNOMIAL), rows >> 1)
    return rows.astype(np.uint32)


_TABLE = _table()
