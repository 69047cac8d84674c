"""What the system says of a process."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a process holds: memory in bytes (resident), open files, threads."""

    memory: int
    files: int
    threads: int


def footprint(pid: int) -> Footprint:
    """Of a process that runs."""
    folder = Path(f"/proc/{pid}")
    pages = int((folder / "statm").read_text().split()[1])
    return Footprint(
        pages * resource.getpagesize(), len(list((folder / "fd").iterdir())), len(list((folder / "task").iterdir()))
    )


def megabytes(size: int) -> str:
    """A size in words."""
    return f"{size / 1e6:.1f} MB"
