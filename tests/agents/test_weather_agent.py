"""OpenWeatherMapAgent: what it answers, with the real client on a real server; across processes over DDS at the end."""

from __future__ import annotations

import json
import logging
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest

from genesis_lib import GenesisInterface
from genesis_lib.agents.sample_weather import SAMPLE_NOTE
from genesis_lib.agents.weather import OpenWeatherMapAgent
from genesis_lib.errors import ConfigError
from genesis_lib.llm.openai import OpenAIChatModel
from genesis_lib.testing import ScriptedModelServer, WeatherServer
from genesis_lib.testing.fixtures import StartAgentProcess
from genesis_lib.testing.model_server import Answer
from genesis_lib.testing.weather_server import CURRENT, FORECAST, GEOCODING, ONE_CALL, Fault
from tests.agents.conftest import KEY


@pytest.fixture
async def agent(weather_server: WeatherServer) -> AsyncIterator[OpenWeatherMapAgent]:
    agent = OpenWeatherMapAgent(KEY, base_url=weather_server.base_url)
    yield agent
    await agent.close()


async def ask(agent: OpenWeatherMapAgent, message: str, conversation_id: str = "") -> dict[str, Any]:
    return await agent.process_agent_request(
        {"message": message, "conversation_id": conversation_id, "metadata": {}, "timeout_seconds": 10.0}
    )


@pytest.mark.parametrize(
    ("message", "location", "weather_type", "says"),
    [
        ("Weather in Monument, Colorado", "Monument, Colorado, US", "current_weather", "12 °C, light rain"),
        ("Paris weather?", "Paris, Ile-de-France, FR", "current_weather", "11 °C, scattered clouds"),
        (
            "What will the weather be like tomorrow in Monument, Colorado?",
            "Monument, Colorado, US",
            "weather_forecast",
            "2 to 9 °C, moderate rain",
        ),
        ("5 day forecast for Rio de Janeiro", "Rio de Janeiro, BR", "weather_forecast", "tomorrow ("),
        ("Weather alerts for Monument, Colorado?", "Monument, Colorado, US", "weather_alerts", "Wind Advisory (Sample"),
        ("Any weather warnings in Oslo?", "Oslo, NO", "weather_alerts", "no weather alerts in force"),
        ("How hot is it in Hot Springs?", "Hot Springs, Arkansas, US", "temperature_check", "19 °C now"),
        ("How cold will New York be tomorrow?", "New York, US", "temperature_check", "5 to 11 °C"),
        ("is it raining in São Paulo right now", "São Paulo, BR", "precipitation_forecast", "yes, moderate rain"),
        ("will it snow in oslo tomorrow", "Oslo, NO", "precipitation_forecast", ": dry."),
        ("Umbrella in London, Ontario tomorrow?", "London, Ontario, CA", "precipitation_forecast", "chance of snow"),
        ("Will it rain today in Tokyo?", "Tokyo, JP", "precipitation_forecast", "Tokyo, JP"),
    ],
)
async def test_a_question_gets_its_answer(
    agent: OpenWeatherMapAgent, message: str, location: str, weather_type: str, says: str
) -> None:
    reply = await ask(agent, message)
    assert reply["metadata"] == {"location": location, "weather_type": weather_type, "source": "openweathermap"}
    assert reply["status"] == 0
    assert reply["message"].startswith(location)
    assert says in reply["message"]
    assert SAMPLE_NOTE not in reply["message"]


@pytest.mark.parametrize("message", ["hello", "", "Will it rain tomorrow?", "?"])
async def test_without_a_place_it_asks_for_one(agent: OpenWeatherMapAgent, message: str) -> None:
    reply = await ask(agent, message)
    assert reply["status"] == -1
    assert "Which place" in reply["message"]


async def test_a_place_nobody_knows_is_named(agent: OpenWeatherMapAgent) -> None:
    reply = await ask(agent, "Will it rain in Port Xyzzy, Colorado?")
    assert reply["status"] == -1
    assert "'Port Xyzzy, Colorado'" in reply["message"]
    assert reply["metadata"]["location"] == ""


async def test_beyond_the_forecast_it_says_how_far_it_reaches(
    agent: OpenWeatherMapAgent, weather_server: WeatherServer
) -> None:
    body = {"list": [{"dt": 1795687200, "main": {"temp": 1}}], "city": {"timezone": 0}}
    weather_server.faults[FORECAST] = Fault(body=json.dumps(body).encode())
    reply = await ask(agent, "Forecast for Oslo tomorrow")
    assert reply["status"] == -1
    assert "the forecast reaches until Thursday 26 November" in reply["message"]


def assert_says_what_it_can_answer(reply: dict[str, Any]) -> None:
    assert reply["status"] == -1
    assert reply["message"].startswith("Oslo, NO: there is no answer for that day.")
    assert "the current weather and that of the next five days (the forecast reaches until" in reply["message"]
    assert reply["metadata"]["location"] == "Oslo, NO"


