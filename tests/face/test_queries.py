"""A9: asking who is there and what they can do, and being told of who comes and goes."""

from __future__ import annotations

import asyncio
import inspect
import signal
from typing import Any

import pytest

from genesis_lib import AgentInfo, GenesisInterface
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.face.agents import InterfacesOnly, Probe
from tests.face.watching import Changes, Host, departure_of, soon

CARDS: dict[str, dict[str, Any]] = {
    "weather": {
        "agent_type": "specialized",
        "specializations": ["weather"],
        "capabilities": ["forecast", "alerts"],
        "model_info": {"model_type": "llama"},
        "performance_metrics": {"accuracy": 0.9, "latency_ms": 40},
    },
    "tides": {
        "agent_type": "specialized",
        "specializations": ["sea", "weather"],
        "capabilities": ["forecast"],
        "model_info": {"model_type": "mistral"},
        "performance_metrics": {"accuracy": 0.7, "latency_ms": "n/a"},
    },
    "general": {"agent_type": "general", "default_capable": True, "model_info": {"model_type": "llama"}},
}
CAPABILITY_MEMBERS = {
    "agent_id",
    "name",
    "description",
    "agent_type",
    "service_name",
    "last_seen",
    "capabilities",
    "specializations",
    "model_info",
    "classification_tags",
    "performance_metrics",
    "default_capable",
}


@pytest.fixture
async def directory(bus: GenesisInterface, host: Host) -> GenesisInterface:
    """A bus with one process for each card."""
    await asyncio.gather(
        *(host(Probe, agent_name=f"The {agent_id}", agent_id=agent_id, card=card) for agent_id, card in CARDS.items())
    )
    return bus


async def test_queries_by_what_agents_announce(directory: GenesisInterface) -> None:
    bus = directory
    assert set(bus.get_discovered_agents()) == set(bus.discovered_agents) == set(CARDS)
    assert bus.is_agent_discovered("weather")
    assert bus.is_agent_discovered("The weather")
    assert not bus.is_agent_discovered("nobody")

    assert set(bus.get_agents_by_type("specialized")) == {"weather", "tides"}
    assert bus.get_agents_by_type("general") == ["general"]
    assert bus.get_agents_by_type("no such type") == []
    assert set(await bus.find_specialized_agents()) == {"weather", "tides"}
    assert await bus.find_general_agents() == ["general"]

    assert set(bus.get_agents_by_capability("forecast")) == {"weather", "tides"}
    assert set(await bus.find_agents_by_capability("forecast")) == {"weather", "tides"}
    assert await bus.find_agents_by_capability("alerts") == ["weather"]
    assert bus.get_agents_by_capability("fore") == []
    assert await bus.find_agent_with_capability("alerts") == "weather"
    assert await bus.find_agent_with_capability("forecast") in {"weather", "tides"}
    assert await bus.find_agent_with_capability("teleportation") is None

    assert set(await bus.find_agents_by_specialization("weather")) == {"weather", "tides"}
    assert await bus.find_agents_by_specialization("sea") == ["tides"]
    assert await bus.find_agents_by_specialization("Sea") == []

    assert set(bus.get_agents_by_model_type("llama")) == {"weather", "general"}
    assert bus.get_agents_by_model_type("mistral") == ["tides"]

    assert set(bus.get_agents_by_performance_metric("accuracy")) == {"weather", "tides"}
    assert bus.get_agents_by_performance_metric("accuracy", 0.8) == ["weather"]
    assert bus.get_agents_by_performance_metric("accuracy", max_value=0.8) == ["tides"]
    assert bus.get_agents_by_performance_metric("accuracy", 0.9, 0.9) == ["weather"]
    assert bus.get_agents_by_performance_metric("accuracy", 0.91, 1.0) == []
    assert bus.get_agents_by_performance_metric("latency_ms") == ["weather"]
    assert bus.get_agents_by_performance_metric("unheard of") == []


async def test_an_info_has_the_members_of_agent_capability(directory: GenesisInterface) -> None:
    info = directory.get_discovered_agents()["tides"]
    assert set(info) >= CAPABILITY_MEMBERS
    assert len(info) == len(dict(info))
    for member in CAPABILITY_MEMBERS:
        assert info[member] == getattr(info, member)
    assert info["specializations"] == ("sea", "weather")
    assert info["model_info"]["model_type"] == "mistral"
    assert info["performance_metrics"] == {"accuracy": 0.7, "latency_ms": "n/a"}
    assert info["name"] == "The tides"
    assert info["default_capable"] is False
    with pytest.raises(KeyError):
        info["no such member"]


