"""Bad samples from the very participants that speak for an agent or component: replies, events, statuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from genesis_lib import GenesisInterface, MessageTooLarge, RemoteAgentError
from genesis_lib.cli.demo_trace import JourneyWatcher
from genesis_lib.dds.cdr import codec
from genesis_lib.discovery.wire import encode_agent
from genesis_lib.events import EventKind, MonitoringEvent
from genesis_lib.messages import AgentInfo, AgentReply, AgentRequest, Final, RequestKind
from genesis_lib.monitoring.wire import encode_event
from genesis_lib.rpc.wire import decode_request, encode_reply
from genesis_lib.settings import load_settings
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.bad_input import hostile_samples
from tests.bad_input.hostile_samples import EXTREME_INT32, EXTREME_INT64, NO_OBJECTS, with_values
from tests.cli.command import run
from tests.contract.agents import MonitoredWorker
from tests.contract.background import Background
from tests.contract.peers import Peer
from tests.log_watch import LogWatch

EVIL = encode_agent(AgentInfo("evil", "Evil", service_name="Evil_evil", agent_communication=True))
EVENT = encode_event(MonitoringEvent("e", EventKind.CHAIN, "T", 1, "c", payload={"a": 1}))
STATUS = codec("ComponentStatus").encode("id", "agent", "name", "ready", "host", 1)


@pytest.fixture
async def bus(genesis_domain: int) -> AsyncIterator[GenesisInterface]:
    """Takes replies of 100 KB at most."""
    async with GenesisInterface(settings=load_settings(max_message_bytes=100_000)) as interface:
        yield interface


@pytest.fixture
async def evil(hostile: Peer, bus: GenesisInterface) -> Peer:
    """An agent whose own process sends what it likes."""
    await hostile.do("reader", name="requests", topic="Evil_evilRequest", type="AgentAgentRequest")
    await hostile.do("writer", name="agent", topic="AgentCapability", type="AgentCapability", durable=True, lease=1)
    await hostile.do("write", name="agent", payload=EVIL.hex())
    assert await bus.wait_for_agent("evil")
    return hostile


async def _first_request(evil: Peer, bus: GenesisInterface) -> AgentRequest:
    """The first request to the agent; makes a writer for its replies."""
    await evil.matched("requests")
    (writer,) = [end for end in await bus.app.participant.endpoints("Evil_evilRequest") if end.is_writer]
    await evil.do("writer", name="replies", topic="Evil_evilReply", type="AgentAgentReply",
                  partition=writer.user_data[:16].hex())  # fmt: skip

    def requests() -> list[AgentRequest]:
        samples = (decode_request(bytes.fromhex(event["payload"])) for event in evil.of("sample", "requests"))
        return [sample for sample in samples if sample.kind is RequestKind.CALL]

    await evil.until(lambda: bool(requests()))
    return requests()[0]


async def _reply(evil: Peer, *payloads: bytes) -> None:
    for payload in payloads:
        await evil.do("write", name="replies", payload=payload.hex())


async def test_replies_that_do_not_decode_are_refused_and_the_call_goes_on(
    evil: Peer, bus: GenesisInterface, background: Background, log_watch: LogWatch
) -> None:
    call = background(bus.request_agent("evil", "hello", timeout_seconds=30))
    request = await _first_request(evil, bus)
    good = encode_reply(
        AgentReply("good", metadata={"a": 1}, writer_guid=request.writer_guid, sequence_number=request.sequence_number)
    )
    bad = hostile_samples.undecodable(good)
    bad += [with_values("AgentAgentReply", good, final=number) for number in (*EXTREME_INT32, 3)]
    bad += [with_values("AgentAgentReply", good, metadata=text) for text in NO_OBJECTS]
    bad += [with_values("AgentAgentReply", good, attachment_manifest=text) for text in ("{", '[["a","b",9]]')]
    bad += [with_values("AgentAgentReply", good, low=2**32 - 1), with_values("AgentAgentReply", good, high=-1)]
    await _reply(evil, *bad, good)
    assert (await call)["message"] == "good"
    await log_watch.until("refused a reply from Evil (evil)", "metadata is not JSON")


@pytest.mark.parametrize(
    "values",
    [
        *({"status": number} for number in EXTREME_INT32),
        *({"retry_after_ns": number, "remote_exception": 3, "status": 8} for number in EXTREME_INT64),
        {"remote_exception": 5, "metadata": '{"error":"KeyboardInterrupt"}'},
        {"remote_exception": 5, "metadata": '{"error":["x"]}', "message": "\x1b[31m" * 100},
        {"part_number": -1},
        {"final": int(Final.END)},
        {"replier_agent_id": "somebody else", "conversation_id": "other"},
    ],
    ids=str,
)
async def test_replies_with_odd_values_end_the_call_in_its_time(
    evil: Peer, bus: GenesisInterface, background: Background, values: dict[str, Any]
) -> None:
    call = background(bus.send_agent_request("evil", "hello", timeout_seconds=2))
    request = await _first_request(evil, bus)
    good = encode_reply(AgentReply("good", writer_guid=request.writer_guid, sequence_number=request.sequence_number))
    await _reply(evil, with_values("AgentAgentReply", good, **values))
    reply = await call  # anything but a GenesisError would be raised here
    assert reply is None or isinstance(reply["message"], str)


async def test_parts_without_end_are_cut(evil: Peer, bus: GenesisInterface, background: Background) -> None:
    call = background(bus.request_agent("evil", "hello", timeout_seconds=30))
    request = await _first_request(evil, bus)
    part = AgentReply("x" * 10_000, writer_guid=request.writer_guid, sequence_number=request.sequence_number)
    part.final = Final.MORE
    await _reply(evil, *[encode_reply(part)] * 20)
    with pytest.raises(MessageTooLarge):
        await call


async def test_a_stream_faster_than_allowed_is_cut(evil: Peer, bus: GenesisInterface, background: Background) -> None:
    stream = bus.stream_agent_request("evil", "hello", timeout_seconds=30)
    first = background(anext(stream))
    request = await _first_request(evil, bus)
    part = AgentReply("x", writer_guid=request.writer_guid, sequence_number=request.sequence_number)
    part.final = Final.MORE
    await _reply(evil, *[encode_reply(part)] * 200)
    assert (await first)["message"] == "x"
    taken = 1

    async def read_on() -> None:
        nonlocal taken
        async for _ in stream:
            taken += 1

    with pytest.raises(RemoteAgentError, match="more parts"):
        await read_on()
    assert taken < 200


async def test_events_and_statuses_that_lie(
    agent_process: StartAgentProcess, hostile: Peer, bus: GenesisInterface
) -> None:
    """Who reads them: whoever follows calls, and `genesis doctor`."""
    watcher = JourneyWatcher(bus.app.agent_id)
    await watcher.open(bus.app.participant)
    await agent_process(MonitoredWorker, {"agent_id": "worker"})
    for type_name, durable in (("MonitoringEvent", False), ("ComponentStatus", True)):
        await hostile.do("writer", name=type_name, topic=type_name, type=type_name, durable=durable, lease=1)
    await hostile.matched("MonitoringEvent")
    events = hostile_samples.undecodable(EVENT) + hostile_samples.mutated(EVENT, 100)
    events += [with_values("MonitoringEvent", EVENT, kind=number) for number in EXTREME_INT32]
    events += [with_values("MonitoringEvent", EVENT, duration_ns=number, time_ns=number) for number in EXTREME_INT64]
    events += [with_values("MonitoringEvent", EVENT, payload=text) for text in NO_OBJECTS]
    for payload in events:
        await hostile.do("write", name="MonitoringEvent", payload=payload.hex())
    statuses = hostile_samples.undecodable(STATUS) + hostile_samples.mutated(STATUS, 100)
    statuses += [with_values("ComponentStatus", STATUS, pid=number) for number in EXTREME_INT32]
    statuses += [with_values("ComponentStatus", STATUS, component_id="", name="\x1b[31m\u202e", state="x" * 32)]
    for payload in statuses:
        await hostile.do("write", name="ComponentStatus", payload=payload.hex())
    assert (await bus.request_agent("worker", "run it"))["message"] == "it done"
    await watcher.close()
    outcome = await run("doctor", "--json")
    assert "Traceback" not in outcome.stderr
    names = {component for peer in outcome.json["participants"] for component in peer["components"]}
    assert "Worker" in names