@pytest.mark.parametrize(
    "message",
    [
        "Will it rain on 25 December in Oslo?",
        "Temperature in Oslo on 2026-12-24?",
        "Weather in Oslo yesterday?",
        "weather in oslo in three weeks",
        "Weather alerts in Oslo next month",
        "Oslo forecast for next week",
        "oslo in 10 days",
    ],
)
async def test_for_another_day_it_says_what_it_can_answer(agent: OpenWeatherMapAgent, message: str) -> None:
    assert_says_what_it_can_answer(await ask(agent, message))


async def test_a_follow_up_about_another_day_is_not_about_a_place(agent: OpenWeatherMapAgent) -> None:
    await ask(agent, "Will it rain in Oslo?", "c1")
    for message in ("and in three weeks?", "And in 10 days?", "And on 25 December?", "last week?"):
        assert_says_what_it_can_answer(await ask(agent, message, "c1"))


async def test_today_without_a_step_left_is_now(agent: OpenWeatherMapAgent, weather_server: WeatherServer) -> None:
    weather_server.faults[FORECAST] = Fault(body=b'{"list": []}')
    reply = await ask(agent, "How warm is it in Oslo today?")
    assert (reply["status"], reply["message"]) == (0, "Oslo, NO: 0 °C now, feels like -2 °C.")


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault(status=401), "OPENWEATHERMAP_API_KEY"),
        (Fault(status=404), "name a town near it"),
        (Fault(status=429, headers={"Retry-After": "9"}), "try again in 9 s"),
        (Fault(status=500), "try again later"),
        (Fault(body=b"<html>"), "no JSON"),
        (Fault(body=b"{}"), "another shape"),
        (Fault(drop=True), "cannot be reached"),
    ],
)
@pytest.mark.parametrize("path", [GEOCODING, CURRENT, FORECAST])
async def test_each_failure_of_the_service_is_a_clear_reply(
    agent: OpenWeatherMapAgent, weather_server: WeatherServer, path: str, fault: Fault, says: str
) -> None:
    weather_server.faults[path] = fault
    reply = await ask(agent, "Forecast for Oslo" if path == FORECAST else "Weather in Oslo")
    assert reply["status"] == -1
    assert says in reply["message"]
    assert reply["metadata"]["source"] == "openweathermap"
    weather_server.faults.clear()
    assert (await ask(agent, "Weather in Oslo"))["status"] == 0


async def test_a_slow_service_is_a_clear_reply(weather_server: WeatherServer) -> None:
    weather_server.faults[CURRENT] = Fault(delay_seconds=60)
    agent = OpenWeatherMapAgent(KEY, base_url=weather_server.base_url, timeout_seconds=0.3)
    reply = await ask(agent, "Weather in Oslo")
    await agent.close()
    assert reply["status"] == -1
    assert "within 0.3 s" in reply["message"]


async def test_alerts_without_a_subscription_are_a_clear_reply(
    agent: OpenWeatherMapAgent, weather_server: WeatherServer
) -> None:
    weather_server.subscribed = False
    reply = await ask(agent, "Weather alerts in Oslo?")
    assert reply["status"] == -1
    assert "subscription to One Call 3.0" in reply["message"]
    assert reply["metadata"]["weather_type"] == "weather_alerts"


