"""This library's speech and brains in sessions of livekit-agents, without any server."""

from __future__ import annotations

import asyncio
import math
from array import array
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from livekit import rtc
from livekit.agents import APIError, ChatContext

from genesis_lib.errors import VoiceError
from genesis_lib.voice.audio import SAMPLE_BYTES, samples
from genesis_lib.voice.brain import Bus, BusCall, Thought, Turn
from genesis_lib.voice.livekit.audio import frame_of, pcm_of
from genesis_lib.voice.livekit.llm import BrainAgent, GenesisLLM, turns_of
from genesis_lib.voice.livekit.stt import NOTHING_HEARD, GenesisSTT
from genesis_lib.voice.livekit.tts import GenesisTTS
from genesis_lib.voice.scenario import SIDES, Side
from genesis_lib.voice.speech.open import open_recogniser
from genesis_lib.voice.speech.ports import VoiceStyle
from genesis_lib.voice.words import word_errors
from tests.voice.livekit_sessions.people import Broken, session_of
from tests.voice.livekit_sessions.wires import Wire
from tests.voice.people import OneAnswer, number_scenario

PATIENCE_SECONDS = 60


async def test_two_sessions_play_a_scenario(tmp_path: Path) -> None:
    """Speaker, Recogniser and Brain on both sides; one of them asks the bus while the other waits."""
    scenario, personas = number_scenario(tmp_path)
    bus = OneAnswer("this belongs to Ada")
    over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE_SECONDS):
        wires: dict[Side, Wire] = {side: Wire() for side in SIDES}
        sessions = {
            side: await stack.enter_async_context(
                session_of(scenario, personas, side, bus, over.set_result, patience=1.5)
            )
            for side in SIDES
        }
        for side, other in zip(SIDES, reversed(SIDES), strict=True):
            await stack.enter_async_context(wires[side].carrying())
            sessions[side].output.audio = wires[side].mouth
            sessions[side].input.audio = wires[other].ear
            await sessions[side].start(BrainAgent(), record=False)
        sessions["support"].generate_reply()
        assert await over == "the owner is known"
        await sessions["customer"].drain()
    support = turns_of(sessions["support"].history)
    customer = turns_of(sessions["customer"].history)
    assert [(call.target, "four two" in call.message) for call in bus.calls] == [("Books", True)]
    assert [turn.text for turn in support if turn.by_me] == ["Which number is it?", "One moment. It belongs to Ada."]
    assert [turn.by_me for turn in customer] == [False, True, False, True]
    assert_understood(support, customer)
    assert_understood(customer, support)


def assert_understood(speaker: list[Turn], listener: list[Turn]) -> None:
    spoken = " ".join(turn.text for turn in speaker if turn.by_me)
    heard = " ".join(turn.text for turn in listener if not turn.by_me)
    assert heard != spoken
    assert word_errors(spoken, heard).rate <= 0.25


async def test_what_is_said_meanwhile_is_spoken_before_the_answer_is_there(tmp_path: Path) -> None:
    scenario, personas = number_scenario(tmp_path)
    bus = AnswersLate("this belongs to Ada")
    async with session_of(scenario, personas, "support", bus, print) as session, asyncio.timeout(PATIENCE_SECONDS):
        wire = Wire()
        session.output.audio = wire.mouth
        await session.start(BrainAgent(), record=False)
        async with wire.carrying():
            await session.generate_reply().wait_for_playout()
            opening = len(wire.spoken)
            reply = session.generate_reply(user_input="The number is four two.")
            await wire.has_spoken(opening + samples(0.5) * SAMPLE_BYTES)
            assert not bus.answered
            bus.answer_now()
            await reply.wait_for_playout()
    assert turns_of(session.history)[-1].text == "One moment. It belongs to Ada."


async def test_what_a_brain_fails_with_ends_the_call() -> None:
    reasons: list[str] = []
    thinking = GenesisLLM(FailingBrain(), OneAnswer(""), reasons.append)
    with pytest.raises(APIError, match="no idea") as caught:
        await thinking.chat(chat_ctx=ChatContext.empty()).collect()
    assert reasons == ["VoiceError: no idea"]
    assert not caught.value.retryable


async def test_a_brain_gets_nothing_for_what_the_recogniser_made_nothing_of() -> None:
    recogniser = await open_recogniser("pocketsphinx", ["the number is four two"])
    try:
        event = await GenesisSTT(recogniser).recognize(frame_of(bytes(samples(1.0) * SAMPLE_BYTES)))
    finally:
        await recogniser.close()
    transcript = event.alternatives[0].text
    assert transcript == NOTHING_HEARD
    chat = ChatContext.empty()
    chat.add_message(role="assistant", content="Which number is it? ")
    chat.add_message(role="user", content=f"{transcript} it is four")
    chat.add_message(role="user", content=transcript)
    assert turns_of(chat) == [Turn(True, "Which number is it?"), Turn(False, "it is four"), Turn(False, "")]


async def test_what_a_speaker_or_recogniser_fails_with_is_told_and_not_tried_again() -> None:
    broken = Broken()
    with pytest.raises(APIError, match="out of breath"):
        await GenesisTTS(broken).synthesize("Hello.").collect()
    with pytest.raises(APIError, match="deaf"):
        await GenesisSTT(broken).recognize(frame_of(bytes(640)))
    assert broken.asked == 2


async def test_a_text_with_nothing_to_pronounce_is_silence() -> None:
    assert not any(pcm_of(await GenesisTTS(Mute()).synthesize("...").collect()))


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 2), (24_000, 1), (16_000, 1), (8_000, 1)])
def test_audio_of_any_rate_and_channels_keeps_its_pitch(rate: int, channels: int) -> None:
    wave = [round(10_000 * math.sin(2 * math.pi * 440 * sample / rate)) for sample in range(rate)]
    pcm = array("h", [sample for sample in wave for _ in range(channels)]).tobytes()
    tone = array("h", pcm_of(rtc.AudioFrame(pcm, rate, channels, rate)))
    assert len(tone) == pytest.approx(16_000, abs=50)
    assert max(tone) == pytest.approx(10_000, rel=0.05)
    assert sum((one < 0) != (other < 0) for one, other in pairwise(tone)) == pytest.approx(880, abs=4)


class AnswersLate(OneAnswer):
    """A bus that answers when it is told to."""

    def __init__(self, answer: str) -> None:
        super().__init__(answer)
        self._now = asyncio.Event()
        self.answered = False

    def answer_now(self) -> None:
        self._now.set()

    async def call(self, call: BusCall) -> str:
        await self._now.wait()
        self.answered = True
        return await super().call(call)


class FailingBrain:
    async def open_call(self, bus: Bus) -> Thought:
        raise VoiceError("no idea")

    async def answer(self, heard: str, turns: Sequence[Turn], bus: Bus) -> Thought:
        raise VoiceError("no idea")

    async def close(self) -> None:
        pass


class Mute(Broken):
    async def speak(self, text: str, style: VoiceStyle) -> AsyncIterator[bytes]:
        yield b""
