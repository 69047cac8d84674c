"""F1: who calls is told by the DDS participant, never by what a request says of itself."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from genesis_lib import GenesisInterface, NotAuthorised
from genesis_lib.dds.open import open_participant
from genesis_lib.dds.port import Participant
from genesis_lib.discovery.wire import AGENT_TOPIC, encode_agent
from genesis_lib.events import EventType
from genesis_lib.messages import AgentInfo
from genesis_lib.settings import load_settings
from genesis_lib.testing import AgentProcess
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.contract.agents import Worker
from tests.contract.background import Background
from tests.contract.recorder import PATIENCE_SECONDS
from tests.security.agents import Caller, EagerCaller, Guarded, Scribe
from tests.security.conftest import Ask, Events
from tests.security.raw_client import RawClient, refusal

ONLY_BILLING = {
    "default": "deny",
    "rules": [
        {"effect": "allow", "callers": ["billing*"]},
        {"effect": "allow", "callers": ["@unannounced"], "functions": ["knows"]},
    ],
}
LEDGER = "Books_ledger"


@pytest.fixture
async def stranger(genesis_domain: int) -> AsyncIterator[Participant]:
    """A participant that announces nothing."""
    participant = await open_participant(load_settings())
    yield participant
    await participant.close()


@pytest.fixture
async def background() -> AsyncIterator[Background]:
    """Start a coroutine as a task that ends with the test."""
    tasks = Background()
    yield tasks
    await tasks.end()


@pytest.fixture
async def ledger(bus: GenesisInterface, agent_process: StartAgentProcess) -> AgentProcess:
    """An agent that lets agents called billing call it, and nobody else; billing is there, in another process."""
    await agent_process(Caller, {"agent_id": "billing"})
    process = await agent_process(Guarded, {"agent_id": "ledger", "policy": ONLY_BILLING})
    assert await bus.wait_for_agent("ledger")
    assert await bus.call_function("ledger", "knows", agent_id="billing")
    return process


@pytest.fixture
async def open_ledger(bus: GenesisInterface, agent_process: StartAgentProcess) -> AgentProcess:
    """The same without a policy: what is refused there is refused because of who asks."""
    await agent_process(Caller, {"agent_id": "billing"})
    process = await agent_process(Guarded, {"agent_id": "ledger"})
    assert await bus.wait_for_agent("ledger")
    assert await bus.call_function("ledger", "knows", agent_id="billing")
    return process


async def executed(bus: GenesisInterface) -> int:
    return int(await bus.call_function("ledger", "executed"))


@pytest.mark.parametrize("connected_as", ["", "billing"], ids=["nobody's connection", "a connection in its name"])
async def test_a_program_cannot_speak_for_an_agent_of_another_process(
    open_ledger: AgentProcess, stranger: Participant, bus: GenesisInterface, events: Events, connected_as: str
) -> None:
    assert await executed(bus) == 0
    client = await RawClient(stranger, LEDGER, connected_as).open()
    reply = await client.send("hello", "billing")
    assert refusal(reply) == "NotAuthorised"
    assert f"participant {stranger.guid.hex()} sent a request in the name of agent billing" in reply.message
    assert "which it has not announced" in reply.message
    assert await executed(bus) == 0
    event = await events.newest(EventType.AGENT_REQUEST_REFUSED)
    assert (event.component_id, event.source_id) == ("ledger", stranger.guid.hex())


async def test_an_agent_cannot_speak_for_an_agent_of_another_process(
    open_ledger: AgentProcess, bus: GenesisInterface
) -> None:
    async with Caller(agent_id="mallory") as mallory:
        client = await RawClient(mallory.app.participant, LEDGER, "mallory").open()
        for claimed, name in (("billing", "billing"), ("", "nobody"), ("ledger", "ledger")):
            reply = await client.send("hello", claimed)
            assert refusal(reply) == "NotAuthorised"
            assert reply.message == f"agent mallory sent a request in the name of {name}"
        assert await executed(bus) == 0
        assert (await client.send("hello", "mallory")).message == "hello for mallory"


async def test_a_connection_in_the_name_of_an_agent_of_another_process(
    open_ledger: AgentProcess, bus: GenesisInterface
) -> None:
    async with Caller(agent_id="mallory") as mallory:
        client = await RawClient(mallory.app.participant, LEDGER, "billing").open()
        for claimed in ("billing", "mallory", ""):
            assert refusal(await client.send("hello", claimed)) == "NotAuthorised"
        assert await executed(bus) == 0


async def test_a_program_may_speak_for_the_agents_of_its_own_process(
    open_ledger: AgentProcess, bus: GenesisInterface
) -> None:
    async with Caller(agent_id="mallory") as mallory:
        client = await RawClient(mallory.app.participant, LEDGER, "").open()
        assert (await client.send("hello", "mallory")).message == "hello for mallory"
        assert refusal(await client.send("hello", "billing")) == "NotAuthorised"


async def test_a_policy_knows_an_agent_by_its_connection_only(ledger: AgentProcess, ask: Ask) -> None:
    async with Caller(agent_id="billing-2") as second:
        client = await RawClient(second.app.participant, LEDGER, "").open()
        reply = await client.send("hello", "billing-2")
        assert refusal(reply) == "NotAuthorised"
        assert "which announced no agent, may not call" in reply.message
        client = await RawClient(second.app.participant, LEDGER, "billing-2").open()
        assert (await client.send("hello", "billing-2")).message == "hello for billing-2"
    assert await ask("billing", "message ledger") == {"result": "hello for billing"}


@pytest.mark.parametrize("connected_as", ["", "billing", "billing-9"])
async def test_claiming_an_id_does_not_get_a_program_past_a_policy(
    ledger: AgentProcess, stranger: Participant, connected_as: str
) -> None:
    client = await RawClient(stranger, LEDGER, connected_as).open()
    for claimed in ("billing", "billing-9", ""):
        assert refusal(await client.send("hello", claimed)) == "NotAuthorised"


async def test_an_interface_is_not_an_agent(ledger: AgentProcess, bus: GenesisInterface) -> None:
    with pytest.raises(NotAuthorised, match="which announced no agent"):
        await bus.request_agent("ledger", "hello")
    async with GenesisInterface("billing", "billing-5") as named, GenesisInterface("x", "billing") as same:
        for interface in (named, same):
            with pytest.raises(NotAuthorised):
                await interface.request_agent("ledger", "hello", timeout_seconds=20)


async def test_an_agent_is_known_in_the_first_moment(ledger: AgentProcess, bus: GenesisInterface, ask: Ask,
                                                     agent_process: StartAgentProcess) -> None:  # fmt: skip
    """It calls when it has just joined, in a process that has just started."""
    together = 4
    for first in range(0, 20, together):
        names = [f"billing-{number}" for number in range(first, first + together)]
        await asyncio.gather(*(agent_process(EagerCaller, {"agent_id": name, "target": "ledger"}) for name in names))
        for name in names:
            assert await ask(name, "how was it") == {"result": f"hello for {name}"}


async def test_an_agent_that_joins_at_the_same_time_as_its_callee(agent_process: StartAgentProcess, ask: Ask) -> None:
    for number in range(4):
        name = f"billing-{number}"
        callee, _ = await asyncio.gather(
            agent_process(Guarded, {"agent_id": "ledger", "policy": ONLY_BILLING}),
            agent_process(EagerCaller, {"agent_id": name, "target": "ledger"}),
        )
        assert await ask(name, "how was it") == {"result": f"hello for {name}"}
        callee.send_signal(signal.SIGTERM)
        await callee.wait()


@pytest.mark.parametrize("connected", [True, False], ids=["on an old connection", "on a new connection"])
async def test_both_processes_of_a_rolling_restart_are_the_agent(
    ledger: AgentProcess, ask: Ask, agent_process: StartAgentProcess, background: Background, connected: bool
) -> None:
    if connected:
        assert await ask("billing", "add ledger") == {"result": 3}
    from_old = background(ask("billing", "after all-here add ledger"))
    await ask("billing", "started")
    await agent_process(Caller, {"agent_id": "billing"})
    assert await ask("billing", "add ledger") == {"result": 3}
    await agent_process(Worker, {"agent_id": "all-here"})
    assert await from_old == {"result": 3}
    assert await ask("billing", "add ledger") == {"result": 3}


@pytest.mark.parametrize("replaced", [False, True], ids=["nobody in its place", "another in its place"])
@pytest.mark.parametrize("connected", [True, False], ids=["on an old connection", "on a new connection"])
async def test_an_agent_that_finishes_its_work_while_leaving_is_itself(
    ledger: AgentProcess,
    bus: GenesisInterface,
    ask: Ask,
    agent_process: StartAgentProcess,
    background: Background,
    connected: bool,
    replaced: bool,
) -> None:
    leaver = await agent_process(Caller, {"agent_id": "billing-2"}, {"GENESIS_GRACE_SECONDS": "30"})
    assert await bus.call_function("ledger", "knows", agent_id="billing-2", timeout_seconds=30)
    if connected:
        assert await ask("billing-2", "add ledger") == {"result": 3}
    last_work = background(ask("billing-2", "after has-left add ledger"))
    await ask("billing-2", "started")
    if replaced:
        await agent_process(Caller, {"agent_id": "billing-2"})
        assert await ask("billing-2", "add ledger") == {"result": 3}
        leaver.send_signal(signal.SIGTERM)
    else:
        leaver.send_signal(signal.SIGTERM)
        agents = bus.app.directory.agents
        assert await bus.app.directory.wait_for(lambda: "billing-2" not in agents, PATIENCE_SECONDS)
    await agent_process(Worker, {"agent_id": "has-left"})
    assert await last_work == {"result": 3}
    assert await leaver.wait() == 0


async def test_two_processes_that_announce_the_same_agent_execute_each_request_once(
    agent_process: StartAgentProcess, bus: GenesisInterface, background: Background, tmp_path: Path
) -> None:
    diary = tmp_path / "diary"
    sent = 0

    async def send(caller: GenesisInterface, count: int) -> None:
        nonlocal sent
        for _ in range(count):
            sent += 1
            label = f"request-{sent}"
            assert (await caller.request_agent("twin", label, timeout_seconds=30, wait=True))["message"] == label

    first = await agent_process(Scribe, {"agent_id": "twin", "path": str(diary)})
    await send(bus, 50)
    meanwhile = background(send(bus, 2000))
    second = await agent_process(Scribe, {"agent_id": "twin", "path": str(diary)})
    async with GenesisInterface("another") as another:
        await asyncio.gather(meanwhile, send(another, 200), *(send(bus, 100) for _ in range(4)))
        first.send_signal(signal.SIGTERM)
        await asyncio.gather(send(another, 200), send(bus, 200))
        assert await first.wait() == 0
    noted = Counter(line.split()[0] for line in diary.read_text(encoding="utf-8").splitlines())
    assert noted == Counter(f"request-{number}" for number in range(1, sent + 1))
    executors = {int(line.split()[1]) for line in diary.read_text(encoding="utf-8").splitlines()}
    assert executors == {first.pid, second.pid}
    assert os.getpid() not in executors


async def test_an_announcement_that_comes_late_counts_from_then_on(
    ledger: AgentProcess, stranger: Participant, bus: GenesisInterface
) -> None:
    """The connection is there first, and used without a pause: the agent is nobody at first, then itself."""
    client = await RawClient(stranger, LEDGER, "billing-late").open()
    assert refusal(await client.send("hello", "billing-late")) == "NotAuthorised"
    announcements = await stranger.create_writer(AGENT_TOPIC)
    await announcements.write(encode_agent(AgentInfo("billing-late", "Late", service_name="Late_late")))
    assert await bus.call_function("ledger", "knows", agent_id="billing-late")
    assert (await client.send("hello", "billing-late")).message == "hello for billing-late"
    assert refusal(await client.send("hello", "billing")) == "NotAuthorised"
