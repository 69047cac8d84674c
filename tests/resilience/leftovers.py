"""What agents might leave behind in a process: threads, tasks, files, sockets, shared memory."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections import Counter
from pathlib import Path

_OWN = Path("/proc/self")
_SHARED_MEMORY = Path("/dev/shm")
_DDS_SEGMENTS = ("dds", "iox", "rti", "genesis")


def holdings() -> Counter[str]:
    """What this process holds, counted, the threads of C libraries included. To be called inside the event loop whose tasks
    count; the loop's own pool of threads does not."""
    gc.collect()
    return Counter(
        [
            *(f"thread {thread.name}" for thread in threading.enumerate() if not thread.name.startswith("asyncio_")),
            *(f"native thread {name}" for name in _native_threads()),
            *(f"task {task.get_name()}" for task in asyncio.all_tasks() if task is not asyncio.current_task()),
            *(f"file {_target(link)}" for link in (_OWN / "fd").iterdir()),
            *(f"mapped {name}" for name in _mapped_segments()),
            *(f"shared memory {name}" for name in shared_segments()),
        ]
    )


def shared_segments() -> set[str]:
    """Shared memory of DDS on this machine."""
    if not _SHARED_MEMORY.is_dir():
        return set()
    names = {path.name for path in _SHARED_MEMORY.iterdir()}
    return {name for name in names if any(word in name.lower() for word in _DDS_SEGMENTS)}


def _native_threads() -> list[str]:
    """Names of threads that are not Python's: those have the process's name."""
    own = (_OWN / "comm").read_text()
    names = [_read(task / "comm") for task in (_OWN / "task").iterdir()]
    return [name.strip() for name in names if name not in ("", own)]


def _mapped_segments() -> set[str]:
    return {line.split()[-1] for line in (_OWN / "maps").read_text().splitlines() if "/dev/shm/" in line}


def _target(link: Path) -> str:
    """What a descriptor stands for, without the number that tells two of a kind apart."""
    try:
        return str(link.readlink()).partition(":[")[0]
    except FileNotFoundError:  # the one that listed them
        return ""


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
