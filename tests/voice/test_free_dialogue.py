"""A call in free dialogue: language models play both sides, neural voices speak, Whisper hears, and nothing that is said is
known to any language model of speech. Weights come with the dependency group voice-long."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from genesis_lib import GenesisInterface
from genesis_lib.agents.weather import OpenWeatherMapAgent
from genesis_lib.llm.port import ToolCall
from genesis_lib.testing.fixtures import StartAgentProcess
from genesis_lib.testing.model_script import Answer, ChatRequest
from genesis_lib.testing.model_server import ScriptedModelServer
from genesis_lib.voice.agent import CustomerAgent, SupportAgent
from genesis_lib.voice.captured import read_captured
from genesis_lib.voice.production import Production, produce
from genesis_lib.voice.scenario import SIDES, Side, load_scenario
from tests.voice.neural import assemble_whisper, needs_weights, piper_voice

pytestmark = [pytest.mark.long, needs_weights]

MOST_ERRORS = 0.2
PATIENCE_SECONDS = 60
# What each side answers to, by a word that it has to hear.
ANSWERS: dict[Side, dict[str, str]] = {
    "support": {
        "berlin": "",
        "clothes": "A light jacket and comfortable shoes are enough for walking through the old town.",
        "wheelchair": "Yes, the tram stops right in front of it, and every entrance has a ramp.",
    },
    "customer": {
        "where": "I am flying to Berlin tomorrow, and I wonder what the weather will be like.",
        "afternoon": "Then I should pack my umbrella. Do I need warm clothes as well?",
        "jacket": "My grandmother is coming with me. Is the museum easy to reach in a wheelchair?",
        "tram": "Wonderful, you have been very kind. Goodbye!",
    },
}
GREETING = "Good morning, this is the travel desk. Where would you like to go?"
FORECAST = "The weather in Berlin will be mild, with a little rain in the afternoon."


def people(request: ChatRequest) -> Answer | str:
    """Plays both sides by what they heard, like people who know what they want to say and nothing of the other's words."""
    system = request.messages[0]["content"]
    side: Side = "support" if "You work for a travel service" in system else "customer"
    last = request.messages[-1]
    if last["role"] == "tool":
        return FORECAST
    heard = last["content"].lower()
    if "you speak first" in heard:
        return GREETING
    for word, answer in ANSWERS[side].items():
        if word in heard:
            if not answer:
                question = json.dumps({"agent": "WeatherExpert", "question": "What is the weather in Berlin tomorrow?"})
                return Answer("Let me look that up.", tool_calls=(ToolCall("1", "ask_agent", question),))
            if "Goodbye" in answer:
                return Answer(answer, tool_calls=(ToolCall("1", "hang_up", json.dumps({"reason": "all is said"})),))
            return answer
    return "I am sorry, what did you say?"


@pytest.fixture
async def bus(genesis_domain: int) -> AsyncIterator[GenesisInterface]:
    async with GenesisInterface("test") as interface:
        yield interface


async def test_two_agents_talk_freely(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whisper = tmp_path / "whisper-base"
    whisper.mkdir()
    assemble_whisper(whisper)
    async with ScriptedModelServer(script=people) as model:
        monkeypatch.setenv("OPENAI_BASE_URL", model.base_url)
        engines = {"speaker": f"piper:{piper_voice()}", "recogniser": f"whisper:{whisper}"}
        await agent_process(CustomerAgent, {"agent_id": "customer", **engines})
        await agent_process(SupportAgent, {"agent_id": "support", **engines})
        await agent_process(OpenWeatherMapAgent, {"agent_id": "weather"})
        for agent_id in ("customer", "support", "weather"):
            assert await bus.wait_for_agent(agent_id, PATIENCE_SECONDS)
        script = load_scenario("free-talk")
        personas = {side: script.persona_of(side) for side in SIDES}
        agents: dict[Side, str] = {"customer": "customer", "support": "support"}
        call = Production("free-talk", script, agents, personas, "desk", tmp_path / "call", "fast")
        result = await produce(bus, call)
    told = [(each.side, each.spoken, each.heard) for each in read_captured(tmp_path / "call").utterances]
    assert (result.missing, result.reason) == ((), "all is said"), told
    assert len(told) >= 8
    assert result.figures.bus_calls.count == 1
    for side in SIDES:
        error = result.figures.word_error[side]
        assert error.words > 30
        assert error.rate is not None
        assert error.rate <= MOST_ERRORS, told
