"""Samples of the right type name and wrong content, from a writer below the library's port in another process.

Each test ends with a good sample through the same writer: samples of one writer come in order, so the bad ones before it
have been dealt with when it shows.
"""

from __future__ import annotations

import asyncio
import resource
import socketserver
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from genesis_lib import GenesisError, GenesisInterface
from genesis_lib.discovery.wire import encode_agent, encode_agent_key, encode_function
from genesis_lib.messages import AgentInfo, AgentReply, AgentRequest, FunctionInfo
from genesis_lib.rpc.wire import encode_reply, encode_request
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.agents_for_tests import Calculator
from tests.bad_input import hostile_samples
from tests.bad_input.hostile_samples import EXTREME_INT32, EXTREME_INT64, NO_NAMES, NO_OBJECTS, with_values
from tests.contract.agents import Worker
from tests.contract.background import Background
from tests.contract.callers import wait_for
from tests.contract.peers import Peer
from tests.log_watch import LogWatch

REQUEST = encode_request(AgentRequest("run it", bytes(16), 1, call_path=("a",), metadata={"a": 1}))
AGENT = encode_agent(AgentInfo("liar", "Liar", "text", service_name="Liar_liar", capabilities=("lie",)))
FUNCTION = encode_function(FunctionInfo("liar", "evil", "text", {"type": "object"}, "s"))


@pytest.fixture
async def bus(genesis_domain: int) -> AsyncIterator[GenesisInterface]:
    async with GenesisInterface() as interface:
        yield interface


async def test_requests_that_do_not_decode(
    agent_process: StartAgentProcess, hostile: Peer, bus: GenesisInterface
) -> None:
    process = await agent_process(Worker, {"agent_id": "victim"})
    await _request_writer(hostile)
    wrong: list[dict[str, Any]] = [
        *({"kind": kind} for kind in (*EXTREME_INT32, 4, 99)),
        *({"call_path": text} for text in NO_NAMES),
        *({"metadata": text} for text in NO_OBJECTS),
        *({"attachment_manifest": text} for text in (*NO_NAMES, '[["a","b",1]]', '[["a","b",-1]]', '[["a","b",1e9]]')),
    ]
    bad = hostile_samples.undecodable(REQUEST) + hostile_samples.mutated(REQUEST, 200)
    bad += [with_values("AgentAgentRequest", REQUEST, **values) for values in wrong]
    sent = [(await hostile.do("write", name="w", payload=payload.hex()))["code"] for payload in bad]
    assert sent.count(0) > 20
    await _finish_requests(hostile, bus)
    errors = process.errors()
    assert "agent victim refused a request from participant" in errors
    assert "Traceback" not in errors
    assert (await bus.request_agent("victim", "run after"))["message"] == "after done"


async def test_requests_with_extreme_values(
    agent_process: StartAgentProcess, hostile: Peer, bus: GenesisInterface
) -> None:
    process = await agent_process(Worker, {"agent_id": "victim"})
    await _request_writer(hostile)
    extremes: list[dict[str, Any]] = [
        *({"timeout_ns": number, "low": 10 + n} for n, number in enumerate(EXTREME_INT64)),
        *({"high": number, "low": 20} for number in (-(2**31), -1)),
        {"source_agent_id": "victim", "low": 30},
        {"source_agent_id": "x" * 128, "low": 31},
        {"call_path": '["\\ud800"]', "low": 32},
        {"call_path": '["victim"]', "low": 33},
        {"metadata": '{"\\ud800":"\\ud800"}', "message": "echo", "low": 34},
        {"traceparent": "00-" + "f" * 60, "tracestate": "\x7f" * 512, "low": 35},
        {"method": "__class__", "low": 36},
        {"method": "process_agent_request", "low": 37},
        {"kind": 2, "message": "not json", "low": 38},
        {"kind": 2, "message": "[" * 10_000, "low": 39},
        {"kind": 2, "message": '[{"message":"\\ud800","metadata":{}}]', "low": 40},
        {"conversation_id": "x" * 100_000, "message": "x" * 100_000, "low": 41},
        *({"kind": kind, "low": 50} for kind in (1, 3)),
    ]
    for values in extremes:
        payload = with_values("AgentAgentRequest", REQUEST, **values)
        assert (await hostile.do("write", name="w", payload=payload.hex()))["code"] == 0
    await _finish_requests(hostile, bus)
    assert "Traceback" not in process.errors()
    assert (await bus.request_agent("victim", "run after"))["message"] == "after done"


