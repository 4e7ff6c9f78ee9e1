"""How much memory trainings use: that of a process group, so with all that a training started."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from archbo.errors import ProblemError

_PROC = Path("/proc")

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_UNITS |= {f"{unit}I": 2 ** (10 * power) for power, unit in enumerate("KMGT", start=1)}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]I?)?B?\s*", re.IGNORECASE)


def as_bytes(size: object) -> int:
    """A number of bytes from one, or from a text such as "4GB" (10^9 each) or "4 GiB" (2^30).

    Raises:
        ProblemError: if it is neither.

    >>> as_bytes("1.5GB"), as_bytes("512 MiB"), as_bytes(1000)
    (1500000000, 536870912, 1000)
    """
    found = None
    if isinstance(size, str) and (match := _SIZE.fullmatch(size)):
        found = int(float(match[1]) * _UNITS[(match[2] or "").upper()])
    elif isinstance(size, (int, float)) and not isinstance(size, bool) and size < float("inf"):
        found = int(size)
    if found is None or found < 1:
        raise ProblemError(
            f'memory must be a positive number of bytes, or a text such as "4GB", got {size!r}'
        )
    return found


def in_words(size: int) -> str:
    """A number of bytes for people.

    >>> in_words(4_000_000_000), in_words(512_300_000)
    ('4 GB', '512 MB')
    """
    return f"{size / 1e9:.3g} GB" if size >= 1e9 else f"{size / 1e6:.3g} MB"


def check_measurable() -> None:
    """Refuse a limit where no memory can be measured.

    Raises:
        ProblemError: if the system has no /proc.
    """
    if not (_PROC / "self" / "statm").exists():
        raise ProblemError("a memory limit needs /proc, which Linux has", path="memory")


def used(groups: Iterable[int], enough: int) -> dict[int, int]:
    """How many bytes of memory process groups use, by the group's id.

    Resident memory, which counts what several processes share in each of them. Only where that
    comes to more than `enough` does each process get its share of it, which takes longer to find.
    """
    members: dict[int, list[Path]] = {group: [] for group in groups}
    for process, group in _processes():
        if group in members:
            members[group].append(process)
    found: dict[int, int] = defaultdict(int)
    for group, processes in members.items():
        found[group] = sum(map(_resident, processes))
        if found[group] > enough and len(processes) > 1:
            found[group] = sum(map(_proportional, processes))
    return found


def _processes() -> Iterator[tuple[Path, int]]:
    """All processes, each with the id of its group."""
    for process in _PROC.iterdir():
        if process.name.isdecimal():
            with suppress(OSError):  # it has ended meanwhile
                # what follows the name, which is in parentheses: state, parent, group, ...
                fields = (process / "stat").read_bytes().rpartition(b")")[2].split()
                yield process, int(fields[2])


def _resident(process: Path) -> int:
    found = _field(process / "status", b"VmRSS:")
    return 0 if found is None else found


def _proportional(process: Path) -> int:
    """Its own memory and its part of what it shares; the resident memory where that is hidden."""
    found = _field(process / "smaps_rollup", b"Pss:")
    return _resident(process) if found is None else found


def _field(file: Path, name: bytes) -> int | None:
    """A number of kB in a file of /proc, in bytes; None if there is none, or no such process."""
    with suppress(OSError):
        for line in file.read_bytes().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    return None
