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
_AT_ONCE = 2**22  # bytes that are read and checked together


def read_records(path: Path) -> Iterator[bytes]:
    """The data of each record, in the order of the file, of which little is in memory at once.

    Raises:
        DataError: if a record is cut off, or its bytes are not those that were written.
    """
    size, begin = path.stat().st_size, 0
    with path.open("rb") as stream:
        while begin < size:
            stream.seek(begin)
            raw = stream.read(_AT_ONCE)
            starts, lengths = _whole(raw)
            if not len(starts):
                raw += stream.read(_missing(raw, begin, size, path))
                starts, lengths = _whole(raw)
            _check(np.frombuffer(raw, dtype=np.uint8), starts, lengths, begin, path)
            for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
                yield raw[start : start + length]
            begin += int(starts[-1] + lengths[-1]) + _FRAME - _HEADER


def _whole(raw: bytes) -> tuple[Array, Array]:
    """Where the data of the records that are here as a whole begin, and how long they are."""
    starts, lengths, at = [], [], 0
    while at + _HEADER <= len(raw):
        length = _LENGTH.unpack_from(raw, at)[0]
        if at + length + _FRAME > len(raw):
            break
        starts.append(at + _HEADER)
        lengths.append(length)
        at += length + _FRAME
    return np.array(starts, dtype=np.int64), np.array(lengths, dtype=np.int64)


def _missing(raw: bytes, begin: int, size: int, path: Path) -> int:
    """How much of the first record is still to be read.

    Raises:
        DataError: if the file does not have it, or its length is damaged.
    """
    length = len(raw)
    if len(raw) >= _HEADER:
        header, here = np.frombuffer(raw[:_HEADER], dtype=np.uint8), np.array([0])
        eight = np.array([_LENGTH.size])
        if masked(checksums(header, here, eight)) != _stored(header, eight):
            raise _damaged(begin, path)
        length = _LENGTH.unpack_from(raw)[0]
    if begin + length + _FRAME > size:
        raise DataError(
            f"the record at byte {begin} goes on behind the end of the file, byte {size}",
            path=str(path),
            hint="Not all of it is here: fetch it again.",
        )
    return length + _FRAME - len(raw)


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