async def test_an_agent_does_not_keep_what_it_was_sent(
    agent_process: StartAgentProcess, hostile: Peer, bus: GenesisInterface
) -> None:
    process = await agent_process(Worker, {"agent_id": "victim"})
    await _request_writer(hostile)

    async def send(numbers: range) -> None:
        for number in numbers:
            long = f"{number}" + "x" * 2_000_000
            values = {"call_path": f'["{long}"]', "metadata": f'{{"a":"{long}"}}', "low": number}
            payload = with_values("AgentAgentRequest", REQUEST, **values)
            assert (await hostile.do("write", name="w", payload=payload.hex()))["code"] == 0
        await bus.request_agent("victim", f"await {numbers.stop - 10} ran it", timeout_seconds=30)

    assert await bus.wait_for_agent("victim")
    await send(range(10, 20))
    before = _resident_bytes(process.pid)
    await send(range(20, 60))
    # 160 MB went in; what an allocator keeps for itself is far below a quarter of it.
    assert _resident_bytes(process.pid) - before < 40_000_000


async def test_a_request_writer_without_an_inbox_is_refused(
    agent_process: StartAgentProcess, hostile: Peer, bus: GenesisInterface
) -> None:
    process = await agent_process(Worker, {"agent_id": "victim"})
    for number, user_data in enumerate(("", "ab", "ab" * 1000)):
        name = f"w{number}"
        await hostile.do("writer", name=name, topic="WorkerService_victimRequest", type="AgentAgentRequest",
                         user_data=user_data)  # fmt: skip
        await hostile.matched(name)
        await hostile.do("write", name=name, payload=REQUEST.hex())
    await _request_writer(hostile)
    await _finish_requests(hostile, bus)
    assert (await bus.request_agent("victim", "diary"))["metadata"] == {"ran last": 1}
    errors = process.errors()
    assert "holds no inbox id" in errors
    assert "names no agent" in errors


async def test_replies_of_somebody_else_are_refused(
    agent_process: StartAgentProcess,
    hostile: Peer,
    bus: GenesisInterface,
    log_watch: LogWatch,
    background: Background,
) -> None:
    await agent_process(Worker, {"agent_id": "victim"})
    assert await bus.wait_for_agent("victim")
    call = background(bus.request_agent("victim", "block it", timeout_seconds=60))
    await wait_for(bus, "victim", "started it")
    (writer,) = [end for end in await bus.app.participant.endpoints("WorkerService_victimRequest") if end.is_writer]
    await hostile.do("writer", name="w", topic="WorkerService_victimReply", type="AgentAgentReply",
                     partition=writer.user_data.hex())  # fmt: skip
    await hostile.matched("w")
    reply = encode_reply(AgentReply("forged", metadata={"a": 1}, writer_guid=bytes(16), sequence_number=1))
    bad = hostile_samples.undecodable(reply) + hostile_samples.mutated(reply, 200)
    bad += [with_values("AgentAgentReply", reply, final=number) for number in (*EXTREME_INT32, 3)]
    bad += [with_values("AgentAgentReply", reply, metadata=text) for text in NO_OBJECTS]
    for payload in (*bad, reply, with_values("AgentAgentReply", reply, metadata="the last")):
        await hostile.do("write", name="w", payload=payload.hex())
    await log_watch.until("refused replies in the name of Worker (victim)", "did not announce it")
    assert not call.done()
    assert (await bus.request_agent("victim", "run after"))["message"] == "after done"
    await bus.request_agent("victim", "release it")
    assert (await call)["message"] == "it finished"


