"""What processes cost, those included that they have started."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable, Iterator
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU time so far, in seconds."""
    ticks = 0
    for pid in _with_children(pids):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS_PER_SECOND


def memory_bytes(pids: Iterable[int]) -> int:
    """Memory that belongs to these processes and to no other: resident without what is shared with files."""
    pages = 0
    for pid in _with_children(pids):
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
        pages += int(resident) - int(shared)
    return pages * resource.getpagesize()


def _with_children(pids: Iterable[int]) -> Iterator[int]:
    for pid in pids:
        yield pid
        for task in Path(f"/proc/{pid}/task").iterdir():
            yield from _with_children(int(child) for child in (task / "children").read_text(encoding="ascii").split())
