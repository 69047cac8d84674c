"""RPC: chains of calls: loops, call paths, traces and what monitoring sees of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from genesis_lib import GenesisInterface, LoopDetected, MonitoredInterface
from genesis_lib.dds.port import Participant
from genesis_lib.events import EventKind, EventType, MonitoringEvent
from genesis_lib.monitoring.wire import EVENT_TOPIC, decode_event
from tests.agents_for_tests import Relay
from tests.contract.agents import MonitoredWorker
from tests.contract.recorder import Recorder
from tests.contract.shared import running


@pytest.fixture(scope="module")
def chain(shared_domain: int) -> Iterator[None]:
    """Relays a and b and a worker w, each in a process of its own, for all tests here."""
    with running(
        (Relay, {"agent_id": "a", "agent_name": "Relay a"}, {}),
        (Relay, {"agent_id": "b", "agent_name": "Relay b"}, {}),
        (MonitoredWorker, {"agent_id": "w"}, {}),
    ):
        yield


@pytest.fixture
def genesis_domain(shared_domain: int) -> int:
    return shared_domain


@pytest.fixture
async def bus(chain: None) -> AsyncIterator[GenesisInterface]:
    async with MonitoredInterface("caller", "caller") as interface:
        for name in ("a", "b", "w"):
            assert await interface.wait_for_agent(name)
        yield interface


async def test_the_path_names_everybody_on_the_way(bus: GenesisInterface) -> None:
    reply = await bus.request_agent("a", "b w echo", timeout_seconds=20)
    assert reply["metadata"]["call_path"] == ["caller", "a", "b"]
    assert (await bus.request_agent("w", "echo"))["metadata"]["call_path"] == ["caller"]


async def test_a_loop_is_refused_with_its_path(bus: GenesisInterface) -> None:
    with pytest.raises(LoopDetected, match="caller -> a -> b -> a"):
        await bus.request_agent("a", "b a hello", timeout_seconds=20)
    with pytest.raises(LoopDetected, match="caller -> b -> a -> b"):
        await bus.request_agent("b", "a b hello", timeout_seconds=20)
    assert (await bus.request_agent("a", "b w run it", timeout_seconds=20))["message"] == "it done"


async def test_an_agent_that_calls_itself_is_refused(bus: GenesisInterface) -> None:
    with pytest.raises(LoopDetected, match="caller -> a -> a"):
        await bus.request_agent("a", "a hello", timeout_seconds=20)


async def test_the_same_agent_twice_side_by_side_is_no_loop(bus: GenesisInterface) -> None:
    for _ in range(2):
        assert (await bus.request_agent("a", "w run it", timeout_seconds=20))["message"] == "it done"
        assert (await bus.request_agent("b", "w run it", timeout_seconds=20))["message"] == "it done"


async def test_both_sides_of_every_hop_report_the_same_span(bus: GenesisInterface, participant: Participant) -> None:
    hops = [("caller", "a"), ("a", "b"), ("b", "w")]
    seen = Recorder()
    await participant.create_reader(EVENT_TOPIC, seen.on_samples, on_match=seen.on_match)
    await seen.matched(4)
    await bus.request_agent("a", "b w run it", timeout_seconds=20)
    await seen.until(lambda: len(_chain_events(seen)) >= 4 * len(hops))
    events = _chain_events(seen)
    assert len(events) == 4 * len(hops)
    (trace_id,) = {event.trace_id for event in events}
    assert len(trace_id) == 32
    parent = ""
    for source, target in hops:
        hop = [event for event in events if {event.source_id, event.target_id} == {source, target}]
        assert {(event.event_type, event.component_id, event.source_id, event.target_id) for event in hop} == {
            (EventType.AGENT_TO_AGENT_REQUEST, source, source, target),
            (EventType.AGENT_TO_AGENT_REQUEST, target, source, target),
            (EventType.AGENT_TO_AGENT_RESPONSE, source, target, source),
            (EventType.AGENT_TO_AGENT_RESPONSE, target, target, source),
        }
        (span,) = {event.span_id for event in hop}
        assert {event.parent_span_id for event in hop if event.component_id == source} == {parent}
        parent = span


async def test_a_failure_is_reported_by_both_sides(bus: GenesisInterface, participant: Participant) -> None:
    seen = Recorder()
    await participant.create_reader(EVENT_TOPIC, seen.on_samples, on_match=seen.on_match)
    await seen.matched(4)
    with pytest.raises(LoopDetected):
        await bus.request_agent("a", "a hello", timeout_seconds=20)

    def failures() -> list[MonitoringEvent]:
        return [event for event in _chain_events(seen) if event.status]

    # a's own call to itself, the call of a by the caller, seen from a and from the caller
    await seen.until(lambda: len(failures()) >= 3)
    assert {event.component_id for event in failures()} == {"a", "caller"}
    assert all("caller -> a -> a" in event.message for event in failures())
    assert len({event.trace_id for event in failures()}) == 1


def _chain_events(seen: Recorder) -> list[MonitoringEvent]:
    return [event for event in map(decode_event, seen.payloads()) if event.kind is EventKind.CHAIN]