async def test_announcements_of_agents_that_lie(
    agent_process: StartAgentProcess, hostile: Peer, bus: GenesisInterface, log_watch: LogWatch
) -> None:
    process = await agent_process(Worker, {"agent_id": "victim"})
    assert await bus.wait_for_agent("victim")
    await hostile.do("writer", name="w", topic="AgentCapability", type="AgentCapability", durable=True, lease=1)
    await hostile.matched("w")
    refused: list[dict[str, Any]] = [
        {member: text} for member in ("capabilities", "specializations", "classification_tags") for text in NO_NAMES
    ] + [{member: text} for member in ("model_info", "performance_metrics") for text in NO_OBJECTS]
    refused = [{**values, "agent_id": f"refused{number}"} for number, values in enumerate(refused)]
    refused += [{"agent_id": agent_id} for agent_id in ("", "../../etc", "refused with blank", "x" * 65)]
    refused += [
        {"agent_id": "refused-service", "service_name": name} for name in ("", "../../etc", "with blank*", "a/b")
    ]
    refused += [{"agent_id": "refused-name", "name": name} for name in ("", " ")]
    odd: list[dict[str, Any]] = [
        {"agent_id": "x" * 64, "name": "x" * 256, "service_name": "x" * 128},
        {"agent_id": "type", "agent_type": "\x1b[31m"},
        {"agent_id": "path", "name": "../../etc"},
        {"agent_id": "numbers", "last_seen": -(2**63), "default_capable": -(2**31), "pid": -(2**31)},
        {"agent_id": "more-numbers", "last_seen": 2**63 - 1, "default_capable": 7, "agent_communication": 7},
        {"agent_id": "metrics", "performance_metrics": '{"speed":1e999,"cost":"\\ud800","n":null}'},
        {"agent_id": "names", "capabilities": '["\\ud800","\\u0000",""]', "name": "\u202e"},
        {"agent_id": "model", "model_info": '{"model":[],"type":{}}'},
    ]
    for values in (*refused, *odd):
        payload = with_values("AgentCapability", AGENT, **values)
        assert (await hostile.do("write", name="w", payload=payload.hex()))["code"] == 0
    for payload in (AGENT, *hostile_samples.undecodable(AGENT), *hostile_samples.mutated(AGENT, 200)):
        await hostile.do("write", name="w", payload=payload.hex())
    for agent_id in ("nobody", "victim"):
        await hostile.do("dispose", name="w", payload=encode_agent_key(agent_id).hex())
    last = with_values("AgentCapability", AGENT, description="the last")
    await hostile.do("write", name="w", payload=last.hex())
    directory = bus.app.directory

    def through() -> bool:
        return "liar" in directory.agents and directory.agents["liar"].description == "the last"

    assert await directory.wait_for(through, 20)
    seen = set(bus.discovered_agents)
    assert not seen & {values["agent_id"] for values in refused}
    assert {values["agent_id"] for values in odd} <= seen
    await log_watch.until("refused the announcement of an agent from participant", "is not JSON")
    await _ask_everything(bus)
    for values in odd:
        with pytest.raises(GenesisError):
            await bus.request_agent(str(values["agent_id"]), "hello", timeout_seconds=0.5)
    assert (await bus.request_agent("victim", "run after"))["message"] == "after done"
    assert "Traceback" not in process.errors()


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"agent_id": "a b"}, "agent 'a b' named 'Liar': agent_id has to be"),
        ({"name": " "}, "agent 'liar' named ' ': name is blank"),
        ({"service_name": ""}, "agent 'liar' named 'Liar': service_name '' has to be"),
    ],
    ids=str,
)
async def test_an_announcement_of_an_agent_that_cannot_be_is_refused(
    hostile: Peer, bus: GenesisInterface, log_watch: LogWatch, values: dict[str, Any], problem: str
) -> None:
    await hostile.do("writer", name="w", topic="AgentCapability", type="AgentCapability", durable=True, lease=1)
    await hostile.matched("w")
    await hostile.do("write", name="w", payload=with_values("AgentCapability", AGENT, **values).hex())
    await log_watch.until("refused the announcement of an agent from participant", problem)
    assert bus.discovered_agents == {}


async def test_a_refused_announcement_names_agent_and_participant(
    hostile: Peer, bus: GenesisInterface, log_watch: LogWatch
) -> None:
    for type_name, good, member, who in (
        ("AgentCapability", AGENT, "capabilities", "agent 'liar' named 'Liar'"),
        ("FunctionCapability", FUNCTION, "parameter_schema", "function 'evil' of agent 'liar'"),
    ):
        created = await hostile.do("writer", name=type_name, topic=type_name, type=type_name, durable=True, lease=1)
        await hostile.matched(type_name)
        await hostile.do("write", name=type_name, payload=with_values(type_name, good, **{member: "{"}).hex())
        await log_watch.until("refused", member, "is not JSON")
        (message,) = (message for message in log_watch.messages if f"{member} is not JSON" in message)
        assert f"from participant {created['guid'][:24]}" in message
        assert who in message


