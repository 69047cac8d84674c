"""B3: a request finds its specialist: the model chooses, the agent asks, and answers itself when that fails.

The model is a scripted stand-in behind a real HTTP endpoint, asked by the real client, from the agent's own process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from genesis_lib import AgentNotFound, ConfigError, GenesisInterface, InvalidRequest
from genesis_lib.testing import ScriptedModelServer
from genesis_lib.testing.model_script import Answer, routing_script
from tests.face.agents import Fails, OnlyProcessAgentRequest, Router, Specialist, StreamsFromProcessRequest
from tests.face.watching import Host

WEATHER_CARD = {"agent_type": "specialized", "specializations": ["weather"], "capabilities": ["forecast"]}
GENERAL_CARD = {"agent_type": "general", "default_capable": True}
TIMEOUT_SECONDS = 60.0
"""Routing may take half of it, and the first question to a model imports its client: slow on a busy machine."""
RULES = {"rain": "WeatherExpert", "soup": "Cook", "doom": "Fails"}


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENESIS_REQUEST_TIMEOUT_SECONDS", str(TIMEOUT_SECONDS))


@pytest.fixture
async def model(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedModelServer]:
    """A model endpoint that agents started after it are configured for."""
    async with ScriptedModelServer(script=routing_script(RULES)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "no secret")
        yield server


async def specialists(bus: GenesisInterface, host: Host) -> None:
    """A weather expert, a cook, and a general agent that knows both."""
    await asyncio.gather(
        host(Specialist, agent_name="WeatherExpert", agent_id="weather", card=WEATHER_CARD),
        host(Specialist, agent_name="Cook", agent_id="cook", card={"specializations": ["cooking"]}),
        host(Router, agent_name="General", agent_id="general", card=GENERAL_CARD),
    )
    for agent_id in ("weather", "cook"):
        assert (await bus.request_agent("general", f"know {agent_id}"))["message"] == "True"


async def test_the_model_picks_the_specialist(bus: GenesisInterface, host: Host, model: ScriptedModelServer) -> None:
    await specialists(bus, host)
    reply = await bus.request_agent(
        "General", "Will it rain in Oslo?", "c1", TIMEOUT_SECONDS, metadata={"units": "metric"}
    )
    assert reply["message"] == "WeatherExpert on Will it rain in Oslo?"
    assert reply["status"] == 0
    assert reply["conversation_id"] == "c1"
    assert reply["metadata"]["routed_to"] == "weather"
    assert "rain" in reply["metadata"]["reason"]
    assert reply["metadata"]["heard"] == {"units": "metric"}
    assert reply["agent_id"] == "general"
    reply = await bus.request_agent("General", "A soup, please", timeout_seconds=TIMEOUT_SECONDS)
    assert (reply["message"], reply["metadata"]["routed_to"]) == ("Cook on A soup, please", "cook")
    assert len(model.requests) == 2


async def test_the_agent_answers_itself_when_nobody_fits(
    bus: GenesisInterface, host: Host, model: ScriptedModelServer
) -> None:
    await specialists(bus, host)
    reply = await bus.request_agent("General", "Tell me a joke", timeout_seconds=TIMEOUT_SECONDS)
    assert reply["message"] == "General on Tell me a joke"
    assert "routed_to" not in reply["metadata"]
    assert len(model.requests) == 1
    asked = str(model.requests[0].messages)
    assert "WeatherExpert" in asked
    assert "General" not in asked, "an agent does not offer itself to the model"


async def test_the_agent_answers_itself_when_the_specialist_fails(
    bus: GenesisInterface, host: Host, model: ScriptedModelServer
) -> None:
    await host(Fails, agent_id="fails")
    await host(Router, agent_name="General", agent_id="general", card=GENERAL_CARD)
    assert (await bus.request_agent("general", "know fails"))["message"] == "True"
    reply = await bus.request_agent("General", "doom", timeout_seconds=TIMEOUT_SECONDS)
    assert reply["message"] == "General on doom"


async def test_the_agent_answers_itself_when_the_model_cannot_be_asked(
    bus: GenesisInterface, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ScriptedModelServer([Answer("no such key", status=401)]) as refusing:
        monkeypatch.setenv("OPENAI_BASE_URL", refusing.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "wrong")
        await specialists(bus, host)
        reply = await bus.request_agent("General", "Will it rain?", timeout_seconds=TIMEOUT_SECONDS)
        assert reply["message"] == "General on Will it rain?"
        assert len(refusing.requests) == 1


async def test_an_interface_routes(bus: GenesisInterface, host: Host, model: ScriptedModelServer) -> None:
    await host(Specialist, agent_name="WeatherExpert", agent_id="weather", card=WEATHER_CARD)
    await host(Specialist, agent_name="Cook", agent_id="cook")
    async with GenesisInterface("with a model") as shop:
        reply = await shop.route_request_to_best_agent(
            "Will it rain in Oslo?", "c1", TIMEOUT_SECONDS, metadata={"units": "metric"}
        )
        assert reply["message"] == "WeatherExpert on Will it rain in Oslo?"
        assert reply["metadata"]["routed_to"] == reply["agent_id"] == "weather"
        assert reply["metadata"]["reason"]
        assert reply["conversation_id"] == "c1"
        with pytest.raises(AgentNotFound):
            await shop.route_request_to_best_agent("Tell me a joke")


async def test_without_a_model_the_default_capable_agent_is_asked(bus: GenesisInterface, host: Host) -> None:
    await host(Specialist, agent_name="WeatherExpert", agent_id="weather", card=WEATHER_CARD)
    with pytest.raises(AgentNotFound, match="no language model"):
        await bus.route_request_to_best_agent("Will it rain?")
    await host(Specialist, agent_name="General", agent_id="general", card=GENERAL_CARD)
    reply = await bus.route_request_to_best_agent("Will it rain?")
    assert reply["message"] == "General on Will it rain?"
    assert reply["metadata"]["routed_to"] == "general"
    assert "no language model" in reply["metadata"]["reason"]


async def test_an_agent_without_process_request_cannot_answer_itself(bus: GenesisInterface) -> None:
    async with OnlyProcessAgentRequest() as agent:
        with pytest.raises(ConfigError, match="process_request"):
            await agent.process_request_with_routing("hello")


@pytest.mark.parametrize("request_", [{}, {"message": None}, {"message": 5}, None, 5])
async def test_what_is_no_request_is_refused(bus: GenesisInterface, request_: Any) -> None:
    async with StreamsFromProcessRequest() as agent:
        with pytest.raises(InvalidRequest, match="'message'"):
            await agent.process_request_with_routing(request_)


async def test_an_agent_that_streams_answers_itself_in_one_piece(bus: GenesisInterface) -> None:
    async with StreamsFromProcessRequest() as agent:
        assert (await agent.process_request_with_routing("a b"))["message"] == "ab"
