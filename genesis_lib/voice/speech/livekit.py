"""Speech plugins of LiveKit as Speaker, Recogniser and VoiceActivity, outside of any LiveKit room."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import aiohttp
from livekit.agents import APIError, stt, tts, utils, vad

from genesis_lib.errors import VoiceError
from genesis_lib.voice.livekit.audio import RoomPcm, frame_of
from genesis_lib.voice.speech.ports import Recognition, VoiceStyle

logger = logging.getLogger(__name__)

T = TypeVar("T")

_FAILURES: Final = (APIError, aiohttp.ClientError, OSError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class _Hosted(Generic[T]):
    """A plugin's object. What it does has to begin in `context`: there it finds the HTTP client that a LiveKit worker would
    give it."""

    path: str
    plugin: T
    context: Context
    http: AsyncExitStack

    async def close(self) -> None:
        await asyncio.create_task(self.http.aclose(), context=self.context)

    def failure(self, error: Exception) -> VoiceError:
        return VoiceError(f"LiveKit's {self.path} failed: {type(error).__name__}: {error}")


class LiveKitSpeaker:
    """Speaks with a plugin. The voice is the plugin's own, a style changes nothing."""

    def __init__(self, hosted: _Hosted[tts.TTS[Any]]) -> None:
        self._hosted = hosted

    async def speak(self, text: str, style: VoiceStyle) -> AsyncIterator[bytes]:
        """See Speaker. A plugin that fails is tried again, as in a LiveKit session, unless something was spoken already."""
        hosted, request_id, pcm = self._hosted, "", None
        try:
            async with hosted.context.run(hosted.plugin.synthesize, text) as speech:
                async for audio in speech:
                    if pcm is not None and audio.request_id != request_id:
                        raise VoiceError(f"LiveKit's {hosted.path} broke off and began anew: {text[:100]!r}")
                    request_id, pcm = audio.request_id, pcm or RoomPcm(audio.frame.sample_rate)
                    if piece := pcm.feed(audio.frame):
                        yield piece
        except _FAILURES as error:
            raise hosted.failure(error) from error
        if pcm is not None:
            yield pcm.finish()

    async def close(self) -> None:
        """Close the plugin and its connections."""
        try:
            await self._hosted.plugin.aclose()
        finally:
            await self._hosted.close()


class LiveKitRecogniser:
    """Recognises with a plugin, in whatever language that is set to."""

    def __init__(self, hosted: _Hosted[stt.STT[Any]]) -> None:
        self._hosted = hosted

    async def recognise(self, pcm: bytes) -> Recognition:
        """See Recogniser. A plugin that says nothing of its confidence is sure."""
        hosted = self._hosted
        recognise = self._at_once if hosted.plugin.capabilities.offline_recognize else self._as_a_stream
        try:
            found = await asyncio.create_task(recognise(pcm), context=hosted.context.copy())
        except _FAILURES as error:
            raise hosted.failure(error) from error
        text = " ".join(part.text.strip() for part in found)
        return Recognition(text, min((part.confidence or 1.0 for part in found), default=1.0))

    async def close(self) -> None:
        """Close the plugin and its connections."""
        try:
            await self._hosted.plugin.aclose()
        finally:
            await self._hosted.close()

    async def _at_once(self, pcm: bytes) -> list[stt.SpeechData]:
        event = await self._hosted.plugin.recognize(frame_of(pcm))
        return [part for part in event.alternatives[:1] if part.text.strip()]

    async def _as_a_stream(self, pcm: bytes) -> list[stt.SpeechData]:
        async with self._hosted.plugin.stream() as stream:
            stream.push_frame(frame_of(pcm))
            stream.end_input()
            events = [event async for event in stream if event.type == stt.SpeechEventType.FINAL_TRANSCRIPT]
        return [part for event in events for part in event.alternatives[:1] if part.text.strip()]


