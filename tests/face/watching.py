"""Waiting for what happens on the bus: events, never a time that should be enough."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

from genesis_lib import AgentCommunicationMixin, AgentInfo, GenesisAgent
from genesis_lib.dds.port import Match, Participant, Sample, TopicSpec
from genesis_lib.testing import AgentProcess

T = TypeVar("T")

PATIENCE_SECONDS = 15.0
"""A test that waits for something that never comes fails after this, instead of hanging."""


async def soon(awaitable: Awaitable[T]) -> T:
    """What the awaitable gives."""
    return await asyncio.wait_for(awaitable, PATIENCE_SECONDS)


class Host(Protocol):
    """Starts an agent in a process of its own; it is back when the test's interface has discovered the agent."""

    def __call__(self, agent: type[GenesisAgent], **arguments: Any) -> Awaitable[AgentProcess]: ...


def departure_of(caller: AgentCommunicationMixin, agent_id: str) -> asyncio.Future[AgentInfo]:
    """The departure of one agent, as a caller is told of it."""
    gone: asyncio.Future[AgentInfo] = asyncio.get_running_loop().create_future()

    def on_departure(info: AgentInfo) -> None:
        if info.agent_id == agent_id and not gone.done():
            gone.set_result(info)

    caller.add_departure_callback(on_departure)
    return gone


class Changes:
    """Waiting until what a callback keeps satisfies a condition."""

    def __init__(self) -> None:
        self._change = asyncio.Event()

    def changed(self) -> None:
        """Look again."""
        self._change.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                self._change.clear()
                await self._change.wait()


class RawReader(Changes):
    """A reader of the DDS port beside the library's own: the samples and the live peers of one topic.

    Attributes:
        samples: all that came, in order.
        writers: handles of the writers that are matched now.
        seen: how many writers have ever matched.
    """

    def __init__(self) -> None:
        super().__init__()
        self.samples: list[Sample] = []
        self.writers: set[int] = set()
        self.seen = 0

    def on_samples(self, samples: Sequence[Sample]) -> None:
        self.samples += samples
        self.changed()

    def on_match(self, match: Match) -> None:
        if match.matched:
            self.writers.add(match.handle)
            self.seen += 1
        else:
            self.writers.discard(match.handle)
        self.changed()


@asynccontextmanager
async def raw_reader(participant: Participant, topic: TopicSpec) -> AsyncIterator[RawReader]:
    """Read a topic for the length of the block."""
    watched = RawReader()
    reader = await participant.create_reader(topic, watched.on_samples, on_match=watched.on_match)
    try:
        yield watched
    finally:
        await reader.close()
