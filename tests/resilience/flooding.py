"""Agents of the tests of limits: one that measures what it executes, and a caller that sends too much."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextvars import Context
from typing import Any, Self

from genesis_lib import AgentCommunicationMixin, GenesisAgent, GenesisError, GenesisInterface, Overloaded, RateLimited
from genesis_lib.dds.port import Match, Sample
from genesis_lib.messages import AgentRequest
from genesis_lib.rpc.caller_identity import INBOX_BYTES, connection_data
from genesis_lib.rpc.wire import decode_reply, encode_request, reply_topic, request_topic

WORK_SECONDS = 0.002
PATIENCE_SECONDS = 120.0
RAW_AHEAD = 4096


class Tally(Counter[str]):
    """Counts, and somebody who waits for one."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = asyncio.Condition()

    async def note(self, *what: str) -> None:
        self.update(what)
        async with self._changed:
            self._changed.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with self._changed:
            await self._changed.wait_for(condition)


class Gauge(GenesisAgent):
    """Measures how much it executes at a time, and keeps a diary of it.

    - hold LABEL: wait for SIGUSR1.
    - work LABEL: take a moment.
    - diary: metadata with `started` (labels in the order of their executions) and `peak`.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__("Gauge", "GaugeService", enable_agent_communication=True, **options)
        self._released = asyncio.Event()
        self._running = 0
        self._peak = 0
        self._started: list[str] = []

    async def open(self) -> Self:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._released.set)
        return await super().open()

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        verb, _, label = request["message"].partition(" ")
        if verb == "diary":
            return {"message": "", "metadata": {"started": self._started, "peak": self._peak}}
        self._started.append(label)
        self._running += 1
        self._peak = max(self._peak, self._running)
        try:
            await (self._released.wait() if verb == "hold" else asyncio.sleep(WORK_SECONDS))
        finally:
            self._running -= 1
        return {"message": f"{label} done"}


class Parts(GenesisAgent):
    """Streams as many parts as its message says."""

    def __init__(self, **options: Any) -> None:
        super().__init__("Parts", enable_agent_communication=True, **options)

    async def process_agent_request(self, request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:  # type: ignore[override]
        for number in range(int(request["message"])):
            yield {"message": str(number)}


class Flooder(GenesisAgent):
    """Sends what it is told, as itself or through an interface of its process ("agent" or "interface").

    - send WHO TARGET COUNT MESSAGE: so many calls at once, each with its own label "{agent_id}-{number}" after the message.
    - flood WHO TARGET COUNT MESSAGE: keep as many calls in flight, until "stop".
    - count NUMBER OUTCOME: wait until so many calls ended in this way ("answered", or the error's class).
    - stop: end the flood; wait for all calls. Metadata as below.
    - outcomes: wait for all calls. Metadata: `answered` (labels), and the number of each other outcome; `least_hint` and
      `most_hint`, seconds.
    - invent TARGET COUNT MESSAGE: raw requests, each in the name of another agent that does not exist.
    - mute TARGET COUNT MESSAGE: raw requests from somebody who does not read replies, so many ahead of the agent at most
      that what DDS keeps until it is read does not count.
    """

    def __init__(self, agent_id: str, **options: Any) -> None:
        super().__init__(agent_id, "FloodService", agent_id=agent_id, enable_agent_communication=True, **options)
        self._interface = GenesisInterface(f"{agent_id} interface")
        self._tally = Tally()
        self._answered: list[str] = []
        self._hints: list[float] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._flooding = False
        self._number = 0

    async def open(self) -> Self:
        await self._interface.__aenter__()
        return await super().open()

    async def close(self) -> None:
        await super().close()
        await self._interface.__aexit__(None, None, None)

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        verb, *words = request["message"].split(maxsplit=4)
        match verb, words:
            case "send", [who, target, count, message]:
                for _ in range(int(count)):
                    self._spawn(self._call(self._side(who), target, message))
            case "flood", [who, target, count, message]:
                self._flooding = True
                for _ in range(int(count)):
                    self._spawn(self._keep_calling(self._side(who), target, message))
            case "count", [count, outcome]:
                await self._tally.until(lambda: self._tally[outcome] >= int(count))
            case (("stop" | "outcomes"), []):
                self._flooding = self._flooding and verb != "stop"
                await asyncio.gather(*self._calls)
                return {"message": "", "metadata": self._outcomes()}
            case "invent", [target, count, message]:
                return {"message": "", "metadata": await self._send_raw(target, int(count), message, listen=True)}
            case "mute", [target, count, message]:
                return {"message": "", "metadata": await self._send_raw(target, int(count), message, listen=False)}
            case _:
                raise ValueError(request["message"])
        return {"message": "done"}

    def _side(self, who: str) -> AgentCommunicationMixin:
        return {"agent": self, "interface": self._interface}[who]

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        # In a context of their own: they outlive the request that asks for them, its deadline is not theirs.
        task = asyncio.get_running_loop().create_task(work, context=Context())
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _keep_calling(self, caller: AgentCommunicationMixin, target: str, message: str) -> None:
        while self._flooding:
            await self._call(caller, target, message)

    async def _call(self, caller: AgentCommunicationMixin, target: str, message: str) -> None:
        self._number += 1
        label = f"{self.app.agent_id}-{self._number}"
        try:
            await caller.request_agent(target, f"{message} {label}", timeout_seconds=PATIENCE_SECONDS, wait=True)
        except GenesisError as error:
            if isinstance(error, (Overloaded, RateLimited)):
                self._hints.append(error.retry_after_seconds or 0.0)
            await self._tally.note(type(error).__name__)
        else:
            self._answered.append(label)
            await self._tally.note("answered")

    def _outcomes(self) -> dict[str, Any]:
        hints = {"least_hint": min(self._hints), "most_hint": max(self._hints)} if self._hints else {}
        return {**self._tally, "answered": self._answered, **hints}

    async def _send_raw(self, target: str, count: int, message: str, *, listen: bool) -> dict[str, Any]:
        """Write requests as a foreign program could, and read the replies or not. Metadata: outcomes, as above."""
        assert await self.wait_for_agent(target)
        service = self.discovered_agents[target].service_name
        inbox = os.urandom(INBOX_BYTES)
        matched = asyncio.Event()
        replies: list[str] = []
        replied = asyncio.Event()

        def on_replies(samples: Sequence[Sample]) -> None:
            for sample in samples:
                if sample.valid_data:
                    reply = decode_reply(sample.payload)
                    replies.append(str(reply.metadata.get("error", "answered")))
            if len(replies) == count:
                replied.set()

        def on_reader(match: Match) -> None:
            matched.set()

        participant = self.app.participant
        reader = None
        if listen:
            reader = await participant.create_reader(reply_topic(service), on_replies, partition=inbox.hex())
        writer = await participant.create_writer(
            request_topic(service), user_data=connection_data(inbox, ""), on_match=on_reader
        )
        await matched.wait()
        for number in range(1, count + 1):
            request = AgentRequest(
                f"{message} raw-{number}", writer.guid, number, source_agent_id=f"invented-{number}", timeout_ns=0
            )
            await writer.write(encode_request(request))
            if number % RAW_AHEAD == 0:  # answered when those before it have been read
                await self.request_agent(target, "work pace", timeout_seconds=PATIENCE_SECONDS)
        if reader is not None:
            await replied.wait()
            await reader.close()
        await writer.close()
        return Counter(replies)
