"""Piper as a Speaker: neural voices from ONNX files, on the processor. Its package is GPLv3."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from genesis_lib.errors import VoiceError
from genesis_lib.voice.speech.libraries import load
from genesis_lib.voice.speech.ports import VoiceStyle
from genesis_lib.voice.speech.resampling import Resampler
from genesis_lib.voice.speech.threads import Emit, pieces_from_thread
from genesis_lib.voice.words import spell_out

_EXTRA = "voice-neural"
_ORDINARY_WORDS_PER_MINUTE = 150


class PiperSpeaker:
    """Speaks with one voice file, a sentence at a time. Constructing one blocks while the voice is loaded.

    Of a style it takes pace (150 words a minute is the voice's own) and volume; in a file of several speakers also `voice`,
    where the file knows that name.

    Raises:
        VoiceError: a package of the extra `voice-neural` is missing, or the file cannot be used.
    """

    def __init__(self, voice_file: str | Path) -> None:
        piper = load("piper", _EXTRA)
        for module in ("numpy", "soxr", "num2words"):
            load(module, _EXTRA)
        path = Path(voice_file).expanduser()
        for part in (path, Path(f"{path}.json")):
            if not part.is_file():
                raise VoiceError(
                    f"the Piper voice file {part} does not exist: `python -m piper.download_voices` lists and fetches voices"
                )
        failures = load("onnxruntime.capi.onnxruntime_pybind11_state", _EXTRA)
        try:
            self._voice: Any = piper.PiperVoice.load(path)
        except (
            OSError,
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
            failures.Fail,
            failures.InvalidProtobuf,
        ) as error:
            raise VoiceError(f"{path} is no Piper voice: {error}") from error
        self._style: Any = load("piper.config", _EXTRA).SynthesisConfig

    async def speak(self, text: str, style: VoiceStyle) -> AsyncIterator[bytes]:
        """See Speaker. Numbers are spoken as `words.spell_out` reads them, where the voice is English."""
        config = self._voice.config
        if config.espeak_voice.lower().startswith("en"):
            text = spell_out(text)
        how = self._style(
            speaker_id=(config.speaker_id_map or {}).get(style.voice),
            length_scale=config.length_scale * _ORDINARY_WORDS_PER_MINUTE / style.words_per_minute,
            volume=style.volume / 100,
        )

        def produce(emit: Emit) -> None:
            resampler = Resampler(config.sample_rate)
            for sentence in self._voice.synthesize(text, how):
                if not emit(resampler.feed(sentence.audio_int16_bytes)):
                    return
            emit(resampler.finish())

        async with aclosing(pieces_from_thread(produce)) as pieces:
            async for piece in pieces:
                yield piece

    async def close(self) -> None:
        """Nothing to give back."""
