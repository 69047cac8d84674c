"""Plugins as LiveKit's are, small ones: a text-to-speech of tones and speech-to-texts that measure. Tests put this module
where plugins are, as `livekit.plugins.parrots`."""

from __future__ import annotations

import asyncio
import math
from array import array
from typing import Literal

from livekit.agents import APIConnectOptions, APIError, APIStatusError, LanguageCode, stt, tts, utils
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr

RATE = 24_000
HERTZ = 400
Events = Literal["error"]


class Whistle(tts.TTS[Events]):
    """Whistles for a tenth of a second for each letter, in stereo."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=RATE, num_channels=2)
        self.failures = failures

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return _Whistling(tts=self, input_text=text, conn_options=APIConnectOptions(max_retry=1, retry_interval=0))


class _Whistling(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(request_id=utils.shortuuid(), sample_rate=RATE, num_channels=2, mime_type="audio/pcm")
        tone = (round(8000 * math.sin(2 * math.pi * HERTZ * at / RATE)) for at in range(len(self.input_text) * 2400))
        output_emitter.push(array("h", [sample for each in tone for sample in (each, each)]).tobytes())
        if self.input_text == "broken":
            raise APIStatusError("no breath", status_code=402)
        if self.input_text == "interrupted":
            output_emitter.flush()
            await asyncio.sleep(0.05)
            raise APIError("no breath")


class OnTheWeb(Whistle):
    """Needs the HTTP client that a LiveKit worker has."""

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return _Fetching(tts=self, input_text=text, conn_options=conn_options)


class _Fetching(_Whistling):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        assert not utils.http_context.http_session().closed
        await super()._run(output_emitter)


class NeedsAKey(Whistle):
    def __init__(self) -> None:
        raise LookupError("api_key is required: set WHISTLE_API_KEY")


class Meter(stt.STT[Events]):
    """Says how long an utterance is, in tenths of seconds."""

    def __init__(self, *, offline_recognize: bool = True) -> None:
        super().__init__(
            capabilities=stt.STTCapabilities(
                streaming=not offline_recognize, interim_results=False, offline_recognize=offline_recognize
            )
        )

    async def _recognize_impl(
        self,
        buffer: utils.AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions,
    ) -> stt.SpeechEvent:
        length = round(utils.combine_frames(buffer).duration * 10)
        if not length:
            raise APIError("nothing to measure", retryable=False)
        return said(f"{length} tenths", 0.7)


class StreamMeter(Meter):
    """The same, of what comes as a stream."""

    def __init__(self) -> None:
        super().__init__(offline_recognize=False)

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> stt.RecognizeStream:
        return _Measuring(stt=self, conn_options=conn_options)


class _Measuring(stt.RecognizeStream):
    async def _run(self) -> None:
        length = 0.0
        async for frame in self._input_ch:
            if not isinstance(frame, self._FlushSentinel):
                length += frame.duration
        self._event_ch.send_nowait(said(f"{round(length * 10)}"))
        self._event_ch.send_nowait(said(" tenths "))


def said(text: str, confidence: float = 0.0) -> stt.SpeechEvent:
    return stt.SpeechEvent(
        stt.SpeechEventType.FINAL_TRANSCRIPT,
        alternatives=[stt.SpeechData(LanguageCode("en"), text, confidence=confidence)],
    )
