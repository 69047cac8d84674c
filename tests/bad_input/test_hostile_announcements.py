"""Announcements in the name of others, or without end, from a participant beside the agent's own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from genesis_lib import GenesisInterface, InvalidArguments
from genesis_lib.dds.open import open_participant
from genesis_lib.dds.port import Participant
from genesis_lib.discovery.directory import Change, Directory
from genesis_lib.discovery.wire import (
    AGENT_TOPIC,
    FUNCTION_TOPIC,
    encode_agent,
    encode_agent_key,
    encode_function,
    encode_function_key,
)
from genesis_lib.messages import AgentInfo, FunctionInfo
from genesis_lib.settings import load_settings
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.agents_for_tests import Calculator
from tests.contract.recorder import PATIENCE_SECONDS
from tests.log_watch import LogWatch

IMPOSSIBLE = {"type": "object", "required": ["what nobody passes"]}
MOST_AGENTS = 256
MOST_FUNCTIONS = 1024


@pytest.fixture
async def bus(genesis_domain: int) -> AsyncIterator[GenesisInterface]:
    async with GenesisInterface() as interface:
        yield interface


@pytest.fixture
async def liar(genesis_domain: int) -> AsyncIterator[Participant]:
    """A participant of its own."""
    participant = await open_participant(load_settings())
    yield participant
    await participant.close()


def agent(agent_id: str) -> bytes:
    return encode_agent(AgentInfo(agent_id, agent_id, service_name=f"Liar_{agent_id}"))


def function(provider: str, name: str) -> bytes:
    return encode_function(FunctionInfo(provider, name, "", IMPOSSIBLE, "Liar_liar"))


async def sees(bus: GenesisInterface, provider: str, name: str) -> bool:
    return await bus.app.directory.wait_for(lambda: (provider, name) in bus.discovered_functions, PATIENCE_SECONDS)


async def test_functions_in_the_name_of_somebody_else_do_not_count(
    agent_process: StartAgentProcess, bus: GenesisInterface, liar: Participant
) -> None:
    await agent_process(Calculator, {"agent_id": "calculator"})
    assert await sees(bus, "calculator", "add")
    agents, functions = [await liar.create_writer(topic) for topic in (AGENT_TOPIC, FUNCTION_TOPIC)]
    await agents.write(agent("liar"))
    for provider, name in (("calculator", "add"), ("calculator", "evil"), ("liar", "first")):
        await functions.write(function(provider, name))
    assert await sees(bus, "liar", "first")
    assert ("calculator", "evil") not in bus.discovered_functions
    assert bus.discovered_functions["calculator", "add"].parameter_schema["required"] == ["a"]
    assert await bus.call_function("calculator", "add", a=1, b=2) == 3
    functions.dispose(encode_function_key("calculator", "add"))
    await functions.write(function("liar", "second"))
    assert await sees(bus, "liar", "second")
    assert ("calculator", "add") in bus.discovered_functions
    with pytest.raises(InvalidArguments):
        await bus.call_function("calculator", "add", a="no number")


async def test_functions_go_with_the_writer_that_announced_them(bus: GenesisInterface, liar: Participant) -> None:
    agents, functions = [await liar.create_writer(topic) for topic in (AGENT_TOPIC, FUNCTION_TOPIC)]
    await functions.write(function("liar", "first"))
    await functions.write(function("liar", "second"))
    await agents.write(agent("liar"))
    assert await sees(bus, "liar", "second")
    functions.dispose(encode_function_key("liar", "second"))
    directory = bus.app.directory
    assert await directory.wait_for(lambda: list(directory.functions) == [("liar", "first")], PATIENCE_SECONDS)
    await functions.close()
    assert await directory.wait_for(lambda: not directory.functions, PATIENCE_SECONDS)
    assert "liar" in directory.agents


async def test_one_writer_announces_so_many_agents(
    bus: GenesisInterface, liar: Participant, log_watch: LogWatch
) -> None:
    first, second = [await liar.create_writer(AGENT_TOPIC) for _ in range(2)]
    for number in range(MOST_AGENTS + 4):
        await first.write(agent(f"first-{number}"))
    await log_watch.until("refused the announcement of an agent", "there are 256 of its writer", count=4)
    first.dispose(encode_agent_key("first-0"))
    await first.write(agent("first-300"))
    await log_watch.until(
        "refused the announcement of an agent", "agent 'first-300' named 'first-300': there are 256 of its writer"
    )
    await first.write(agent("first-0"))
    await second.write(agent("second-0"))
    directory = bus.app.directory
    assert await directory.wait_for(lambda: {"second-0", "first-0"} <= set(directory.agents), PATIENCE_SECONDS)
    assert set(directory.agents) == {f"first-{number}" for number in range(MOST_AGENTS)} | {"second-0"}
    await first.close()
    assert await directory.wait_for(lambda: set(directory.agents) == {"second-0"}, PATIENCE_SECONDS)


async def test_one_writer_announces_so_many_functions(
    bus: GenesisInterface, liar: Participant, log_watch: LogWatch
) -> None:
    agents, functions = [await liar.create_writer(topic) for topic in (AGENT_TOPIC, FUNCTION_TOPIC)]
    await agents.write(agent("liar"))
    for number in range(MOST_FUNCTIONS + 1):
        await functions.write(function("liar", f"f{number}"))
    await log_watch.until("refused the announcement of a function", "there are 1024 of its writer")
    assert await sees(bus, "liar", f"f{MOST_FUNCTIONS - 1}")
    assert len(bus.discovered_functions) == MOST_FUNCTIONS
    functions.dispose(encode_function_key("liar", "f0"))
    await functions.write(function("liar", "another"))
    assert await sees(bus, "liar", "another")


async def test_a_listener_that_fails_loses_no_announcement(liar: Participant, genesis_domain: int) -> None:
    """They are there before the directory is, so that they come at once."""
    writer = await liar.create_writer(AGENT_TOPIC)
    names = {f"agent-{number}" for number in range(5)}
    for name in sorted(names):
        await writer.write(agent(name))

    def fail(change: Change, info: AgentInfo) -> None:
        raise ValueError(info.agent_id)

    participant = await open_participant(load_settings())
    directory = Directory(0)
    directory.add_listener(fail)
    await directory.open(participant)
    assert await directory.wait_for(lambda: set(directory.agents) == names, PATIENCE_SECONDS)
    await directory.close()
    await participant.close()
