"""A DDS participant in another process, steered by the test."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, Self

from genesis_lib.dds.port import TopicSpec
from tests.contract.recorder import PATIENCE_SECONDS

Event = dict[str, Any]


class Peer:
    """Writers and readers of another process, by name; what they see comes in as events."""

    def __init__(self, module: str = "tests.contract.peer_process") -> None:
        self._module = module
        self.events: list[Event] = []
        self._changed = asyncio.Event()
        self._done: asyncio.Queue[Event] = asyncio.Queue()

    async def start(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            limit=2**26,
        )
        self._listening = asyncio.create_task(self._listen())
        await self._answer()
        return self

    async def writer(self, name: str, topic: TopicSpec, **options: str) -> bytes:
        """Create a writer; its GUID."""
        return bytes.fromhex((await self.do("writer", name=name, topic=topic_list(topic), **options))["guid"])

    async def reader(self, name: str, topic: TopicSpec, **options: str) -> None:
        await self.do("reader", name=name, topic=topic_list(topic), **options)

    async def write(self, name: str, payload: bytes) -> None:
        await self.do("write", name=name, payload=payload.hex())

    async def guid(self) -> bytes:
        """The participant's key."""
        return bytes.fromhex((await self.do("guid"))["guid"])

    async def do(self, what: str, **arguments: Any) -> Event:
        assert self._process.stdin is not None
        self._process.stdin.write((json.dumps({"do": what, **arguments}) + "\n").encode())
        return await self._answer()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def of(self, kind: str, name: str) -> list[Event]:
        """The events of this kind ("match", "sample") of one endpoint so far."""
        return [event for event in self.events if event["event"] == kind and event["name"] == name]

    async def matched(self, name: str) -> Event:
        """Wait for an endpoint's first match."""
        await self.until(lambda: bool(self.of("match", name)))
        return self.of("match", name)[0]

    async def samples(self, name: str, count: int) -> list[Event]:
        """Wait for this many samples with data."""

        def arrived() -> list[Event]:
            return [event for event in self.of("sample", name) if event["valid_data"]]

        await self.until(lambda: len(arrived()) >= count)
        return arrived()

    def send_signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def leave(self) -> int:
        """Let it leave in good order; its exit status."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._listening
        return await self._process.wait()

    async def end(self) -> None:
        """Kill it if it runs, and clean up."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._listening

    async def _answer(self) -> Event:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._done.get()

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            event = json.loads(line)
            if event["event"] == "done":
                self._done.put_nowait(event)
            else:
                self.events.append(event)
            self._changed.set()


def topic_list(topic: TopicSpec) -> list[str]:
    return [topic.name, topic.type_name, topic.profile]
