"""A13: in a MonitoredAgent every request is monitored, whichever name it is sent by."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from genesis_lib import GenesisInterface, MonitoredAgent
from genesis_lib.dds.port import Sample
from genesis_lib.events import EventKind, EventType, MonitoringEvent
from genesis_lib.monitoring.wire import EVENT_TOPIC, STATUS_TOPIC, decode_event, decode_status
from tests.face.agents import MonitoredEcho, MonitoredRelay
from tests.face.watching import Host, RawReader, departure_of, raw_reader, soon

REQUEST, RESPONSE = EventType.AGENT_TO_AGENT_REQUEST, EventType.AGENT_TO_AGENT_RESPONSE


class Events:
    """What is published on the monitoring topic, read by nothing but a DDS reader.

    The reader is there before a caller connects, and an agent that has matched a caller's newer endpoints has matched
    this older one too (discovery data of one participant arrives in order): so nothing is missed, volatile as it is.
    """

    def __init__(self, reader: RawReader) -> None:
        self._reader = reader

    def of(
        self, event_type: EventType, component_id: str, *, side: str | None = None, target_id: str | None = None
    ) -> list[MonitoringEvent]:
        return [
            event
            for event in (decode_event(sample.payload) for sample in self._reader.samples if sample.valid_data)
            if event.event_type == event_type
            and event.component_id == component_id
            and (side is None or event.payload.get("side") == side)
            and (target_id is None or event.target_id == target_id)
        ]

    async def one(
        self, event_type: EventType, component_id: str, *, side: str | None = None, target_id: str | None = None
    ) -> MonitoringEvent:
        """Wait for the one event of this kind."""

        def found() -> list[MonitoringEvent]:
            return self.of(event_type, component_id, side=side, target_id=target_id)

        await self._reader.until(lambda: bool(found()))
        (event,) = found()
        return event


@asynccontextmanager
async def events_on(bus: GenesisInterface) -> AsyncIterator[Events]:
    async with raw_reader(bus.app.participant, EVENT_TOPIC) as reader:
        yield Events(reader)


async def test_a_request_through_two_agents_is_one_chain_of_events(bus: GenesisInterface, host: Host) -> None:
    async with events_on(bus) as events:
        await host(MonitoredEcho, agent_id="echo")
        await host(MonitoredRelay, agent_id="relay")
        assert (await bus.request_agent("relay", "echo hello"))["message"] == "hello"

        at_relay = await events.one(REQUEST, "relay", side="server")
        assert (at_relay.source_id, at_relay.target_id) == (bus.app.agent_id, "relay")
        sent = await events.one(REQUEST, "relay", side="client")
        assert (sent.source_id, sent.target_id) == ("relay", "echo")
        at_echo = await events.one(REQUEST, "echo", side="server")
        assert (at_echo.source_id, at_echo.target_id) == ("relay", "echo")
        answered = await events.one(RESPONSE, "echo", side="server")
        assert (answered.source_id, answered.target_id, answered.status) == ("echo", "relay", 0)
        received = await events.one(RESPONSE, "relay", side="client")
        assert (received.source_id, received.target_id, received.status) == ("echo", "relay", 0)
        left = await events.one(RESPONSE, "relay", side="server")
        assert (left.source_id, left.target_id, left.status) == ("relay", bus.app.agent_id, 0)

        chain = [at_relay, sent, at_echo, answered, received, left]
        assert {event.kind for event in chain} == {EventKind.CHAIN}
        assert len({event.event_id for event in chain}) == len(chain)
        assert len({event.trace_id for event in chain}) == 1
        assert len(at_relay.trace_id) == 32
        # One span for a hop, whoever reports it; the second hop is below the first.
        assert sent.span_id == at_echo.span_id == answered.span_id == received.span_id
        assert at_relay.span_id == left.span_id != sent.span_id
        assert sent.parent_span_id == at_relay.span_id
        assert received.duration_ns > 0


async def test_a_failure_is_an_event_too(bus: GenesisInterface, host: Host) -> None:
    async with events_on(bus) as events:
        await host(MonitoredEcho, agent_id="echo")
        await host(MonitoredRelay, agent_id="relay")
        assert (await bus.request_agent("relay", "echo fail"))["message"] == "None"
        received = await events.one(RESPONSE, "relay", side="client")
        assert received.status != 0
        assert "ValueError: as asked" in received.message
        assert (await events.one(RESPONSE, "echo", side="server")).status == received.status


async def test_connections(bus: GenesisInterface, host: Host) -> None:
    async with events_on(bus) as events:
        echo = await host(MonitoredEcho, agent_id="echo")
        await host(MonitoredRelay, agent_id="relay")
        await bus.request_agent("relay", "echo hello")
        established = await events.one(EventType.AGENT_CONNECTION_ESTABLISHED, "relay")
        assert (established.source_id, established.target_id) == ("relay", "echo")
        echo.send_signal(signal.SIGKILL)
        lost = await events.one(EventType.AGENT_CONNECTION_LOST, "relay")
        assert (lost.source_id, lost.target_id) == ("relay", "echo")
        assert len(events.of(EventType.AGENT_CONNECTION_ESTABLISHED, "relay")) == 1


async def test_lifecycle(bus: GenesisInterface, host: Host) -> None:
    async with events_on(bus) as events, raw_reader(bus.app.participant, STATUS_TOPIC) as statuses:
        process = await host(MonitoredEcho, agent_id="echo")
        assert (await bus.request_agent("echo", "hello"))["message"] == "hello"

        def ready(sample: Sample) -> bool:
            if not sample.valid_data:
                return False
            status = decode_status(sample.payload)
            return (status.component_id, status.state, status.pid) == ("echo", "ready", process.pid)

        await statuses.until(lambda: any(ready(sample) for sample in statuses.samples))
        gone = departure_of(bus, "echo")
        process.send_signal(signal.SIGTERM)
        await soon(gone)
        stopped = await events.one(EventType.AGENT_STOPPED, "echo")
        assert stopped.kind is EventKind.LIFECYCLE


async def test_who_asks_by_any_name_is_monitored(bus: GenesisInterface, host: Host) -> None:
    """The same events for every way to send: in this process the caller, in another one the agent that answers."""
    async with events_on(bus) as events:
        await host(MonitoredEcho, agent_id="echo")

        class Asking(MonitoredAgent):
            async def process_request(self, request: dict[str, object]) -> dict[str, object]:
                return {"message": "unused"}

        async with Asking("Asking", agent_id="asking", enable_agent_communication=True) as agent:
            monitored = await agent.send_agent_request_monitored("echo", "one", "c1", 10.0, metadata={"a": 1})
            assert monitored is not None
            assert (monitored["message"], monitored["conversation_id"]) == ("one", "c1")
            assert await agent.send_agent_request("echo", "two") is not None
            await agent.request_agent("echo", "three")
            await agent.send_agent_batch("echo", ["four"])
            await agent.broadcast_to_agents("five")
            assert [part["message"] async for part in agent.stream_agent_request("echo", "six")] == ["six"]
            assert await agent.send_agent_request_monitored("nobody", "seven") is None
            await events._reader.until(lambda: len(events.of(RESPONSE, "echo", side="server")) == 6)
            sent = events.of(REQUEST, "asking", side="client", target_id="echo")
            answered = events.of(REQUEST, "echo", side="server")
            assert [event.span_id for event in sent] == [event.span_id for event in answered]
