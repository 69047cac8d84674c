"""Agents of the soak: they serve and make every kind of traffic for as long as they are told."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from genesis_lib import GenesisAgent, GenesisError, MonitoredAgent, genesis_function

CALLERS_AT_ONCE = 6
_TIMEOUT_SECONDS = 5.0
_OVERDUE_SECONDS = 2.0


class SoakWorker(MonitoredAgent):
    """`echo ...` answers and is counted, `hang` never answers, `count` says how many echoes there were."""

    def __init__(self, **options: Any) -> None:
        super().__init__("SoakWorker", "SoakService", enable_agent_communication=True, **options)
        self._echoes = 0

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        match request["message"]:
            case "hang":
                await asyncio.Event().wait()
            case "count":
                return {"message": str(self._echoes)}
            case "fail":
                raise ValueError("as told")
        self._echoes += 1
        return {"message": request["message"], "attachments": request["attachments"]}

    @genesis_function
    async def add(self, a: int, b: int) -> int:
        """Add two whole numbers."""
        return a + b


class SoakStreamer(GenesisAgent):
    """Streams 200 parts."""

    def __init__(self, **options: Any) -> None:
        super().__init__("SoakStreamer", "SoakStreamService", enable_agent_communication=True, **options)

    async def process_agent_request(self, request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:  # type: ignore[override]
        for number in range(200):
            yield {"message": f"{number} {'x' * 1000}"}


class SoakCaller(MonitoredAgent):
    """`SECONDS ECHOERS...` calls for so long; metadata of the reply: `sent` echoes by agent, `answered`, and `outcomes`."""

    def __init__(self, **options: Any) -> None:
        super().__init__("SoakCaller", enable_agent_communication=True, **options)
        self._sent: Counter[str] = Counter()
        self._answered: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        seconds, *workers = request["message"].split()
        loop = asyncio.get_running_loop()
        end = loop.time() + float(seconds)
        kinds: list[Callable[[str], Awaitable[None]]] = [
            *[self._echo] * 8,
            *[self._function, self._batch, self._stream, self._part_of_a_stream, self._fail, self._time_out],
            *[self._cancel, self._visitor, self._nobody, self._broadcast],
        ]

        async def work(number: int) -> None:
            chance = random.Random(number)
            while loop.time() < end:
                kind = chance.choice(kinds)
                started = loop.time()
                try:
                    await kind(chance.choice(workers))
                    outcome = "fine"
                except (GenesisError, AssertionError) as error:
                    outcome = type(error).__name__
                self._outcomes[f"{kind.__name__.strip('_')}: {outcome}"] += 1
                if loop.time() - started > _TIMEOUT_SECONDS + _OVERDUE_SECONDS:
                    self._outcomes["overdue"] += 1

        async with asyncio.TaskGroup() as group:
            for number in range(CALLERS_AT_ONCE):
                group.create_task(work(number))
        return {
            "message": "",
            "metadata": {
                "sent": dict(self._sent),
                "answered": dict(self._answered),
                "outcomes": dict(self._outcomes),
            },
        }

    async def _echo(self, worker: str) -> None:
        text = "x" * random.choice((10, 1000, 50_000))
        self._sent[worker] += 1
        reply = await self.request_agent(worker, f"echo {text}", timeout_seconds=_TIMEOUT_SECONDS)
        assert reply["message"] == f"echo {text}"
        self._answered[worker] += 1

    async def _function(self, worker: str) -> None:
        assert await self.call_function(worker, "add", timeout_seconds=_TIMEOUT_SECONDS, a=1, b=2) == 3

    async def _batch(self, worker: str) -> None:
        self._sent[worker] += 5
        replies = await self.send_agent_batch(worker, [f"echo {n}" for n in range(5)], _TIMEOUT_SECONDS)
        assert [reply["message"] for reply in replies] == [f"echo {n}" for n in range(5)]
        self._answered[worker] += 5

    async def _stream(self, worker: str) -> None:
        parts = [part async for part in self.stream_agent_request("streamer", "", timeout_seconds=_TIMEOUT_SECONDS)]
        assert len(parts) == 200

    async def _part_of_a_stream(self, worker: str) -> None:
        stream = self.stream_agent_request("streamer", "", timeout_seconds=_TIMEOUT_SECONDS)
        await anext(stream)
        await stream.aclose()

    async def _fail(self, worker: str) -> None:
        await self.request_agent(worker, "fail", timeout_seconds=_TIMEOUT_SECONDS)

    async def _time_out(self, worker: str) -> None:
        await self.request_agent(worker, "hang", timeout_seconds=0.02)

    async def _cancel(self, worker: str) -> None:
        call = asyncio.ensure_future(self.request_agent(worker, "hang", timeout_seconds=_TIMEOUT_SECONDS))
        await asyncio.sleep(0.005)
        call.cancel()
        await asyncio.wait([call])

    async def _visitor(self, worker: str) -> None:
        await self.request_agent("visitor", "echo", timeout_seconds=_TIMEOUT_SECONDS)

    async def _nobody(self, worker: str) -> None:
        await self.request_agent("nobody", "echo", timeout_seconds=_TIMEOUT_SECONDS)

    async def _broadcast(self, worker: str) -> None:
        await self.broadcast_to_agents("count", timeout_seconds=0.5)
