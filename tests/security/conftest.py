"""What the security tests have in common."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from genesis_lib import GenesisInterface
from genesis_lib.events import EventType, MonitoringEvent
from genesis_lib.monitoring.wire import EVENT_TOPIC, decode_event
from tests.contract.recorder import Recorder

Ask = Callable[[str, str], Coroutine[Any, Any, dict[str, Any]]]


class Events:
    """What an operator sees who reads the monitoring topic."""

    def __init__(self, seen: Recorder) -> None:
        self._seen = seen

    def of(self, event_type: EventType) -> list[MonitoringEvent]:
        events = map(decode_event, self._seen.payloads())
        return [event for event in events if event.event_type == event_type]

    async def newest(self, event_type: EventType, count: int = 1) -> MonitoringEvent:
        """Wait for this many events of a type; the last of them."""
        await self._seen.until(lambda: len(self.of(event_type)) >= count)
        return self.of(event_type)[-1]


@pytest.fixture
async def bus(genesis_domain: int) -> AsyncIterator[GenesisInterface]:
    """An interface: a caller that announces nothing."""
    async with GenesisInterface("test") as interface:
        yield interface


@pytest.fixture
def ask(bus: GenesisInterface) -> Ask:
    """Let a Caller call: `await ask("billing", "add ledger")`; {"result": ...} or {"error": ..., "text": ...}."""

    async def ask(caller: str, command: str) -> dict[str, Any]:
        reply = await bus.request_agent(caller, command, timeout_seconds=30, wait=True)
        return dict(json.loads(reply["message"]))

    return ask


@pytest.fixture
async def events(bus: GenesisInterface) -> AsyncIterator[Events]:
    """Read from before the test on. Who has answered a request since is matched, so none of its events is missed."""
    seen = Recorder()
    reader = await bus.app.participant.create_reader(EVENT_TOPIC, seen.on_samples, on_match=seen.on_match)
    yield Events(seen)
    await reader.close()
