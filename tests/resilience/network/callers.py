"""A caller in a process of its own, on whatever host."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call went: `error` is the name of the error's class, "" when there was an answer."""

    seconds: float
    error: str
    text: str
    message: str
    metadata: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How many calls went: `errors` by the name of the class, `seconds` that each answer took, sorted."""

    errors: dict[str, int]
    seconds: list[float]
    elapsed: float


class Caller:
    """A GenesisInterface in another process, steered by the test."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._ready = self._expect(0)
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, command_prefix: Sequence[str], environment: Mapping[str, str]) -> Caller:
        """Start the process; returns when it is on the bus."""
        process = await asyncio.create_subprocess_exec(
            *(*command_prefix, sys.executable, "-m", "tests.resilience.network.caller_process"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment},
            limit=2**24,
        )
        caller = cls(process)
        await caller._ready
        return caller

    async def call(self, target: str, message: str, timeout_seconds: float = 10.0) -> Outcome:
        """One call."""
        answer = await self._do("call", target=target, message=message, timeout_seconds=timeout_seconds)
        return Outcome(
            answer["seconds"],
            answer["error"],
            answer.get("text", ""),
            answer.get("message", ""),
            answer.get("metadata", {}),
        )

    async def calls(
        self, target: str, number: int, concurrency: int, timeout_seconds: float = 30.0, *, label: str = "call"
    ) -> Outcomes:
        """Calls with the messages "call 0", "call 1" and so on, so many at a time."""
        answer = await self._do(
            "calls", target=target, label=label, number=number, concurrency=concurrency, timeout_seconds=timeout_seconds
        )
        return Outcomes(answer["errors"], answer["seconds"], answer["elapsed"])

    async def call_function(self, target: str, name: str, timeout_seconds: float, **arguments: Any) -> Any:
        """Call a function of an agent; what it returns."""
        answer = await self._do(
            "function", target=target, name=name, timeout_seconds=timeout_seconds, arguments=arguments
        )
        return answer["result"]

    async def finds(self, target: str, timeout_seconds: float = PATIENCE_SECONDS) -> float | None:
        """Wait for an agent: the seconds it took, None when it did not come."""
        answer = await self._do("wait for agent", target=target, timeout_seconds=timeout_seconds)
        return float(answer["seconds"]) if answer["happened"] else None

    async def loses(self, agent_id: str, count: int = 1) -> float:
        """Wait until the agent has departed so many times: the seconds it took."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return float((await self._do("wait for departure", agent_id=agent_id, count=count))["seconds"])

    async def departures(self) -> int:
        """How many departures of agents it has seen."""
        return int((await self._do("departures"))["departures"])

    async def end(self) -> None:
        """Kill it."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._listening

    async def _do(self, what: str, **arguments: Any) -> dict[str, Any]:
        number = next(self._numbers)
        answer = self._expect(number)
        assert self._process.stdin is not None
        self._process.stdin.write((json.dumps({"number": number, "do": what, "arguments": arguments}) + "\n").encode())
        return await answer

    def _expect(self, number: int) -> asyncio.Future[dict[str, Any]]:
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        return future

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            answer = json.loads(line)
            self._waiting.pop(answer["number"]).set_result(answer)
        for future in self._waiting.values():
            future.set_exception(EOFError("the caller's process has ended"))