async def test_announcements_of_functions_that_lie(
    agent_process: StartAgentProcess, hostile: Peer, bus: GenesisInterface
) -> None:
    await agent_process(Calculator, {"agent_id": "calculator"})
    assert await bus.wait_for_agent("calculator")
    server = _CountingServer()
    port = server.server_address[1]
    schemas = [
        f'{{"$ref":"http://127.0.0.1:{port}/schema"}}',
        f'{{"$schema":"http://127.0.0.1:{port}/schema"}}',
        '{"$ref":"#"}',
        '{"$ref":"#/nowhere"}',
        '{"$ref":"file:///etc/passwd"}',
        '{"properties":{"a":{"type":"string","pattern":"("}}}',
        '{"properties":{"a":{"multipleOf":0}}}',
        '{"type":"nonsense"}',
        '{"properties":7}',
        '{"required":"a"}',
        '{"allOf":' * 100 + "[]" + "}" * 100,
        '{"properties":{"a":{"pattern":"(a+)+$"}}}',
        '{"properties":{"a":{"pattern":"a{99999999999999999999}"}}}',
        '{"$id":"http://[","properties":{"a":{"$ref":"x"}}}',
    ]
    await hostile.do("writer", name="a", topic="AgentCapability", type="AgentCapability", durable=True, lease=1)
    await hostile.do("write", name="a", payload=AGENT.hex())
    await hostile.do("writer", name="w", topic="FunctionCapability", type="FunctionCapability", durable=True, lease=1)
    await hostile.matched("w")
    for number, text in enumerate(NO_OBJECTS):
        payload = with_values("FunctionCapability", FUNCTION, name=f"refused{number}", parameter_schema=text)
        assert (await hostile.do("write", name="w", payload=payload.hex()))["code"] == 0
    for number, text in enumerate(schemas):
        payload = with_values("FunctionCapability", FUNCTION, name=f"evil{number}", parameter_schema=text)
        assert (await hostile.do("write", name="w", payload=payload.hex()))["code"] == 0
    for payload in hostile_samples.undecodable(FUNCTION) + hostile_samples.mutated(FUNCTION, 100):
        await hostile.do("write", name="w", payload=payload.hex())
    await hostile.do("write", name="w", payload=with_values("FunctionCapability", FUNCTION, name="last").hex())
    assert await bus.app.directory.wait_for(lambda: ("liar", "last") in bus.discovered_functions, 20)
    assert not [name for _, name in bus.discovered_functions if name.startswith("refused")]
    assert {("liar", f"evil{number}") for number in range(len(schemas))} <= set(bus.discovered_functions)
    calls = (
        bus.call_function("liar", f"evil{number}", timeout_seconds=2, a="a" * 60 + "!")
        for number in range(len(schemas))
    )
    for text, error in zip(schemas, await asyncio.gather(*calls, return_exceptions=True), strict=True):
        assert isinstance(error, GenesisError), (text[:60], error)
    server.end()
    assert server.connections == 0
    assert await bus.call_function("calculator", "add", a=1, b=2) == 3


class _CountingServer(socketserver.ThreadingTCPServer):
    """Counts connections and closes them. In threads of its own: who fetches in the event loop would wait for itself."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)
        self.connections = 0
        self._thread = threading.Thread(target=self.serve_forever)
        self._thread.start()

    def process_request(self, *arguments: Any) -> None:
        self.connections += 1
        super().process_request(*arguments)

    def end(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


def _resident_bytes(pid: int) -> int:
    """Memory a process holds (statm: pages, resident ones second)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


async def _request_writer(hostile: Peer) -> None:
    await hostile.do("writer", name="w", topic="WorkerService_victimRequest", type="AgentAgentRequest",
                     user_data="ab" * 16)  # fmt: skip
    await hostile.matched("w")


async def _finish_requests(hostile: Peer, bus: GenesisInterface) -> None:
    """Send one good request, and wait until the victim has run it."""
    last = encode_request(AgentRequest("run last", bytes(16), 2**63 - 1))
    assert (await hostile.do("write", name="w", payload=last.hex()))["code"] == 0
    assert await bus.wait_for_agent("victim")
    await wait_for(bus, "victim", "ran last")


async def _ask_everything(bus: GenesisInterface) -> None:
    """All queries, for what they make of odd agents."""
    assert bus.get_agents_by_capability("lie")
    bus.get_agents_by_type("general")
    bus.get_agents_by_model_type("x")
    bus.get_agents_by_performance_metric("speed", 0, 1)
    bus.get_agents_by_performance_metric("cost", 0)
    bus.is_agent_discovered("\ud800")
    for info in bus.get_discovered_agents().values():
        dict(info)
        repr(info)
    await bus.find_agents_by_specialization("x")
    await bus.find_general_agents()
    await bus.find_specialized_agents()