async def test_neither_replies_nor_logs_hold_the_key(
    agent: OpenWeatherMapAgent, weather_server: WeatherServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    replies = [await ask(agent, "Weather in Oslo")]
    for path in (GEOCODING, CURRENT, FORECAST, ONE_CALL):
        for fault in (Fault(status=401), Fault(status=302), Fault(body=b"<"), Fault(drop=True)):
            weather_server.faults = {path: fault}
            for question in ("Weather in Paris", "Forecast for Boston", "Weather alerts in Tokyo"):
                replies.append(await ask(agent, question))  # noqa: PERF401  one after the other
    assert {reply["status"] for reply in replies} == {0, -1}
    assert KEY not in repr(replies)
    assert KEY not in caplog.text


# Conversations


async def test_a_follow_up_is_about_the_same_place(agent: OpenWeatherMapAgent) -> None:
    assert (await ask(agent, "Will it rain in Monument, Colorado?", "c1"))["status"] == 0
    reply = await ask(agent, "and tomorrow?", "c1")
    assert reply["message"].startswith("Monument, Colorado, US, tomorrow (")
    assert reply["metadata"]["weather_type"] == "precipitation_forecast"
    reply = await ask(agent, "And in Boston?", "c1")
    assert reply["message"].startswith("Boston, Massachusetts, US, tomorrow (")
    reply = await ask(agent, "How warm is it?", "c1")
    assert reply["message"] == "Boston, Massachusetts, US: 9 °C now, feels like 7 °C."


@pytest.mark.parametrize("conversation_id", ["", "another"])
async def test_conversations_share_nothing(agent: OpenWeatherMapAgent, conversation_id: str) -> None:
    for known in ("c1", ""):
        await ask(agent, "Will it rain in Oslo?", known)
    assert "Which place" in (await ask(agent, "and tomorrow?", conversation_id))["message"]


async def test_a_follow_up_with_an_unknown_place_is_not_about_the_old_one(agent: OpenWeatherMapAgent) -> None:
    await ask(agent, "Will it rain in Oslo?", "c1")
    reply = await ask(agent, "And in Xyzzy?", "c1")
    assert reply["status"] == -1
    assert "'Xyzzy'" in reply["message"]


async def test_the_memory_of_conversations_is_bounded(agent: OpenWeatherMapAgent) -> None:
    for n in range(1100):
        await ask(agent, "Any weather alerts in Oslo?", f"c{n}")
    assert "Which place" in (await ask(agent, "and tomorrow?", "c0"))["message"]
    assert (await ask(agent, "and tomorrow?", "c1099"))["metadata"]["location"] == "Oslo, NO"


# Sample data


@pytest.mark.parametrize(
    ("message", "location"),
    [
        ("Will I need an umbrella in Monument, Colorado?", "Monument, Colorado, US"),
        ("rio de janeiro weather", "Rio de Janeiro, BR"),
        ("What will the weather be tomorrow in Boulder, Colorado?", "Boulder, Colorado"),
        ("Weather alerts for Ulan Bator", "Ulan Bator"),
        ("Nuuk weather?", "Nuuk"),
    ],
)
async def test_without_a_key_the_data_is_marked_as_sample_data(message: str, location: str) -> None:
    reply = await ask(OpenWeatherMapAgent(), message)
    assert reply["status"] == 0
    assert reply["message"].startswith(location)
    assert reply["message"].endswith("(sample data: set OPENWEATHERMAP_API_KEY for live data)")
    assert reply["metadata"]["location"] == location
    assert reply["metadata"]["source"] == "sample"


async def test_without_key_and_place_it_asks_for_a_place() -> None:
    assert (await ask(OpenWeatherMapAgent(), "will it rain tomorrow?"))["status"] == -1


async def test_the_environment_names_key_and_endpoint(
    weather_server: WeatherServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENWEATHERMAP_API_KEY", KEY)
    monkeypatch.setenv("OPENWEATHERMAP_BASE_URL", weather_server.base_url)
    agent = OpenWeatherMapAgent()
    assert (await ask(agent, "Weather in Oslo"))["metadata"]["source"] == "openweathermap"
    await agent.close()
    assert (await ask(OpenWeatherMapAgent(""), "Weather in Oslo"))["metadata"]["source"] == "sample"
    monkeypatch.setenv("OPENWEATHERMAP_BASE_URL", "nonsense")
    with pytest.raises(ConfigError, match="OPENWEATHERMAP_BASE_URL"):
        OpenWeatherMapAgent()


# With a language model


def reading(place: str, weather_type: str = "unspecified", day: str = "unspecified") -> str:
    return json.dumps({"place": place, "weather_type": weather_type, "day": day})


async def ask_with_model(
    weather_server: WeatherServer, model_server: ScriptedModelServer, *messages: str
) -> list[dict[str, Any]]:
    model = OpenAIChatModel("any", base_url=model_server.base_url, max_retries=0)
    agent = OpenWeatherMapAgent(KEY, base_url=weather_server.base_url, model=model)
    try:
        return [await ask(agent, message, "c1") for message in messages]
    finally:
        await agent.close()
        await model.close()


async def test_a_model_reads_what_words_do_not_tell(weather_server: WeatherServer) -> None:
    answers = [reading("New York, New York", "temperature_check", "tomorrow"), reading("", day="now")]
    async with ScriptedModelServer(answers) as model_server:
        first, second = await ask_with_model(
            weather_server, model_server, "Shall I pack shorts for the Big Apple in a day?", "und jetzt?"
        )
    assert first["message"].startswith("New York, US, tomorrow (")
    assert first["metadata"]["weather_type"] == "temperature_check"
    assert second["message"] == "New York, US: 13 °C now, feels like 11 °C."


async def test_the_place_a_model_names_is_the_geocoders_to_confirm(weather_server: WeatherServer) -> None:
    async with ScriptedModelServer([reading("Xyzzy, Colorado")]) as model_server:
        (reply,) = await ask_with_model(weather_server, model_server, "Is it raining there?")
    assert reply["status"] == -1
    assert "'Xyzzy, Colorado'" in reply["message"]


@pytest.mark.parametrize("place", ["hot springs, arkansas", "HOT SPRINGS", "Hot Springs, Arkansas, USA"])
async def test_the_place_a_model_names_is_taken_whole(weather_server: WeatherServer, place: str) -> None:
    async with ScriptedModelServer([reading(place)]) as model_server:
        (reply,) = await ask_with_model(weather_server, model_server, "And there?")
    assert reply["metadata"]["location"] == "Hot Springs, Arkansas, US"
    assert {query["q"].split(",")[0].casefold() for query in weather_server.queries(GEOCODING)} == {"hot springs"}


@pytest.mark.parametrize("weather_type", ["unspecified", "current_weather", "temperature_check", "weather_alerts"])
async def test_a_model_can_say_that_another_day_is_meant(weather_server: WeatherServer, weather_type: str) -> None:
    async with ScriptedModelServer([reading("Oslo", weather_type, "another day")]) as model_server:
        (reply,) = await ask_with_model(weather_server, model_server, "Oslo on Boxing Day?")
    assert_says_what_it_can_answer(reply)


async def test_a_model_that_finds_no_place_is_not_overruled(weather_server: WeatherServer) -> None:
    async with ScriptedModelServer([reading("")]) as model_server:
        (reply,) = await ask_with_model(weather_server, model_server, "Is Paris Hilton's mood stormy?")
    assert "Which place" in reply["message"]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=500),
        Answer("no JSON"),
        Answer(reading("Oslo", "horoscope")),
        Answer(reading("x" * 300)),
        Answer(drop=True),
        Answer(delay_seconds=60),
    ],
)
async def test_a_failing_model_leaves_the_words(weather_server: WeatherServer, answer: Answer) -> None:
    async with ScriptedModelServer([answer]) as model_server:
        model = OpenAIChatModel("any", base_url=model_server.base_url, max_retries=0)
        agent = OpenWeatherMapAgent(KEY, base_url=weather_server.base_url, model=model)
        request = {"message": "How hot is it in Hot Springs?", "conversation_id": "", "timeout_seconds": 2.0}
        reply = await agent.process_agent_request(request)
        await agent.close()
        await model.close()
    assert reply["message"] == "Hot Springs, Arkansas, US: 19 °C now, feels like 17 °C."


