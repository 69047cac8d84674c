"""A1: what an agent is built with, and what it is before and after it joins the bus."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from genesis_lib import (
    AgentCommunicationMixin,
    ConfigError,
    GenesisAgent,
    GenesisInterface,
    MonitoredAgent,
    NotAuthorised,
)
from genesis_lib.messages import AgentRequest
from tests.face.agents import InterfacesOnly, Probe
from tests.face.watching import Host

LONGEST_ID = "id-._" + "x" * 59
LONGEST_BASE = "Base-._" + "x" * 56
LONGEST_NAME = "Wetter für Zürich 天気 " + "n" * 229


class Plain(GenesisAgent):
    async def process_request(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"message": "here"}


class Monitored(MonitoredAgent):
    async def process_request(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"message": "here"}


@pytest.mark.parametrize("kind", [Plain, Monitored])
def test_positional_arguments_in_the_order_of_the_contract(kind: type[Plain] | type[Monitored]) -> None:
    agent = kind("Some agent", "SomeService", "blue", "agent-1", True)
    assert isinstance(agent, AgentCommunicationMixin)
    assert agent.agent_name == "Some agent"
    assert agent.base_service_name == "SomeService"
    assert agent.service_instance_tag == "blue"
    assert agent.app.agent_id == "agent-1"
    assert agent.enable_agent_communication is True


def test_what_is_not_given() -> None:
    agent = Plain("Some agent", "SomeService")
    assert uuid.UUID(hex=agent.app.agent_id).version == 4
    assert agent.app.agent_id == uuid.UUID(hex=agent.app.agent_id).hex
    assert agent.app.agent_id != Plain("Some agent", "SomeService").app.agent_id
    assert agent.enable_agent_communication is False
    assert agent.description == ""


@pytest.mark.parametrize(
    "agent_id", ["", " ", "a b", "a/b", "a*", "a[0]", 'a"', "é", "a\n", "x" * 65, "a:b", "a,b", 7], ids=repr
)
def test_an_agent_id_that_cannot_be_a_topic_name_is_refused(agent_id: Any) -> None:
    with pytest.raises(ConfigError, match="agent_id"):
        Plain("Some agent", agent_id=agent_id)


@pytest.mark.parametrize("base", [" ", "a b", "a/b", "a?", "é", "a\n", "x" * 64, 7], ids=repr)
def test_a_base_service_name_that_cannot_be_a_topic_name_is_refused(base: Any) -> None:
    with pytest.raises(ConfigError, match="base_service_name"):
        Plain("Some agent", base)


@pytest.mark.parametrize("name", ["", "  ", "n" * 257, "ü" * 129, None, 7], ids=repr)
def test_an_agent_name_that_is_blank_or_too_long_is_refused(name: Any) -> None:
    with pytest.raises(ConfigError, match="agent_name"):
        Plain(name)


@pytest.mark.parametrize("kind", [GenesisAgent, MonitoredAgent])
def test_an_agent_without_a_hook_is_refused(kind: type[GenesisAgent]) -> None:
    with pytest.raises(ConfigError, match="process_agent_request"):
        kind("Some agent")


@pytest.mark.parametrize("hook", ["process_agent_request", "process_request"])
def test_a_hook_that_is_not_async_is_refused(hook: str) -> None:
    def answer(self: object, request: dict[str, Any]) -> dict[str, Any]:
        return {"message": "here"}

    def stream(self: object, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield {"message": "here"}

    for function in (answer, stream):
        kind = type("Hasty", (Plain,), {hook: function})
        with pytest.raises(ConfigError, match=f"Hasty.{hook} has to be an 'async def' method"):
            kind("Some agent")


async def test_a_hook_behind_a_decorator_is_taken(bus: GenesisInterface) -> None:
    def transparent(hook: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(hook)
        def call(*arguments: Any) -> Any:
            return hook(*arguments)

        return call

    class Decorated(GenesisAgent):
        process_request = transparent(Plain.process_request)

    async with Decorated("Decorated"):
        assert (await bus.request_agent("Decorated", "hello", wait=True))["message"] == "here"


def test_constructing_opens_nothing() -> None:
    agent = Plain("Some agent", enable_agent_communication=True)
    with pytest.raises(ConfigError, match="not on the bus"):
        _ = agent.app.participant
    with pytest.raises(ConfigError, match="not on the bus"):
        _ = agent.discovered_agents
    with pytest.raises(ConfigError, match="not on the bus"):
        _ = agent.agent_connections


async def test_the_participant_is_there_while_the_agent_is_open(genesis_domain: int) -> None:
    agent = Plain("Some agent", enable_agent_communication=True)
    async with agent:
        assert agent.app.participant.domain_id == genesis_domain
        assert agent.discovered_agents == {}
        assert agent.agent_connections == {}
    with pytest.raises(ConfigError, match="not on the bus"):
        _ = agent.app.participant


async def test_an_agent_opens_again_after_it_was_closed(bus: GenesisInterface) -> None:
    agent = Plain("Again", enable_agent_communication=True)
    for _ in range(2):
        async with agent:
            assert (await bus.request_agent("Again", "hello", wait=True))["message"] == "here"


async def test_opening_twice_is_refused_and_harms_nothing(bus: GenesisInterface) -> None:
    async with Plain("Once", enable_agent_communication=True) as agent:
        with pytest.raises(ConfigError, match="open already"):
            await agent.open()
        assert (await bus.request_agent("Once", "hello"))["message"] == "here"


async def test_the_longest_names_work_across_processes(bus: GenesisInterface, host: Host) -> None:
    assert (len(LONGEST_ID), len(LONGEST_BASE), len(LONGEST_NAME.encode())) == (64, 63, 256)
    await host(Probe, agent_name=LONGEST_NAME, base_service_name=LONGEST_BASE, agent_id=LONGEST_ID)
    for target in (LONGEST_NAME, LONGEST_BASE, LONGEST_ID):
        reply = await bus.request_agent(target, "hello")
        assert (reply["message"], reply["agent_id"]) == ("hello", LONGEST_ID)


async def test_with_the_flag_an_agent_is_server_and_client(bus: GenesisInterface, host: Host) -> None:
    await host(Probe, agent_name="First", agent_id="first")
    await host(Probe, agent_name="Second", agent_id="second")
    reply = await bus.request_agent("First", "ask Second hello")
    assert reply["message"] == "hello"
    assert reply["agent_id"] == "first"
    assert reply["metadata"]["answered_by"] == "second"


async def test_without_the_flag_interfaces_can_call(bus: GenesisInterface, host: Host) -> None:
    await host(InterfacesOnly)
    reply = await bus.request_agent("InterfacesOnly", "hello")
    assert reply["message"] == "hello"
    assert reply["metadata"]["asked_by"] == bus.app.agent_id


async def test_without_the_flag_an_agent_cannot_call(bus: GenesisInterface, host: Host) -> None:
    await host(InterfacesOnly)
    await host(Probe, agent_id="probe")
    assert (await bus.request_agent("InterfacesOnly", "call probe"))["message"] == "ConfigError"


async def test_without_the_flag_agents_do_not_see_it(bus: GenesisInterface, host: Host) -> None:
    inward = await host(InterfacesOnly)
    await host(Probe, agent_id="probe")
    assert (await bus.request_agent("probe", f"know {inward.agent_id}"))["message"] == "True"
    assert (await bus.request_agent("probe", "see"))["message"] == "{}"
    assert await bus.wait_for_agent(inward.agent_id)
    async with Plain("Caller", enable_agent_communication=True) as caller:
        assert set(caller.discovered_agents) == {"probe"}
        with pytest.raises(NotAuthorised, match="interfaces only"):
            await caller.request_agent("InterfacesOnly", "hello")


async def test_without_the_flag_an_agent_that_calls_anyway_is_refused(bus: GenesisInterface, host: Host) -> None:
    inward = await host(InterfacesOnly)
    async with Plain("Caller", enable_agent_communication=True) as caller:
        assert (await bus.request_agent("InterfacesOnly", f"know {caller.app.agent_id}"))["message"] == "True"
        assert await bus.connect_to_agent(inward.agent_id)
        requester = bus.agent_connections[inward.agent_id]
        request = AgentRequest("hello", source_agent_id=caller.app.agent_id)
        with pytest.raises(NotAuthorised, match="interfaces only"):
            await requester.request(request, requester.last_used + 20, connect_timeout=5)
