"""OpenAI-compatible speech endpoints, /audio/speech and /audio/transcriptions, as Speaker and Recogniser."""

from __future__ import annotations

import importlib
import io
import wave
from array import array
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from genesis_lib.errors import VoiceError
from genesis_lib.settings import Settings
from genesis_lib.voice.audio import SAMPLE_BYTES, SAMPLE_RATE
from genesis_lib.voice.speech.libraries import load
from genesis_lib.voice.speech.ports import Recognition, VoiceStyle
from genesis_lib.voice.speech.resampling import Resampler

if TYPE_CHECKING:
    import openai

_SPEECH_MODEL, _VOICE = "gpt-4o-mini-tts", "alloy"
_TRANSCRIPTION_MODEL = "gpt-4o-mini-transcribe"
_PCM_SAMPLE_RATE = 24_000
_ORDINARY_WORDS_PER_MINUTE = 150
_QUIETEST_SPEECH = 100


class OpenAISpeaker:
    """Speaks through an endpoint. Of a style it takes `voice`, unless one is given here, and the pace (150 words a minute is
    the voice's own). Constructing one blocks while the client is imported.

    Raises:
        VoiceError: neither key nor base URL is set, or a package of the extra `voice` is missing.
    """

    def __init__(self, settings: Settings, model: str = "", voice: str = "") -> None:
        load("soxr", "voice")
        self._client = _client(settings)
        self._model = model or _SPEECH_MODEL
        self._voice = voice

    async def speak(self, text: str, style: VoiceStyle) -> AsyncIterator[bytes]:
        """See Speaker."""
        import openai

        resampler = Resampler(_PCM_SAMPLE_RATE)
        try:
            async with self._client.audio.speech.with_streaming_response.create(
                model=self._model,
                voice=self._voice or style.voice or _VOICE,
                input=text,
                response_format="pcm",
                speed=style.words_per_minute / _ORDINARY_WORDS_PER_MINUTE,
            ) as response:
                async for piece in response.iter_bytes():
                    if resampled := resampler.feed(piece):
                        yield resampled
        except (openai.OpenAIError, _transport_error()) as error:
            raise _failure(self._client, self._model, error) from error
        yield resampler.finish()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


class OpenAIRecogniser:
    """Recognises English through an endpoint. Constructing one blocks while the client is imported.

    Raises:
        VoiceError: neither key nor base URL is set.
    """

    def __init__(self, settings: Settings, model: str = "") -> None:
        self._client = _client(settings)
        self._model = model or _TRANSCRIPTION_MODEL

    async def recognise(self, pcm: bytes) -> Recognition:
        """See Recogniser. Silence is not sent: models invent words for it."""
        import openai

        if max(map(abs, array("h", pcm)), default=0) < _QUIETEST_SPEECH:
            return Recognition("")
        try:
            transcription = await self._client.audio.transcriptions.create(
                model=self._model, file=("utterance.wav", _wav(pcm)), language="en", response_format="json"
            )
        except openai.OpenAIError as error:
            raise _failure(self._client, self._model, error) from error
        return Recognition(transcription.text.strip())

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def _client(settings: Settings) -> openai.AsyncOpenAI:
    import openai

    if not (settings.openai_api_key or settings.openai_base_url):
        raise VoiceError("speech by OpenAI needs a key or an endpoint: set OPENAI_API_KEY or OPENAI_BASE_URL")
    return openai.AsyncOpenAI(
        api_key=settings.openai_api_key or "none",
        base_url=settings.openai_base_url or None,
        timeout=settings.model_timeout_seconds,
    )


def _transport_error() -> type[Exception]:
    """What is raised when a stream breaks off: the client's HTTP library differs between its versions."""
    import openai

    library = importlib.import_module(openai.DefaultAsyncHttpxClient.__mro__[1].__module__.partition(".")[0])
    error: type[Exception] = library.HTTPError
    return error


def _failure(client: openai.AsyncOpenAI, model: str, error: Exception) -> VoiceError:
    key = client.api_key
    told = f"{type(error).__name__}: {error}".replace(key, "***")
    return VoiceError(f"the endpoint {client.base_url} of speech model {model!r} failed: {told}")


def _wav(pcm: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(SAMPLE_BYTES)
        wav.setframerate(SAMPLE_RATE)
        wav.writeframes(pcm)
    return file.getvalue()
