"""SmartGeneralAgent: every agent in a process of its own, over real DDS, the model a scripted stand-in on loopback."""

from __future__ import annotations

import asyncio
import json

import pytest

from genesis_lib import GenesisInterface
from genesis_lib.agents.general import SmartGeneralAgent
from genesis_lib.agents.weather import OpenWeatherMapAgent
from genesis_lib.testing import ScriptedModelServer, WeatherServer
from genesis_lib.testing.fixtures import StartAgentProcess
from genesis_lib.testing.model_server import Answer, routing_script
from tests.agents.conftest import KEY
from tests.agents_for_tests import Misbehaving, Relay

QUESTION = "Will it rain tomorrow in Monument, Colorado?"


def weather_environment(server: WeatherServer) -> dict[str, str]:
    return {"OPENWEATHERMAP_API_KEY": KEY, "OPENWEATHERMAP_BASE_URL": server.base_url}


def offered(server: ScriptedModelServer) -> list[set[str]]:
    """The agents each routing question had on offer, by name."""
    documents = [request.messages[1]["content"] for request in server.requests if "agent" in str(request.schema)]
    return [{card["name"] for card in json.loads(document)["agents"]} for document in documents]


async def test_a_question_finds_the_weather_agent_and_the_rest_is_answered(
    agent_process: StartAgentProcess, weather_server: WeatherServer
) -> None:
    async with ScriptedModelServer(script=routing_script({"rain": "WeatherExpert"})) as model:
        weather = await agent_process(OpenWeatherMapAgent, environment=weather_environment(weather_server))
        general = await agent_process(SmartGeneralAgent, environment={"OPENAI_BASE_URL": model.base_url})
        async with GenesisInterface("test") as bus:
            assert await bus.wait_for_agent("WeatherExpert")
            assert await bus.wait_for_agent(general.agent_id)
            card = bus.discovered_agents[general.agent_id]
            routed = await bus.request_agent("SmartGeneralAgent", QUESTION)
            own = await bus.request_agent("GeneralService", "Tell me a joke")
    assert (card.name, card.base_service_name, card.agent_type) == ("SmartGeneralAgent", "GeneralService", "general")
    assert card.default_capable
    assert "chat" in card.capabilities
    assert routed["status"] == 0
    assert routed["message"].startswith("Monument, Colorado, US, tomorrow (")
    assert routed["metadata"]["routed_to"] == weather.agent_id
    assert "'rain' goes to WeatherExpert" in routed["metadata"]["reason"]
    assert routed["metadata"]["source"] == "openweathermap"
    assert own["status"] == 0
    assert "You said: Tell me a joke" in own["message"]
    assert "routed_to" not in own["metadata"]
    assert offered(model) == [{"WeatherExpert"}, {"WeatherExpert"}]


async def test_a_caller_finds_the_specialist_through_routing_too(
    agent_process: StartAgentProcess, weather_server: WeatherServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    weather = await agent_process(OpenWeatherMapAgent, environment=weather_environment(weather_server))
    await agent_process(SmartGeneralAgent)
    async with ScriptedModelServer(script=routing_script({"rain": "WeatherExpert"})) as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.base_url)
        async with GenesisInterface("test") as bus:
            reply = await bus.route_request_to_best_agent(QUESTION)
    assert reply["metadata"]["routed_to"] == weather.agent_id
    assert reply["message"].startswith("Monument, Colorado, US, tomorrow (")
    assert offered(model) == [{"WeatherExpert", "SmartGeneralAgent"}]


async def test_without_a_model_it_says_so_and_names_the_specialists(agent_process: StartAgentProcess) -> None:
    await agent_process(OpenWeatherMapAgent)
    await agent_process(SmartGeneralAgent)
    async with GenesisInterface("test") as bus:
        assert await bus.wait_for_agent("WeatherExpert")
        reply = await bus.request_agent("SmartGeneralAgent", QUESTION)
        fallback = await bus.route_request_to_best_agent(QUESTION)
        direct = await bus.request_agent("WeatherExpert", QUESTION)
    assert reply["status"] == fallback["status"] == -1
    assert "OPENAI_API_KEY" in reply["message"]
    assert reply["message"].endswith("Specialists to ask by name: WeatherExpert.")
    assert reply["metadata"] == {"specialists": ["WeatherExpert"]}
    assert direct["metadata"]["source"] == "sample"


async def test_alone_and_without_a_model_it_says_so(agent_process: StartAgentProcess) -> None:
    await agent_process(SmartGeneralAgent)
    async with GenesisInterface("test") as bus:
        reply = await bus.request_agent("SmartGeneralAgent", QUESTION)
    assert reply["status"] == -1
    assert reply["message"].endswith("No specialist is there.")