async def test_agents_ask_as_interfaces_do_and_do_not_find_themselves(directory: GenesisInterface) -> None:
    async with Probe("Asking", {"capabilities": ["forecast"]}, agent_id="asking") as agent:
        assert set(await agent.find_agents_by_capability("forecast")) == {"weather", "tides"}
        assert set(agent.discovered_agents) == set(CARDS)
        assert await directory.wait_for_agent("asking")
        assert set(directory.get_agents_by_capability("forecast")) == {"weather", "tides", "asking"}


async def test_find_lets_a_fresh_caller_look_around_first(
    genesis_domain: int, agent_process: StartAgentProcess
) -> None:
    await agent_process(Probe, {"agent_id": "general", "card": CARDS["general"]})
    async with GenesisInterface("fresh") as bus:
        assert await bus.find_general_agents() == ["general"]


def test_find_methods_are_coroutines_and_get_methods_are_not() -> None:
    for name in dir(GenesisInterface):
        method = getattr(GenesisInterface, name)
        if name.startswith("find_"):
            assert inspect.iscoroutinefunction(method), name
        elif name.startswith(("get_", "is_")):
            assert not inspect.iscoroutinefunction(method), name


class Visits(Changes):
    """Who came and went, as the callbacks tell it."""

    def __init__(self, caller: GenesisInterface | Probe) -> None:
        super().__init__()
        self.came: list[AgentInfo] = []
        self.went: list[AgentInfo] = []
        caller.add_discovery_callback(self.on_arrival)
        caller.add_departure_callback(self.on_departure)

    def on_arrival(self, info: AgentInfo) -> None:
        self.came.append(info)
        self.changed()

    def on_departure(self, info: AgentInfo) -> None:
        self.went.append(info)
        self.changed()


async def test_callbacks_tell_of_arrival_exit_and_crash(bus: GenesisInterface, host: Host) -> None:
    visits = Visits(bus)
    leaver = await host(Probe, agent_id="leaver", card=CARDS["weather"])
    victim = await host(Probe, agent_id="victim")
    await visits.until(lambda: len(visits.came) == 2)
    assert [info.agent_id for info in visits.came] == ["leaver", "victim"]
    assert visits.came[0].capabilities == ("forecast", "alerts")
    assert visits.went == []
    leaver.send_signal(signal.SIGTERM)
    await visits.until(lambda: len(visits.went) == 1)
    victim.send_signal(signal.SIGKILL)
    await visits.until(lambda: len(visits.went) == 2)
    assert [info.agent_id for info in visits.went] == ["leaver", "victim"]
    assert visits.went[0].capabilities == ("forecast", "alerts")
    assert len(visits.came) == 2


async def test_a_callback_given_before_opening_hears_of_all_agents(
    genesis_domain: int, agent_process: StartAgentProcess
) -> None:
    await agent_process(Probe, {"agent_id": "early"})
    first = GenesisInterface("first")
    visits = Visits(first)
    async with first:
        await visits.until(lambda: [info.agent_id for info in visits.came] == ["early"])
        second = GenesisInterface("second in the same process")
        later_visits = Visits(second)
        async with second:
            await later_visits.until(lambda: [info.agent_id for info in later_visits.came] == ["early"])


async def test_an_agents_callbacks_leave_out_itself_and_those_it_cannot_call(bus: GenesisInterface, host: Host) -> None:
    agent = Probe("Watching")
    visits = Visits(agent)
    async with agent:
        inward = await host(InterfacesOnly)
        assert await bus.wait_for_agent(inward.agent_id)
        await host(Probe, agent_id="callable")
        await visits.until(lambda: any(info.agent_id == "callable" for info in visits.came))
        assert [info.agent_id for info in visits.came] == ["callable"]
        assert set(agent.discovered_agents) == {"callable"}


async def test_a_callback_that_raises_harms_nobody_else(bus: GenesisInterface, host: Host) -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    def raises(info: AgentInfo) -> None:
        raise ValueError(f"no room for {info.agent_id}")

    bus.add_discovery_callback(raises)
    bus.add_departure_callback(raises)
    async with GenesisInterface("in the same process") as other:
        visits = Visits(other)
        process = await host(Probe, agent_id="a")
        assert await other.wait_for_agent("a", timeout_seconds=10)
        await visits.until(lambda: len(visits.came) == 1)
        assert (await other.request_agent("a", "hello"))["message"] == "hello"
        gone = departure_of(other, "a")
        process.send_signal(signal.SIGTERM)
        await soon(gone)
        assert other.agent_connections == {}
    assert "no room for a" in str(reported)
