"""Calls that carry prepared audio: what the room alone adds and costs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from benchmarks.processes import Child, child
from benchmarks.voice.cost import cpu_seconds, memory_bytes
from genesis_lib.testing.domains import free_domain

_TURN_SECONDS = 5


@dataclass(frozen=True, slots=True)
class RoomFigures:
    """So many calls at once, audio only. Gaps in seconds; CPU in seconds per second of one call; memory of one call in
    bytes, both sides; `frames_not_played` and `frames_awaited` in all calls together."""

    calls: int
    gaps: list[float]
    cpu_per_call: float
    memory_per_call: int
    frames_sent: int
    frames_not_played: int
    frames_awaited: int


async def measure_rooms(calls: int, turns: int) -> RoomFigures:
    """Hold so many calls at once, in rooms of their own on one domain.

    Raises:
        ChildFailed: a side ended or did not answer.
    """
    with free_domain() as domain:
        environment = os.environ | {"GENESIS_DOMAIN_ID": str(domain), "GENESIS_INTERFACES": "lo"}
        async with AsyncExitStack() as stack:
            starting = [
                _side(stack, environment, f"room {number}", side, turns)
                for number in range(calls)
                for side in ("a", "b")
            ]
            sides = await asyncio.gather(*starting)
            pids = [side.pid for side in sides]
            loop = asyncio.get_running_loop()
            began, cpu = loop.time(), cpu_seconds(pids)
            talking = [asyncio.ensure_future(side.ask({}, 60 + turns * _TURN_SECONDS)) for side in sides]
            await asyncio.sleep(turns)  # in the midst of the calls
            memory = memory_bytes(pids)
            used, lasted = cpu_seconds(pids) - cpu, loop.time() - began
            answers = await asyncio.gather(*talking)
    return RoomFigures(
        calls,
        sorted(gap for answer in answers for gap in answer["gaps"]),
        used / lasted / calls,
        memory // calls,
        *(sum(answer[name] for answer in answers) for name in ("frames_sent", "frames_not_played", "frames_awaited")),
    )


async def _side(stack: AsyncExitStack, environment: Mapping[str, str], room: str, side: str, turns: int) -> Child:
    first = ["--first"] if side == "a" else []
    module = "benchmarks.voice.talker"
    return await stack.enter_async_context(child(module, room, side, str(turns), *first, environment=environment))