# Over DDS, each in its own process


async def test_the_agent_serves_other_processes(
    agent_process: StartAgentProcess, weather_server: WeatherServer
) -> None:
    environment = {
        "OPENWEATHERMAP_API_KEY": KEY,
        "OPENWEATHERMAP_BASE_URL": weather_server.base_url,
        "GENESIS_LOG_LEVEL": "DEBUG",
    }
    process = await agent_process(OpenWeatherMapAgent, environment=environment)
    async with GenesisInterface("test") as bus:
        assert await bus.wait_for_agent("WeatherExpert")
        card = bus.discovered_agents[process.agent_id]
        assert (card.name, card.base_service_name, card.agent_type) == (
            "WeatherExpert",
            "WeatherService",
            "specialized",
        )
        assert set(card.capabilities) == {
            "current_weather",
            "weather_forecast",
            "weather_alerts",
            "temperature_check",
            "precipitation_forecast",
        }
        assert "weather" in card.specializations
        replies = {}
        for message in ("Rain in Monument, Colorado?", "is it raining in São Paulo right now", "Paris weather?"):
            replies[message] = await bus.request_agent("WeatherExpert", message)
        conversation = bus.conversation(process.agent_id)
        await conversation.send("How warm is it in Rio de Janeiro?")
        follow_up = await conversation.send("and tomorrow?")
        weather_server.faults[CURRENT] = Fault(status=401)
        refused = await bus.request_agent("WeatherService", "Weather in Oslo")
    assert [reply["status"] for reply in replies.values()] == [0, 0, 0]
    assert replies["Paris weather?"]["metadata"] == {
        "location": "Paris, Ile-de-France, FR",
        "weather_type": "current_weather",
        "source": "openweathermap",
    }
    assert replies["is it raining in São Paulo right now"]["message"].startswith("São Paulo, BR: yes")
    assert follow_up["message"].startswith("Rio de Janeiro, BR, tomorrow (")
    assert refused["status"] == -1
    assert "OPENWEATHERMAP_API_KEY" in refused["message"]
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    assert KEY not in process.errors() + repr(replies) + repr(refused)


async def test_an_unusable_base_url_ends_the_process_with_a_reason(agent_process: StartAgentProcess) -> None:
    with pytest.raises(ConfigError, match="OPENWEATHERMAP_BASE_URL") as caught:
        await agent_process(
            OpenWeatherMapAgent, environment={"OPENWEATHERMAP_API_KEY": KEY, "OPENWEATHERMAP_BASE_URL": "nonsense"}
        )
    assert KEY not in str(caught.value)
