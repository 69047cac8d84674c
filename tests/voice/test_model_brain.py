"""G4: free talk by a language model, through the real client and a scripted server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest

from genesis_lib.errors import AgentNotFound, VoiceError
from genesis_lib.llm.openai import OpenAIChatModel
from genesis_lib.llm.port import ToolCall
from genesis_lib.settings import Settings, resolve_settings
from genesis_lib.testing.model_script import Answer, ChatRequest
from genesis_lib.testing.model_server import ScriptedModelServer
from genesis_lib.voice.brain import BusCall, Thought, Turn
from genesis_lib.voice.brains.model import ModelBrain
from genesis_lib.voice.brains.open import open_brain
from genesis_lib.voice.brains.scripted import ScriptedBrain
from genesis_lib.voice.persona import load_persona
from genesis_lib.voice.rehearsal import rehearse
from genesis_lib.voice.scenario import SIDES, load_scenario
from genesis_lib.voice.success import unmet
from tests.voice.people import OneAnswer, WeatherOnly, default_personas

BUS = OneAnswer("Berlin, tomorrow: dry.")


def tool(name: str, arguments: object, text: str = "") -> Answer:
    written = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return Answer(text, tool_calls=(ToolCall("call-1", name, written),))


def model_at(base_url: str) -> Settings:
    return resolve_settings({}, openai_base_url=base_url).settings


ASK = {"agent": "WeatherExpert", "question": "Will it rain in Berlin?"}


@asynccontextmanager
async def talker(answers: Iterable[Answer | str]) -> AsyncIterator[tuple[ModelBrain, ScriptedModelServer]]:
    async with ScriptedModelServer(answers) as server:
        model = OpenAIChatModel("some-model", base_url=server.base_url, max_retries=0)
        brain = ModelBrain(model, load_persona("hard-of-hearing"), "Ask for the parcel.", timeout_seconds=5)
        try:
            yield brain, server
        finally:
            await brain.close()


async def test_it_is_told_who_it_is_and_what_was_heard() -> None:
    async with talker(["I would like\nto know **when** it comes."]) as (brain, server):
        turns = [Turn(False, "good morning"), Turn(True, "Hello."), Turn(False, "")]
        assert await brain.answer("what can i do", turns, BUS) == Thought("I would like to know when it comes.")
    system, *rest = server.requests[0].messages
    for words in ("Walter Green", "cheerful", "where it will be left", "ask to repeat", "Ask for the parcel."):
        assert words in system["content"]
    assert [(message["role"], message["content"]) for message in rest] == [
        ("user", "good morning"),
        ("assistant", "Hello."),
        ("user", "(speech recognition could make nothing of what was said)"),
        ("user", "what can i do"),
    ]
    assert [function["name"] for function in server.requests[0].tools] == ["ask_agent", "hang_up"]


async def test_it_opens_the_call() -> None:
    async with talker(["Hello?"]) as (brain, server):
        assert await brain.open_call(BUS) == Thought("Hello?")
    assert "you speak first" in server.requests[0].last_user_text


async def test_it_asks_an_agent_and_speaks_meanwhile() -> None:
    bus = OneAnswer("dry")
    async with talker([tool("ask_agent", ASK, "One moment."), "It stays dry.", "Yes."]) as (brain, server):
        assert await brain.answer("will it rain", (), bus) == Thought("It stays dry.")
        await brain.answer("really", (), bus)
    assert bus.calls == [BusCall("WeatherExpert", "Will it rain in Berlin?", meanwhile="One moment.")]
    assert server.requests[1].messages[-1]["content"] == "dry"
    assert (
        "WeatherExpert was asked 'Will it rain in Berlin?' and said: dry" in server.requests[2].messages[0]["content"]
    )


async def test_the_model_is_told_of_calls_that_fail() -> None:
    lost = OneAnswer(AgentNotFound("nobody is called WeatherExpert", target="WeatherExpert"))
    async with talker([tool("ask_agent", ASK), "I cannot find out."]) as (brain, server):
        assert (await brain.answer("will it rain", (), lost)).text == "I cannot find out."
    assert "nobody is called WeatherExpert" in server.requests[1].messages[-1]["content"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (tool("ask_agent", "{"), "cannot be used"),
        (tool("ask_agent", {"agent": "a"}), "cannot be used: Field required"),
        (tool("ask_agent", {**ASK, "more": 1}), "cannot be used"),
        (tool("fly", {}), "no tool 'fly'"),
        (tool("hang_up", "[]"), "not valid"),
    ],
)
async def test_the_model_is_told_of_its_mistakes(call: Answer, words: str) -> None:
    async with talker([call, "Sorry."]) as (brain, server):
        assert await brain.answer("hello", (), BUS) == Thought("Sorry.")
    assert words in server.requests[1].messages[-1]["content"]


async def test_it_hangs_up() -> None:
    async with talker([tool("hang_up", {"reason": "all is said"}, "Goodbye.")]) as (brain, _):
        assert await brain.answer("bye", (), BUS) == Thought("Goodbye.", "all is said")


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([Answer(status=500)], "the language model gave no answer"),
        ([Answer(status=401)], "OPENAI_API_KEY"),
        ([Answer(drop=True)], "the language model gave no answer"),
        ([""], "said nothing"),
        ([tool("ask_agent", ASK)] * 9, "5 times over"),
    ],
)
async def test_a_model_that_fails_ends_the_call(answers: list[Answer | str], words: str) -> None:
    async with talker(answers) as (brain, _):
        with pytest.raises(VoiceError, match=words):
            await brain.answer("hello", (), BUS)


async def test_the_brain_that_a_scenario_asks_for() -> None:
    free, scripted = load_scenario("free-talk"), load_scenario("refund")
    person = load_persona("traveller")
    assert isinstance(open_brain(scripted, "customer", person, model_at("")), ScriptedBrain)
    with pytest.raises(VoiceError, match="set OPENAI_API_KEY or OPENAI_BASE_URL"):
        open_brain(free, "customer", person, model_at(""))
    async with ScriptedModelServer(["Hello."]) as server:
        brain = open_brain(free, "customer", person, model_at(server.base_url))
        assert await brain.open_call(BUS) == Thought("Hello.")
        await brain.close()
    assert "go to Berlin tomorrow" in server.requests[0].messages[0]["content"]


def _holiday(request: ChatRequest) -> Answer | str:
    """Both sides of the free talk, told apart by their instructions."""
    last = request.messages[-1]
    if "You work for a travel service" in request.messages[0]["content"]:
        if last["role"] == "tool":
            return f"The weather service says: {last['content']}"
        if "Berlin" in last["content"]:
            question = {"agent": "WeatherExpert", "question": last["content"]}
            return tool("ask_agent", question, "Let me ask about the weather.")
        return "Where do you go?"
    if "rain" in last["content"]:
        return tool("hang_up", {"reason": "the weather is known"}, "Thank you.")
    return "Will it rain in Berlin tomorrow?"


async def test_two_models_talk_freely() -> None:
    scenario = load_scenario("free-talk")
    people = default_personas(scenario)
    async with ScriptedModelServer(script=_holiday) as server:
        brains = {side: open_brain(scenario, side, people[side], model_at(server.base_url)) for side in SIDES}
        played = await rehearse(scenario, brains, people, WeatherOnly())
        for brain in brains.values():
            await brain.close()
    assert unmet(scenario.success, played.outcome) == []
    assert played.hung_up_by == "customer"
    assert [call.agent for call in played.calls] == ["WeatherExpert"]
