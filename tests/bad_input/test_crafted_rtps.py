"""RTPS made by hand, for samples no DDS writer would send: sent to an agent's UDP ports in the name of a writer it knows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from genesis_lib import GenesisInterface
from genesis_lib.discovery.wire import encode_agent, encode_function
from genesis_lib.messages import AgentInfo, AgentRequest, FunctionInfo
from genesis_lib.rpc.wire import encode_request
from genesis_lib.testing import AgentProcess
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.bad_input import hostile_samples, rtps
from tests.bad_input.agents import Observer
from tests.contract.agents import Worker
from tests.contract.callers import wait_for
from tests.contract.peers import Peer

AGENT = encode_agent(AgentInfo("liar", "Liar", "text", service_name="Liar_liar", capabilities=("lie",)))


async def test_announcements_on_a_keyed_topic(agent_process: StartAgentProcess, hostile: Peer) -> None:
    process = await agent_process(Observer, {"agent_id": "victim"})
    guid = bytes.fromhex(
        (await hostile.do("writer", name="w", topic="AgentCapability", type="AgentCapability", durable=True, lease=1))[
            "guid"
        ]
    )
    await hostile.matched("w")
    first = encode_agent(AgentInfo("first", "First", service_name="S_first"))
    assert (await hostile.do("write", name="w", payload=first.hex()))["code"] == 0
    body = AGENT[8:]
    bad = [
        *hostile_samples.undecodable(AGENT),
        hostile_samples.framed(body.replace(b"Liar", b"\xff\xfe\xfd\xfc")),
        hostile_samples.framed(body.replace(b"liar", b"\xc0\x80\xed\xa0")),
        hostile_samples.framed(body.replace(b"liar", b"li\0r")),
        *hostile_samples.mutated(AGENT, 200),
    ]
    async with GenesisInterface() as bus:
        await _wait_for_agent(bus, "first")
        await _inject(process, guid, 2, bad, encode_agent(AgentInfo("last", "Last", service_name="S_last")))
        await _wait_for_agent(bus, "last")
        errors = process.errors()
        assert "refused the announcement of an agent from participant" in errors
        assert "Traceback" not in errors
        assert (await bus.request_agent("victim", "hello"))["message"] == "hello"


async def test_announcements_of_functions(agent_process: StartAgentProcess, hostile: Peer) -> None:
    process = await agent_process(Observer, {"agent_id": "victim"})
    agent = encode_agent(AgentInfo("provider", "Provider", service_name="Provider_provider")).hex()
    await hostile.do("writer", name="a", topic="AgentCapability", type="AgentCapability", durable=True, lease=1)
    await hostile.do("write", name="a", payload=agent)
    topic = "FunctionCapability"
    created = await hostile.do("writer", name="w", topic=topic, type=topic, durable=True, lease=1)
    await hostile.matched("w")

    def function(name: str) -> bytes:
        return encode_function(FunctionInfo("provider", name, "text", {"type": "object"}, "s"))

    assert (await hostile.do("write", name="w", payload=function("first").hex()))["code"] == 0
    body = function("liar")[8:]
    bad = [
        *hostile_samples.undecodable(function("liar")),
        hostile_samples.framed(body.replace(b"liar", b"\xc0\x80\xed\xa0")),
        hostile_samples.framed(body.replace(b"object", b"obj\0ct")),
        *hostile_samples.mutated(function("liar"), 200),
    ]
    async with GenesisInterface() as bus:
        assert (await bus.request_agent("victim", "wait-function first", timeout_seconds=30))["message"] == "True"
        await _inject(process, bytes.fromhex(created["guid"]), 2, bad, function("last"))
        assert (await bus.request_agent("victim", "wait-function last", timeout_seconds=30))["message"] == "True"
        assert "refused the announcement of a function from participant" in process.errors()
        assert "Traceback" not in process.errors()


async def test_requests(agent_process: StartAgentProcess, hostile: Peer) -> None:
    process = await agent_process(Worker, {"agent_id": "victim"})
    guid = bytes.fromhex(
        (
            await hostile.do(
                "writer",
                name="w",
                topic="WorkerService_victimRequest",
                type="AgentAgentRequest",
                user_data="ab" * 16,
            )
        )["guid"]
    )
    await hostile.matched("w")
    good = encode_request(AgentRequest("run first", bytes(16), 1))
    assert (await hostile.do("write", name="w", payload=good.hex()))["code"] == 0
    bad = hostile_samples.undecodable(good) + hostile_samples.mutated(good, 200)
    async with GenesisInterface() as bus:
        await wait_for(bus, "victim", "ran first")
        await _inject(process, guid, 2, bad, encode_request(AgentRequest("run last", bytes(16), 2**63 - 1)))
        await wait_for(bus, "victim", "ran last")
        assert "agent victim refused a request from participant" in process.errors()
        assert "Traceback" not in process.errors()
        assert (await bus.request_agent("victim", "run after"))["message"] == "after done"


async def test_datagrams_that_are_no_rtps(agent_process: StartAgentProcess, hostile: Peer) -> None:
    process = await agent_process(Worker, {"agent_id": "victim"})
    guid = bytes.fromhex((await hostile.do("writer", name="w", topic="X", type="AgentAgentRequest"))["guid"])
    whole = rtps.message(guid, rtps.data(guid, 1, AGENT), rtps.heartbeat(guid, 1, 1, 1))
    datagrams = [
        b"",
        b"RTPS",
        b"\xff" * 1400,
        whole[:20],
        rtps.message(guid, rtps.submessage(0x15, 0x05, b"")),
        rtps.message(guid, rtps.submessage(0x16, 0x05, b"\xff" * 40)),
        rtps.message(guid, rtps.heartbeat(guid, 2**31 - 1, 0, 2**32 - 1)),
        *(whole[:cut] for cut in range(20, len(whole), 7)),
        *hostile_samples.mutated(whole, 300),
    ]
    async with GenesisInterface() as bus:
        await bus.request_agent("victim", "run before")
        for datagram in datagrams:
            await asyncio.to_thread(rtps.send, process.pid, datagram)
        assert (await bus.request_agent("victim", "run after", timeout_seconds=30))["message"] == "after done"
    async with GenesisInterface() as fresh:
        assert (await fresh.request_agent("victim", "run fresh", timeout_seconds=30))["message"] == "fresh done"
    assert "Traceback" not in process.errors()


async def _inject(process: AgentProcess, guid: bytes, number: int, payloads: Sequence[bytes], last: bytes) -> None:
    """Send payloads as the next samples of the writer. The agent's DDS ignores some as malformed; the heartbeat before the
    last one says that what is still missing will never come, so the last one is taken in any case."""
    for payload in payloads:
        await asyncio.to_thread(rtps.send, process.pid, rtps.message(guid, rtps.data(guid, number, payload)))
        number += 1
    for datagram in (rtps.heartbeat(guid, number, number - 1, 1_000_000), rtps.data(guid, number, last)):
        await asyncio.to_thread(rtps.send, process.pid, rtps.message(guid, datagram))


async def _wait_for_agent(bus: GenesisInterface, agent_id: str) -> None:
    """Wait until the victim sees this agent."""
    assert (await bus.request_agent("victim", f"wait {agent_id}", timeout_seconds=30))["message"] == "True"
