"""The measurements, each with fresh processes."""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import Child, ChildFailed, child

IMPORT = """
import json, sys, time
started = time.perf_counter()
{statement}
elapsed = time.perf_counter() - started
heavy = [name for name in ("cyclonedds", "rti", "openai", "aiohttp") if name in sys.modules]
print(json.dumps({{"seconds": elapsed, "heavy": heavy}}))
"""
STALL_SECONDS = 0.1
SWARM_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ImportTime:
    """Median seconds of a statement in a fresh process, and which of the heavy packages it loaded."""

    seconds: float
    heavy: list[str]


async def import_time(statement: str, runs: int) -> ImportTime:
    """Run the statement in `runs` fresh processes, after one that warms the file cache."""
    answers = [await _answer("-c", IMPORT.format(statement=statement), environment=None) for _ in range(runs + 1)][1:]
    return ImportTime(statistics.median(answer["seconds"] for answer in answers), answers[0]["heavy"])


@dataclass(frozen=True, slots=True)
class ColdStart:
    """Seconds from process start to the answer, and of the call alone."""

    start_to_answer_seconds: float
    call_seconds: float


async def cold_start(agent_id: str, environment: dict[str, str]) -> ColdStart:
    """Start a caller, let it call once.

    Raises:
        ChildFailed: the call was not answered.
    """
    spawned = time.monotonic()
    answer = await _answer("-m", "benchmarks.startup.caller", agent_id, environment=environment)
    return ColdStart(answer["answered_at"] - spawned, answer["call_seconds"])


@dataclass(frozen=True, slots=True)
class ColdStarts:
    """Many cold starts, one after the other. Stalls are first calls of 100 ms and more."""

    callers: int
    answered: int
    stalls: int
    median_call_seconds: float
    slowest_call_seconds: float
    failures: list[str]


async def cold_starts(
    agent_id: str, callers: int, environment: dict[str, str], on_progress: Callable[[int, int, int], None]
) -> ColdStarts:
    """`callers` cold starts; `on_progress` gets how many ran, were answered and stalled."""
    calls: list[float] = []
    failures: list[str] = []
    stalls = 0
    for number in range(1, callers + 1):
        try:
            calls.append((await cold_start(agent_id, environment)).call_seconds)
            stalls += calls[-1] >= STALL_SECONDS
        except ChildFailed as error:
            failures.append(f"caller {number}: {error}")
        on_progress(number, len(calls), stalls)
    return ColdStarts(callers, len(calls), stalls, statistics.median(calls or [0.0]), max(calls, default=0.0), failures)


@dataclass(frozen=True, slots=True)
class Swarm:
    """Seconds until every agent saw all others: since the first process was started, and since the last was ready."""

    agents: int
    processes: int
    since_start_seconds: float
    since_ready_seconds: float


async def swarm(processes: int, agents_each: int, environment: dict[str, str]) -> Swarm:
    """Start the processes at once.

    Raises:
        ChildFailed: one does not start, or does not see all others within a minute.
    """
    total = processes * agents_each
    arguments = ("benchmarks.startup.swarm", str(agents_each), str(total))
    started = time.monotonic()
    async with AsyncExitStack() as running:
        children: list[Child] = await asyncio.gather(
            *(running.enter_async_context(child(*arguments, environment=environment)) for _ in range(processes))
        )
        ready = time.monotonic()
        complete = [float(line) for line in await asyncio.gather(*(c.read_line(SWARM_SECONDS) for c in children))]
    return Swarm(total, processes, max(complete) - started, max(0.0, max(complete) - ready))


def resident_megabytes(pid: int) -> float:
    """Resident memory of a process in MB (10^6 bytes), from /proc."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise ChildFailed(f"process {pid} has ended")
    return int(found[1]) * 1024 / 1e6


async def _answer(*arguments: str, environment: dict[str, str] | None) -> Any:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await process.communicate()
    if process.returncode:
        lines = errors.decode(errors="replace").strip().splitlines()
        raise ChildFailed(f"ended with code {process.returncode}: {lines[-1] if lines else 'no error printed'}")
    return json.loads(output)
