"""What agents may get wrong about themselves: refused before they are on the bus."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from genesis_lib import ConfigError, GenesisInterface, genesis_function
from genesis_lib.dds.open import open_participant
from genesis_lib.discovery.wire import AGENT_TOPIC, encode_agent
from genesis_lib.messages import AgentInfo
from genesis_lib.settings import load_settings
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.agents_for_tests import Echo
from tests.bad_input.agents import WithCapabilities

TOO_LARGE: dict[str, dict[str, Any]] = {
    "capabilities": {"capabilities": ["x" * 100] * 30},
    "specializations": {"specializations": ["ä" * 1024]},
    "classification_tags": {"classification_tags": ["x"] * 1000},
    "model_info": {"model_info": {"a": "x" * 1024}},
    "performance_metrics": {"performance_metrics": {"a": "x" * 1024}},
}
INVALID: list[Any] = [
    None,
    "capabilities",
    ["a"],
    {"capability": ["a"]},
    {"capabilities": "translate"},
    {"capabilities": [1]},
    {"capabilities": {"a": 1}},
    {"agent_type": "strange"},
    {"agent_type": None},
    {"model_info": "gpt"},
    {"default_capable": "yes"},
    {"default_capable": 2},
    {1: 2},
]
NOT_FOR_THE_WIRE: list[dict[str, Any]] = [
    {"capabilities": ["\ud800"]},
    {"model_info": {"a": {1}}},
    {"model_info": {"a": float("nan")}},
    {"performance_metrics": {"a": b""}},
]


async def _not_on_the_bus(agent_id: str) -> None:
    async with GenesisInterface() as bus:
        assert not await bus.wait_for_agent(agent_id, 0.2)


async def test_a_capability_over_its_bound_is_refused_at_open(genesis_domain: int) -> None:
    for member, capabilities in TOO_LARGE.items():
        agent = WithCapabilities(capabilities, agent_id="refused")
        with pytest.raises(ConfigError, match=rf"WithCapabilities \(refused\) .*AgentCapability.{member}") as refused:
            await agent.open()
        assert refused.value.target == "refused"
        await agent.close()
    await _not_on_the_bus("refused")


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("description", "ä" * 1025),
        ("description", 5),
        ("description", None),
        ("description", "a\0b"),
        ("service_instance_tag", "t" * 65),
        ("service_instance_tag", 7),
        ("enable_agent_communication", "yes"),
    ],
    ids=lambda value: f"{value!r:.20}",
)
def test_what_cannot_be_announced_is_refused_at_the_constructor(member: str, value: Any) -> None:
    announced = member.removeprefix("enable_")
    with pytest.raises(ConfigError, match=rf"Echo \(refused\) .*AgentCapability\.{announced}") as refused:
        Echo(agent_id="refused", **{member: value})
    assert refused.value.target == "refused"


def test_a_function_that_cannot_be_announced_is_refused_at_the_constructor() -> None:
    class Verbose(Echo):
        @genesis_function
        async def explain(self) -> None: ...

        explain.__doc__ = "x" * 2049

    with pytest.raises(ConfigError, match=r"Echo \(refused\) .*function explain.*FunctionCapability\.description"):
        Verbose(agent_id="refused")


async def test_what_just_fits_is_announced_whole(agent_process: StartAgentProcess) -> None:
    capabilities = {"capabilities": ["x" * 2044], "model_info": {"a": "x" * 1016}}
    await agent_process(WithCapabilities, {"capabilities": capabilities, "agent_id": "fits", "description": "ä" * 1024})
    async with GenesisInterface() as bus:
        assert await bus.wait_for_agent("fits")
        info = bus.discovered_agents["fits"]
        assert list(info.capabilities) == capabilities["capabilities"]
        assert (info.model_info, info.description) == (capabilities["model_info"], "ä" * 1024)
        assert (await bus.request_agent("fits", "hello"))["message"] == "fine"


async def test_capabilities_of_the_wrong_shape_are_a_config_error(genesis_domain: int) -> None:
    for capabilities in INVALID:
        with pytest.raises(ConfigError, match="WithCapabilities: get_agent_capabilities"):
            await WithCapabilities(capabilities, agent_id="refused").open()
    await _not_on_the_bus("refused")


async def test_capabilities_that_cannot_go_on_the_wire_are_refused(genesis_domain: int) -> None:
    for capabilities in NOT_FOR_THE_WIRE:
        with pytest.raises(ConfigError, match="WithCapabilities"):
            await WithCapabilities(capabilities, agent_id="refused").open()
    await _not_on_the_bus("refused")


async def test_an_update_that_is_refused_leaves_the_old_announcement(genesis_domain: int) -> None:
    async with WithCapabilities({"capabilities": ["good"]}, agent_id="agent") as agent, GenesisInterface() as bus:
        assert await bus.wait_for_agent("agent")
        for bad in (*TOO_LARGE.values(), *INVALID, *NOT_FOR_THE_WIRE):
            agent._announced = bad
            with pytest.raises(ConfigError, match="WithCapabilities"):
                await agent.update_capabilities()
        assert list(bus.discovered_agents["agent"].capabilities) == ["good"]
        assert (await bus.request_agent("agent", "hello"))["message"] == "fine"
        agent._announced = {"capabilities": ["better"]}
        await agent.update_capabilities()
        updated = await bus.app.directory.wait_for(
            lambda: list(bus.discovered_agents["agent"].capabilities) == ["better"], 20
        )
        assert updated


@pytest.mark.parametrize(
    "options",
    [
        {"agent_id": ""},
        {"agent_id": "with blank"},
        {"agent_id": "x" * 65},
        {"agent_id": "ü"},
        {"agent_id": "a\n"},
        {"agent_id": 7},
        {"agent_name": ""},
        {"agent_name": "  "},
        {"agent_name": "ä" * 129},
        {"agent_name": 7},
        {"base_service_name": "with blank"},
        {"base_service_name": "x" * 64},
        {"base_service_name": "a\n"},
    ],
    ids=lambda value: f"{value!r:.20}",
)
def test_names_that_cannot_be_used_are_config_errors(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Echo(**options)


@pytest.mark.parametrize("name", ["\ud800", "a\0b"], ids=repr)
def test_a_name_that_is_no_text_is_refused_at_the_constructor(name: str) -> None:
    with pytest.raises(ConfigError, match="agent_name"):
        Echo(agent_name=name)
    with pytest.raises(ConfigError, match="agent_name"):
        GenesisInterface(name)


async def test_a_discovery_callback_that_raises_hides_no_agent(genesis_domain: int) -> None:
    raised: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context.get("exception")))

    def bad(_: object) -> None:
        raise LookupError("the application's own mistake")

    bus, elsewhere = GenesisInterface(), await open_participant(load_settings())
    bus.add_discovery_callback(bad)
    try:
        async with bus:
            writers = [await elsewhere.create_writer(AGENT_TOPIC) for _ in range(5)]
            infos = [
                AgentInfo(f"agent{number}", f"Agent {number}", service_name=f"S_agent{number}") for number in range(50)
            ]
            for number, info in enumerate(infos):  # without a turn of the loop between them, so they are taken together
                assert writers[number % len(writers)].try_write(encode_agent(info))
            assert await bus.app.directory.wait_for(lambda: len(bus.discovered_agents) == 50, 10)
            assert set(bus.discovered_agents) == {info.agent_id for info in infos}
    finally:
        await elsewhere.close()
    assert raised
    assert all(isinstance(error, LookupError) for error in raised)