class LiveKitVoiceActivity:
    """Detects with a plugin, which works beside the event loop: what it says of a frame is known some frames later. So it is
    for rooms that run in real time."""

    def __init__(self, hosted: _Hosted[vad.VAD]) -> None:
        self._hosted = hosted
        self._stream = hosted.context.run(hosted.plugin.stream)
        self._following = asyncio.create_task(self._follow())
        self._speech = False

    def feed(self, frame: bytes) -> bool:
        """See VoiceActivity."""
        if not self._following.done():
            self._stream.push_frame(frame_of(frame))
        return self._speech

    def reset(self) -> None:
        """See VoiceActivity."""
        if not self._following.done():
            self._stream.flush()
        self._speech = False

    async def close(self) -> None:
        """See VoiceActivity."""
        self._following.cancel()
        await asyncio.gather(self._following, return_exceptions=True)
        try:
            await self._stream.aclose()
        finally:
            await self._hosted.close()

    async def _follow(self) -> None:
        try:
            async for event in self._stream:
                match event.type:
                    case vad.VADEventType.START_OF_SPEECH:
                        self._speech = True
                    case vad.VADEventType.INFERENCE_DONE:
                        # It holds on to speech for half a second of silence, which the room does itself.
                        self._speech = event.speaking and not event.raw_accumulated_silence
                    case vad.VADEventType.END_OF_SPEECH:
                        self._speech = False
        except _FAILURES as error:
            logger.warning("no speech is detected any more: %s", self._hosted.failure(error))
        self._speech = False


async def open_livekit_speaker(path: str) -> LiveKitSpeaker:
    """Open `MODULE.CLASS` of livekit.plugins.

    Raises:
        VoiceError: it is not there, is no text-to-speech, or cannot be made without arguments.
    """
    return LiveKitSpeaker(await _host(path, tts.TTS))


async def open_livekit_recogniser(path: str) -> LiveKitRecogniser:
    """Open `MODULE.CLASS` of livekit.plugins; see `open_livekit_speaker`."""
    return LiveKitRecogniser(await _host(path, stt.STT))


async def open_livekit_voice_activity(path: str) -> LiveKitVoiceActivity:
    """Open `MODULE.CLASS` of livekit.plugins; see `open_livekit_speaker`."""
    return LiveKitVoiceActivity(await _host(path, vad.VAD))


async def _host(path: str, kind: type[Any]) -> _Hosted[Any]:
    module, _, name = path.rpartition(".")
    if not module:
        raise VoiceError(f"LiveKit's {path!r} cannot be opened: write livekit:MODULE.CLASS")
    made = _found(module, name, kind)
    context, http = copy_context(), AsyncExitStack()
    await asyncio.create_task(http.enter_async_context(utils.http_context.open()), context=context)
    # Those with a model to load have a class method for it. What a plugin raises that lacks something is its own affair.
    making = asyncio.create_task(_made(getattr(made, "load", made)), context=context)
    plugin: Any = (await asyncio.gather(making, return_exceptions=True))[0]
    hosted: _Hosted[Any] = _Hosted(path, plugin, context, http)
    if isinstance(plugin, BaseException):
        await hosted.close()
        raise VoiceError(f"LiveKit's {path} cannot be opened: {plugin}") from plugin
    return hosted


async def _made(make: Callable[[], Any]) -> Any:
    return make()


def _found(module: str, name: str, kind: type[Any]) -> type[Any]:
    # Not in a thread, although it takes time: plugins insist on being imported where the program began.
    try:
        plugins = importlib.import_module(f"livekit.plugins.{module}")
    except (ImportError, RuntimeError) as error:
        distribution = f"livekit-plugins-{module.partition('.')[0].replace('_', '-')}"
        raise VoiceError(
            f"livekit.plugins.{module} cannot be imported ({error}): pip install {distribution}"
        ) from error
    fitting = [each for each, value in inspect.getmembers(plugins, inspect.isclass) if issubclass(value, kind)]
    if name not in fitting:
        there = f"there is {', '.join(fitting)}" if fitting else "there is none at all"
        raise VoiceError(f"livekit.plugins.{module} has no {kind.__name__} class {name!r}; {there}")
    found: type[Any] = getattr(plugins, name)
    return found
