"""Whisper as a Recogniser, by faster-whisper: neural, on the processor, understands what it was not prepared for."""

from __future__ import annotations

import asyncio
import os
from math import exp
from pathlib import Path
from typing import Any

from genesis_lib.errors import VoiceError
from genesis_lib.voice.speech.libraries import load
from genesis_lib.voice.speech.ports import Recognition

_EXTRA = "voice-neural"
_MOST_THREADS = 4


class WhisperRecogniser:
    """Recognises English. `model` is a size that is fetched at the first use ("tiny", "base", "small"), or a folder.

    Constructing one blocks while the model is loaded.

    Raises:
        VoiceError: a package of the extra `voice-neural` is missing, or the model cannot be loaded.
    """

    def __init__(self, model: str = "") -> None:
        model = str(Path(model or "base").expanduser())
        faster_whisper = load("faster_whisper", _EXTRA)
        self._numpy: Any = load("numpy", _EXTRA)
        self._one_at_a_time = asyncio.Lock()
        threads = min(_MOST_THREADS, os.cpu_count() or 1)
        try:
            self._model: Any = faster_whisper.WhisperModel(
                model, device="cpu", compute_type="int8", cpu_threads=threads
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise VoiceError(f"the Whisper model {model!r} cannot be loaded: {error}") from error

    async def recognise(self, pcm: bytes) -> Recognition:
        """See Recogniser."""
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._recognise, pcm)

    async def close(self) -> None:
        """Nothing to give back."""

    def _recognise(self, pcm: bytes) -> Recognition:
        audio = self._numpy.frombuffer(pcm, dtype="<i2").astype("float32") / 32768
        # The filter drops what holds no voice; without it Whisper invents words for silence.
        segments, _ = self._model.transcribe(
            audio, language="en", vad_filter=True, condition_on_previous_text=False, without_timestamps=True
        )
        found = list(segments)
        if not found:
            return Recognition("")
        text = " ".join(segment.text.strip() for segment in found)
        return Recognition(text, exp(sum(segment.avg_logprob for segment in found) / len(found)))
