"""Utterances that are announced on the bus, while their audio comes another way: sooner, later, or never."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from livekit import rtc
from livekit.agents import ModelSettings
from livekit.agents.stt import SpeechEventType

from genesis_lib.errors import VoiceError
from genesis_lib.voice.audio import FRAME_BYTES, SAMPLE_BYTES, samples, samples_in
from genesis_lib.voice.livekit.announced_turns import AnnouncedTurnsAgent
from genesis_lib.voice.livekit.audio import frame_of
from genesis_lib.voice.messages import ControlKind, VoiceControl
from genesis_lib.voice.speech.ports import Recognition
from tests.voice.tones import tone

PATIENCE_SECONDS = 30
SETTINGS = ModelSettings()


class Hearing:
    """An agent, what it is told, and what it hears; with `failure`, what its recogniser fails with."""

    def __init__(self, failure: VoiceError | None = None) -> None:
        self._failure = failure
        self.heard: list[bytes] = []
        self.has_heard = asyncio.Event()
        self.reasons: list[str] = []
        self.events: list[SpeechEventType] = []
        self._frames: asyncio.Queue[rtc.AudioFrame | None] = asyncio.Queue()
        self._agent = AnnouncedTurnsAgent(self, lambda utterance, recognition: None, self.reasons.append)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """While it listens. Afterwards it has heard what it was going to hear."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            listening = asyncio.create_task(self._listen())
            yield
            self._frames.put_nowait(None)
            await listening

    def announce(self, kind: ControlKind, seconds: float) -> None:
        self._agent.on_control(VoiceControl("room", "customer", kind, samples(seconds), 1))

    def come(self, pcm: bytes) -> None:
        """Let audio come."""
        for start in range(0, len(pcm), FRAME_BYTES):
            self._frames.put_nowait(frame_of(pcm[start : start + FRAME_BYTES]))

    async def taken(self) -> None:
        """Wait until it has taken what has come."""
        await self._frames.join()

    async def recognise(self, pcm: bytes) -> Recognition:
        """See Recogniser."""
        if self._failure is not None:
            raise self._failure
        self.heard.append(pcm)
        self.has_heard.set()
        return Recognition("something", 0.9)

    async def close(self) -> None:
        """See Recogniser."""

    async def _listen(self) -> None:
        async for event in self._agent.stt_node(self._audio(), SETTINGS):
            self.events.append(event.type)

    async def _audio(self) -> AsyncIterator[rtc.AudioFrame]:
        while (frame := await self._frames.get()) is not None:
            yield frame
            self._frames.task_done()


def quiet(seconds: float) -> bytes:
    return bytes(samples(seconds) * SAMPLE_BYTES)


async def test_words_that_come_before_their_announcement_are_heard() -> None:
    hearing, speech = Hearing(), tone(300, 1.0)
    head, rest = speech[: samples(0.3) * SAMPLE_BYTES], speech[samples(0.3) * SAMPLE_BYTES :]
    async with hearing.listening():
        hearing.come(quiet(2.0) + head)
        await hearing.taken()
        hearing.announce(ControlKind.UTTERANCE_START, 5.0)
        hearing.come(rest)
        await hearing.taken()
        hearing.announce(ControlKind.UTTERANCE_END, 6.0)
        hearing.come(quiet(0.5))
    (heard,) = hearing.heard
    assert speech in heard
    assert samples_in(heard) < samples(2.0)
    assert hearing.events == [
        SpeechEventType.START_OF_SPEECH,
        SpeechEventType.FINAL_TRANSCRIPT,
        SpeechEventType.END_OF_SPEECH,
    ]


async def test_a_last_word_after_a_pause_is_heard_when_the_end_is_announced_before_it() -> None:
    hearing = Hearing()
    pause_and_last_word = quiet(0.4) + tone(400, 0.2)
    async with hearing.listening():
        hearing.announce(ControlKind.UTTERANCE_START, 0.0)
        hearing.come(tone(300, 1.0))
        await hearing.taken()
        hearing.announce(ControlKind.UTTERANCE_END, 1.6)
        hearing.come(pause_and_last_word + quiet(0.5))
    (heard,) = hearing.heard
    assert heard.startswith(tone(300, 1.0) + pause_and_last_word)


async def test_what_came_before_is_not_heard_again() -> None:
    hearing = Hearing()
    async with hearing.listening():
        for hertz in (300, 400):
            hearing.announce(ControlKind.UTTERANCE_START, 0.0)
            hearing.come(tone(hertz, 0.5))
            await hearing.taken()
            hearing.announce(ControlKind.UTTERANCE_END, 0.5)
            hearing.come(quiet(0.2))
            await hearing.taken()
    first, second = hearing.heard
    assert first.startswith(tone(300, 0.5))
    assert second.startswith(tone(400, 0.5))


async def test_an_utterance_ends_though_not_all_of_it_comes() -> None:
    hearing = Hearing()
    async with hearing.listening():
        hearing.announce(ControlKind.UTTERANCE_START, 0.0)
        hearing.come(tone(300, 0.5) + quiet(0.5))
        await hearing.taken()
        hearing.announce(ControlKind.UTTERANCE_END, 5.0)
        await hearing.has_heard.wait()


async def test_a_recogniser_that_fails_ends_the_call() -> None:
    hearing = Hearing(VoiceError("deaf"))
    async with hearing.listening():
        hearing.announce(ControlKind.UTTERANCE_START, 0.0)
        hearing.come(tone(300, 0.5))
        await hearing.taken()
        hearing.announce(ControlKind.UTTERANCE_END, 0.5)
        hearing.come(quiet(0.5))
    assert hearing.reasons == ["VoiceError: deaf"]


async def test_audio_that_cannot_be_taken_ends_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)

    async def one_frame() -> AsyncIterator[rtc.AudioFrame]:
        yield rtc.AudioFrame(bytes(960), 24_000, 1, 480)

    reasons: list[str] = []
    assert await events_of(one_frame(), reasons) == []
    assert "pip install" in reasons[0]


async def test_audio_that_breaks_off_in_an_unexpected_way_ends_the_call_and_is_told() -> None:
    async def broken() -> AsyncIterator[rtc.AudioFrame]:
        yield frame_of(bytes(FRAME_BYTES))
        raise LookupError("no such track")

    reasons: list[str] = []
    with pytest.raises(LookupError):
        await events_of(broken(), reasons)
    assert reasons == ["LookupError: no such track"]


async def events_of(audio: AsyncIterator[rtc.AudioFrame], reasons: list[str]) -> list[Any]:
    agent = AnnouncedTurnsAgent(cast("Any", None), lambda utterance, recognition: None, reasons.append)
    async with asyncio.timeout(PATIENCE_SECONDS):
        return [event async for event in agent.stt_node(audio, SETTINGS)]
