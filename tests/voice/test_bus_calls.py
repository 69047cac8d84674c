"""The calls of those in a room, as their monitoring events tell, over real DDS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from genesis_lib.dds.port import Participant, Writer
from genesis_lib.events import EventKind, EventType, MonitoringEvent
from genesis_lib.monitoring.wire import EVENT_TOPIC, encode_event
from genesis_lib.voice.bus_calls import BusCallFollower
from tests.contract.recorder import PATIENCE_SECONDS, Recorder

MOST_UNDER_WAY = 1000


class Followed:
    """What a follower tells; each request that it follows is asked for the time once."""

    def __init__(self) -> None:
        self.requests = 0
        self.calls: list[int] = []
        self._changed = asyncio.Event()

    def now(self) -> int:
        self.requests += 1
        self._changed.set()
        return self.requests

    def on_call(
        self, caller_id: str, target: str, media_time: int, duration_seconds: float, *, error: str = ""
    ) -> None:
        self.calls.append(media_time)
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


def event(kind: EventType, number: int) -> bytes:
    return encode_event(
        MonitoringEvent(
            f"{kind}-{number}", EventKind.CHAIN, kind, 1, "ada", span_id=f"{number:016x}", payload={"side": "client"}
        )
    )


@pytest.fixture
async def followed(participant: Participant) -> AsyncIterator[Followed]:
    told = Followed()
    follower = await BusCallFollower(participant, "ada".__eq__, {}, told.now, told.on_call).open()
    yield told
    await follower.close()


@pytest.fixture
async def events(participant: Participant, followed: Followed) -> Writer:
    seen = Recorder()
    writer = await participant.create_writer(EVENT_TOPIC, on_match=seen.on_match)
    await seen.matched()
    return writer


async def request(followed: Followed, events: Writer) -> None:
    """One that is followed."""
    number = followed.requests + 1
    await events.write(event(EventType.AGENT_TO_AGENT_REQUEST, number))
    await followed.until(lambda: followed.requests == number)


async def test_calls_that_never_end_do_not_keep_later_ones_from_being_told(followed: Followed, events: Writer) -> None:
    """The oldest is given up, and no other."""
    for _ in range(MOST_UNDER_WAY + 1):
        await request(followed, events)
    for number in (1, MOST_UNDER_WAY + 1, 2):
        await events.write(event(EventType.AGENT_TO_AGENT_RESPONSE, number))
    await followed.until(lambda: followed.calls == [MOST_UNDER_WAY + 1, 2])
