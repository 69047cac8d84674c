"""The closed loop: a number of workers, each with one request in flight, until the time is up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Request = Callable[[str], Awaitable[str]]

WARM_UP_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Job:
    """What one slice of measurement does. `warm_up_seconds` of the same load come first and are not counted."""

    in_flight: int
    payload_bytes: int
    seconds: float
    warm_up_seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: the time from the first request to the last reply, and the latency of every request."""

    elapsed_seconds: float
    latencies_ns: list[int]


class WrongReply(Exception):
    """A reply that is not what was sent."""


async def closed_loop(request: Request, job: Job) -> Outcome:
    """Run one slice. A worker that started finishes its request, so every worker makes at least one.

    Raises:
        WrongReply: a reply differs from its request. Every worker sends a text of its own, so a mix-up shows.
    """
    texts = [f"{worker:08d}".ljust(job.payload_bytes, "x") for worker in range(job.in_flight)]
    warm_up_workers = max(1, WARM_UP_BYTES // job.payload_bytes)
    await _run(request, texts[:warm_up_workers], job.warm_up_seconds)
    return await _run(request, texts, job.seconds)


async def _run(request: Request, texts: list[str], seconds: float) -> Outcome:
    latencies: list[int] = []
    started = time.perf_counter_ns()
    deadline = started + round(seconds * 1e9)
    async with asyncio.TaskGroup() as group:
        for text in texts:
            group.create_task(_work(request, text, deadline, latencies))
    return Outcome((time.perf_counter_ns() - started) / 1e9, latencies)


async def _work(request: Request, text: str, deadline: int, latencies: list[int]) -> None:
    now = 0
    while now < deadline:
        sent = time.perf_counter_ns()
        reply = await request(text)
        now = time.perf_counter_ns()
        latencies.append(now - sent)
        if reply != text:
            raise WrongReply(f"sent {len(text)} characters starting {text[:8]}, got {len(reply)} starting {reply[:8]}")
