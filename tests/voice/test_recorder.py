"""A call between two other processes, recorded from a third over real DDS."""

from __future__ import annotations

import asyncio
import signal
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, Literal

import pytest

from genesis_lib import GenesisInterface
from genesis_lib.testing.fixtures import StartAgentProcess
from genesis_lib.voice.audio import FRAME_SAMPLES, SAMPLE_RATE, samples
from genesis_lib.voice.captured import CapturedCall, read_captured
from genesis_lib.voice.documents import write_documents
from genesis_lib.voice.listener import RoomListener
from genesis_lib.voice.recorder import CallRecorder
from genesis_lib.voice.recording import Recording
from tests.agents_for_tests import Echo
from tests.voice.heard import channels
from tests.voice.talkers import TONE_SECONDS, Talker

PATIENCE_SECONDS = 60
ROOM = "tones"
CUSTOMER, SUPPORT = "customer-1", "support-1"
TONES = {CUSTOMER: [300.0, 500.0, 700.0], SUPPORT: [400.0, 600.0]}
Pace = Literal["realtime", "fast"]


@asynccontextmanager
async def recorded(bus: GenesisInterface, folder: Path, pace: Pace = "fast") -> AsyncIterator[CallRecorder]:
    recording = Recording(folder, ROOM, CUSTOMER, SUPPORT)
    recorder = CallRecorder(
        bus.app.participant, ROOM, recording, CUSTOMER, SUPPORT, agents=bus.app.directory.agents, pace=pace
    )
    await recorder.open()
    try:
        yield recorder
    finally:
        await recorder.close()
        await recording.close("over")


@pytest.fixture
async def bus(agent_process: StartAgentProcess) -> AsyncIterator[GenesisInterface]:
    async with GenesisInterface("recorder") as interface:
        yield interface


async def begin(
    bus: GenesisInterface, pace: Pace, hertz: dict[str, list[float]], seconds: float = TONE_SECONDS
) -> None:
    for side, opens in ((SUPPORT, False), (CUSTOMER, True)):
        await bus.wait_for_agent(side)
        await bus.call_function(
            side,
            "take_part",
            room=ROOM,
            pace=pace,
            hertz=hertz[side],
            asks="" if opens else "Echo",
            opens=opens,
            seconds=seconds,
        )


def pitch(wave: array[int]) -> float:
    """In Hertz, from how often it crosses zero."""
    crossings = sum((one < 0) != (other < 0) for one, other in pairwise(wave))
    return crossings / 2 * SAMPLE_RATE / len(wave)


@pytest.mark.parametrize("pace", ["fast", "realtime"])
async def test_a_call_of_two_processes_is_recorded_whole(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path, pace: Pace
) -> None:
    for arguments in ({"agent_name": "Ada", "agent_id": CUSTOMER}, {"agent_name": "Ben", "agent_id": SUPPORT}):
        await agent_process(Talker, arguments)
    await agent_process(Echo)
    await bus.wait_for_agent("Echo")
    async with recorded(bus, tmp_path, pace) as recorder, asyncio.timeout(PATIENCE_SECONDS):
        await begin(bus, pace, TONES)
        assert await recorder.ended == "out of tones"
    call = read_captured(tmp_path)
    assert call.names == {"customer": "Ada", "support": "Ben"}
    assert [utterance.side for utterance in call.utterances] == ["customer", "support"] * 2 + ["customer"]
    assert_tones(tmp_path, call)
    figures = write_documents(tmp_path)
    assert (figures.turns, figures.interruptions, figures.overlap_seconds) == (5, 0, 0)
    assert figures.word_error["customer"].rate == 0
    assert [(made.side, made.target, made.error) for made in call.bus_calls] == [("support", "Echo", "")] * 2
    for made, question in zip(call.bus_calls, call.utterances[::2], strict=False):
        assert made.start >= question.end - samples(0.1)


def assert_tones(folder: Path, call: CapturedCall) -> None:
    """Every utterance is on its side and nobody else's, whole, at its media time. Silence is in it only where its speaker
    stood still for long."""
    left, right = channels(folder)
    tones = {side: iter(hertz) for side, hertz in zip(("customer", "support"), TONES.values(), strict=True)}
    for utterance in call.utterances:
        mine, other = (left, right) if utterance.side == "customer" else (right, left)
        said = mine[utterance.start : utterance.end]
        frames = [said[start : start + FRAME_SAMPLES] for start in range(0, len(said), FRAME_SAMPLES)]
        audible = array("h", chain.from_iterable(frame for frame in frames if any(frame)))
        assert len(audible) == samples(TONE_SECONDS)
        assert pitch(audible) == pytest.approx(next(tones[utterance.side]), rel=0.02)
        assert not any(other[utterance.start : utterance.end])


async def test_a_call_whose_caller_dies_is_readable_until_then(
    bus: GenesisInterface, agent_process: StartAgentProcess, tmp_path: Path
) -> None:
    people: dict[str, Any] = {
        who: await agent_process(Talker, {"agent_name": who, "agent_id": who}) for who in (CUSTOMER, SUPPORT)
    }
    heard = asyncio.Event()
    listener = await RoomListener(bus.app.participant, ROOM, on_frame=lambda frame: heard.set()).open()
    async with recorded(bus, tmp_path, "realtime") as recorder, asyncio.timeout(PATIENCE_SECONDS):
        await begin(bus, "realtime", {CUSTOMER: [300.0], SUPPORT: []}, seconds=30)
        await heard.wait()
        people[CUSTOMER].send_signal(signal.SIGKILL)
        assert await recorder.ended == f"{CUSTOMER} was lost: its process ended or the network to it broke"
    await listener.close()
    left, right = channels(tmp_path)
    assert 0 < len(left) < samples(25)
    assert set(right) == {0}
    assert write_documents(tmp_path).utterances == {"customer": 1, "support": 0}