async def test_a_failing_model_is_a_clear_reply(agent_process: StartAgentProcess) -> None:
    async with ScriptedModelServer(script=lambda request: Answer("no such key", status=401)) as model:
        environment = {"OPENAI_BASE_URL": model.base_url, "OPENAI_API_KEY": "sk-very-secret-key"}
        process = await agent_process(SmartGeneralAgent, environment=environment)
        async with GenesisInterface("test") as bus:
            reply = await bus.request_agent("SmartGeneralAgent", "Tell me a joke")
    assert reply["status"] == -1
    assert "OPENAI_API_KEY" in reply["message"]
    assert "sk-very-secret-key" not in repr(reply) + process.errors()


async def test_a_specialist_that_fails_leaves_the_answer_to_the_general_agent(
    agent_process: StartAgentProcess,
) -> None:
    async with ScriptedModelServer(script=routing_script({"raise": "Misbehaving"})) as model:
        await agent_process(Misbehaving)
        process = await agent_process(SmartGeneralAgent, environment={"OPENAI_BASE_URL": model.base_url})
        async with GenesisInterface("test") as bus:
            assert await bus.wait_for_agent("Misbehaving")
            reply = await bus.request_agent("SmartGeneralAgent", "raise")
    assert reply["status"] == 0
    assert "You said: raise" in reply["message"]
    assert "routing failed: RemoteAgentError" in process.errors()


async def test_a_silent_model_leaves_time_to_say_so(agent_process: StartAgentProcess) -> None:
    async with ScriptedModelServer(script=lambda request: Answer(delay_seconds=3600)) as model:
        await agent_process(Misbehaving)
        await agent_process(SmartGeneralAgent, environment={"OPENAI_BASE_URL": model.base_url})
        async with GenesisInterface("test") as bus:
            assert await bus.wait_for_agent("Misbehaving")
            reply = await bus.request_agent("SmartGeneralAgent", "Tell me a joke")
    assert reply["status"] == -1
    assert reply["message"].startswith("I cannot answer this now: ")


async def test_a_silent_specialist_leaves_time_for_the_general_agent_s_own_answer(
    agent_process: StartAgentProcess,
) -> None:
    async with ScriptedModelServer(script=routing_script({"hang": "Misbehaving"})) as model:
        await agent_process(Misbehaving)
        process = await agent_process(SmartGeneralAgent, environment={"OPENAI_BASE_URL": model.base_url})
        async with GenesisInterface("test") as bus:
            assert await bus.wait_for_agent("Misbehaving")
            reply = await bus.request_agent("SmartGeneralAgent", "hang")
            async with asyncio.timeout(30):  # the cancellation may come after the question for it
                while (await bus.request_agent("Misbehaving", "cancelled"))["message"] != "1":
                    pass
    assert reply["status"] == 0
    assert "You said: hang" in reply["message"]
    assert "routing failed: RequestTimeout" in process.errors()


async def test_a_request_is_not_routed_back_to_the_agent_that_sent_it(
    agent_process: StartAgentProcess, weather_server: WeatherServer
) -> None:
    rules = {"rai": "Relay", "rain": "WeatherExpert"}  # the script would rather take Relay where it is on offer
    async with ScriptedModelServer(script=routing_script(rules)) as model:
        weather = await agent_process(OpenWeatherMapAgent, environment=weather_environment(weather_server))
        relay = await agent_process(Relay)
        await agent_process(SmartGeneralAgent, environment={"OPENAI_BASE_URL": model.base_url})
        async with GenesisInterface("test") as bus:
            for name in ("WeatherExpert", "Relay", "SmartGeneralAgent"):
                assert await bus.wait_for_agent(name)
            reply = await bus.request_agent(relay.agent_id, f"SmartGeneralAgent {QUESTION}")
    assert reply["metadata"]["routed_to"] == weather.agent_id
    assert reply["metadata"]["via"] == "Relay"
    assert offered(model) == [{"WeatherExpert"}]


async def test_two_general_agents_do_not_pass_a_request_to_and_fro(agent_process: StartAgentProcess) -> None:
    first = await agent_process(SmartGeneralAgent)
    second = await agent_process(SmartGeneralAgent)
    async with GenesisInterface("test") as bus:
        reply = await bus.request_agent(first.agent_id, "Hello?")
    assert reply["metadata"]["routed_to"] == second.agent_id
    assert "No language model is configured" in reply["message"]
