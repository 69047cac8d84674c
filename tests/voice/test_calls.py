"""Tests that hear: two voice agents in processes of their own talk over real DDS, and the recording is listened to."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from genesis_lib import GenesisInterface, RemoteAgentError
from genesis_lib.agents.weather import OpenWeatherMapAgent
from genesis_lib.testing.fixtures import StartAgentProcess
from genesis_lib.voice.agent import CustomerAgent, Pace, SupportAgent
from genesis_lib.voice.audio import SAMPLE_RATE
from genesis_lib.voice.captured import read_captured
from genesis_lib.voice.production import CallResult, Production, produce
from genesis_lib.voice.room import VoiceRoom
from genesis_lib.voice.scenario import SHIPPED_SCENARIOS, SIDES, Side, load_scenario
from tests.voice.callers import GarbledCustomer, MutedCustomer
from tests.voice.heard import LOUD, assert_cut_short, assert_heard_alternating, channels, loudness

PATIENCE_SECONDS = 30


@pytest.fixture
async def bus(genesis_domain: int) -> AsyncIterator[GenesisInterface]:
    async with GenesisInterface("test") as interface:
        yield interface


async def hold(
    bus: GenesisInterface,
    scenario: str,
    directory: Path,
    *,
    customer: str = "customer",
    pace: Pace = "fast",
    room: str = "room",
) -> CallResult:
    """Let the agents "customer" and "support", which have been started, hold a call."""
    for agent_id in (customer, "support"):
        assert await bus.wait_for_agent(agent_id, PATIENCE_SECONDS)
    script = load_scenario(scenario)
    agents: dict[Side, str] = {"customer": customer, "support": "support"}
    personas = {side: script.persona_of(side) for side in SIDES}
    return await produce(bus, Production(scenario, script, agents, personas, room, directory, pace))


@pytest.mark.parametrize("pace", ["fast", pytest.param("realtime", marks=pytest.mark.long)])
async def test_two_agents_talk_hear_each_other_and_are_recorded(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path, pace: Pace
) -> None:
    await agent_process(CustomerAgent, {"agent_id": "customer"})
    await agent_process(SupportAgent, {"agent_id": "support"})
    result = await hold(bus, "appointment", tmp_path / "call", pace=pace)
    assert result.missing == ()
    assert result.reason == "the appointment is made"
    call = read_captured(tmp_path / "call")
    assert len(call.utterances) >= 8
    assert_heard_alternating(call, tmp_path / "call")
    for side in SIDES:
        error = result.figures.word_error[side]
        assert error.words > 20
        assert error.rate is not None
        assert error.rate <= 0.15
    left, _ = channels(tmp_path / "call")
    assert result.figures.duration_seconds == pytest.approx(len(left) / SAMPLE_RATE, abs=1)
    for name in ("events.jsonl", "transcript.vtt", "figures.json", "index.html"):
        assert (tmp_path / "call" / name).stat().st_size > 100


async def test_support_asks_the_weather_agent_while_the_customer_waits(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(CustomerAgent, {"agent_id": "customer"})
    await agent_process(SupportAgent, {"agent_id": "support"})
    await agent_process(OpenWeatherMapAgent, {"agent_id": "weather"})
    assert await bus.wait_for_agent("weather", PATIENCE_SECONDS)
    result = await hold(bus, "weather", tmp_path / "call")
    assert result.missing == ()
    assert result.figures.bus_calls.count == 1
    assert result.figures.bus_calls_failed == 0
    (asked,) = read_captured(tmp_path / "call").bus_calls
    assert (asked.side, asked.target) == ("support", "WeatherExpert")


async def test_barging_in_truncates_what_was_said(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(CustomerAgent, {"agent_id": "customer"})
    await agent_process(SupportAgent, {"agent_id": "support"})
    result = await hold(bus, "cancellation", tmp_path / "call")
    assert_cut_short(result, "cancellation", tmp_path / "call")


@pytest.mark.parametrize("customer", [MutedCustomer, GarbledCustomer])
async def test_a_wire_that_carries_no_speech_breaks_the_conversation(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path, customer: type[CustomerAgent]
) -> None:
    """The other side has nothing but what it hears: what was meant does not reach it by another way."""
    await agent_process(customer, {"agent_id": "customer"})
    await agent_process(SupportAgent, {"agent_id": "support"})
    result = await hold(bus, "appointment", tmp_path / "call")
    assert result.missing
    assert "does not understand" in result.reason or "silent" in result.reason or "time limit" in result.reason
    heard = [each.heard for each in read_captured(tmp_path / "call").utterances if each.side == "customer"]
    assert not any("appointment" in (text or "") for text in heard)


async def test_a_call_to_an_agent_that_is_in_another_leaves_that_alone(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(CustomerAgent, {"agent_id": "customer"})
    await agent_process(CustomerAgent, {"agent_id": "other"})
    await agent_process(SupportAgent, {"agent_id": "support"})
    calling = asyncio.create_task(hold(bus, "appointment", tmp_path / "call", pace="realtime"))
    await _words_of_support(tmp_path / "call" / "call.wav")
    with pytest.raises(RemoteAgentError, match="in a call in room room already"):
        await hold(bus, "appointment", tmp_path / "other", customer="other", pace="realtime", room="elsewhere")
    assert "room room" in (await bus.request_agent("support", "What are you doing?"))["message"]
    with pytest.raises(RemoteAgentError, match="is not in room elsewhere, but in room"):
        await bus.call_function("support", "hang_up", room="elsewhere")
    hanging_up = bus.call_function("support", "hang_up", timeout_seconds=PATIENCE_SECONDS, reason="enough", room="room")
    assert await hanging_up == "enough"
    assert (await calling).reason == "enough"


async def test_a_side_that_is_killed_ends_the_call_and_the_recording_is_readable(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(CustomerAgent, {"agent_id": "customer"})
    support = await agent_process(SupportAgent, {"agent_id": "support"})
    calling = asyncio.create_task(hold(bus, "appointment", tmp_path / "call", pace="realtime"))
    await _words_of_support(tmp_path / "call" / "call.wav")
    support.send_signal(signal.SIGKILL)
    result = await calling
    assert "lost" in result.reason
    assert result.missing
    assert loudness(channels(tmp_path / "call")[1]) > LOUD / 10
    assert read_captured(tmp_path / "call").reason == result.reason


async def _words_of_support(audio: Path) -> None:
    """Wait until half a second of them is recorded."""
    from asyncinotify import Inotify, Mask

    audio.parent.mkdir(parents=True, exist_ok=True)
    with Inotify() as watch:
        watch.add_watch(audio.parent, Mask.MODIFY | Mask.CREATE)
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for _ in watch:
                if _has_words_of_support(audio):
                    return


def _has_words_of_support(audio: Path) -> bool:
    if not audio.exists():
        return False
    _, right = channels(audio.parent)
    return len(right) - right.count(0) >= SAMPLE_RATE / 2


async def test_calls_are_steered_on_the_bus(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(CustomerAgent, {"agent_id": "customer"})
    await agent_process(SupportAgent, {"agent_id": "support"})
    for agent_id in ("customer", "support"):
        assert await bus.wait_for_agent(agent_id, PATIENCE_SECONDS)
    with pytest.raises(RemoteAgentError, match="is in no call"):
        await bus.call_function("customer", "hang_up")

    async def place(side: Side) -> Any:
        return await bus.call_function(
            side, "place_call", timeout_seconds=60, room="r", scenario="appointment", side=side, pace="realtime"
        )

    assert list(await asyncio.gather(place("customer"), place("support"))) == ["support", "customer"]
    with pytest.raises(RemoteAgentError, match="in a call in room r already"):
        await place("customer")
    assert "room r" in (await bus.request_agent("support", "What are you doing?"))["message"]
    said = await bus.call_function("support", "say", timeout_seconds=30, text="Please hold the line.")
    assert said == "Please hold the line."
    assert await bus.call_function("customer", "hang_up", timeout_seconds=30, reason="enough") == "enough"
    assert await bus.call_function("support", "wait_for_end", timeout_seconds=30) == "enough"
    transcript = await bus.call_function("support", "get_transcript")
    assert {"by": "me", "text": "Please hold the line."} in transcript


async def test_nobody_on_the_other_side(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(CustomerAgent, {"agent_id": "customer"})
    assert await bus.wait_for_agent("customer", PATIENCE_SECONDS)
    with pytest.raises(RemoteAgentError, match="nobody came into voice room r"):
        await bus.call_function("customer", "place_call", timeout_seconds=60, room="r", scenario="appointment",
                                side="customer", patience=0.5)  # fmt: skip
    with pytest.raises(RemoteAgentError, match="nosuch"):
        await bus.call_function("customer", "place_call", timeout_seconds=60, room="r", scenario="nosuch",
                                side="customer")  # fmt: skip


async def test_an_agent_that_waits_for_the_other_side_takes_no_other_call(
    bus: GenesisInterface, agent_process: StartAgentProcess
) -> None:
    await agent_process(CustomerAgent, {"agent_id": "customer"})
    assert await bus.wait_for_agent("customer", PATIENCE_SECONDS)

    async def place(room: str) -> Any:
        return await bus.call_function(
            "customer", "place_call", timeout_seconds=60, room=room, scenario="appointment", side="customer", patience=2
        )

    outcomes = await asyncio.gather(place("one"), place("other"), return_exceptions=True)
    assert "nobody came into voice room one" in str(outcomes[0])
    assert "in a call in room one already" in str(outcomes[1])
    with pytest.raises(RemoteAgentError, match="nobody came into voice room third"):
        await place("third")


async def test_a_side_that_never_answers_is_not_waited_for_for_ever(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    original = (SHIPPED_SCENARIOS / "appointment.toml").read_text()
    scenario = tmp_path / "hasty.toml"
    scenario.write_text(re.sub("time_limit_seconds = [0-9]+", "time_limit_seconds = 2", original))
    await agent_process(CustomerAgent, {"agent_id": "customer"})
    assert await bus.wait_for_agent("customer", PATIENCE_SECONDS)
    room = await VoiceRoom(bus.app.participant, "r", "silent", "Silent").join()
    placed = await bus.call_function(
        "customer", "place_call", timeout_seconds=60, room="r", scenario=str(scenario), side="customer"
    )
    assert placed == "silent"
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await room.ended == "the time limit of 2 s is over"
    await room.leave()


async def test_the_record_says_what_was_spoken_and_what_was_heard(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    await agent_process(CustomerAgent, {"agent_id": "customer"})
    await agent_process(SupportAgent, {"agent_id": "support"})
    await hold(bus, "technical-fault", tmp_path / "call")
    lines = [json.loads(line) for line in (tmp_path / "call" / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    transcripts = [line for line in lines if line["event"] == "transcript"]
    assert {line["source"] for line in transcripts} == {"spoken", "heard"}
    for line in transcripts:
        assert (line["speaker_id"] == line["reporter_id"]) == (line["source"] == "spoken")
    statistics = {line["participant_id"]: line["values"] for line in lines if line["event"] == "statistics"}
    assert statistics["customer"]["frames_sent"] > 100
    assert statistics["customer"]["frames_received"] == statistics["support"]["frames_sent"]
