"""How much is misheard, by voice, recogniser and codec."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import av

from genesis_lib.voice.audio import SAMPLE_RATE
from genesis_lib.voice.speech.open import open_recogniser, open_speaker
from genesis_lib.voice.speech.ports import Recogniser, Speaker, VoiceStyle
from genesis_lib.voice.words import WordErrors, word_errors
from tests.voice.neural import MISSING, assemble_whisper, piper_voice
from tests.voice.samples import SENTENCES, audio_of

ESPEAK_VOICES = ("en-us+f5", "en-us+f2", "en-us+m6", "en-us+m5", "en-gb")
_OPUS_SAMPLES = 320


@dataclass(frozen=True, slots=True)
class Misheard:
    """Errors per word; `word_error` by codec."""

    speaker: str
    recogniser: str
    word_error: dict[str, float]


def opus(pcm: bytes, bits_per_second: int) -> bytes:
    """The audio after Opus, in frames of 20 ms."""
    encoder: Any = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = SAMPLE_RATE, "mono", "s16"
    encoder.bit_rate = bits_per_second
    encoder.options = {"frame_duration": "20", "application": "voip"}
    decoder: Any = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout = SAMPLE_RATE, "mono"
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    packets = [packet for frame in _frames(pcm) for packet in encoder.encode(frame)] + encoder.encode(None)
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    return b"".join(bytes(whole.to_ndarray().tobytes()) for frame in frames for whole in resampler.resample(frame))


def _frames(pcm: bytes) -> Iterator[Any]:
    for start in range(0, len(pcm), 2 * _OPUS_SAMPLES):
        frame: Any = av.AudioFrame(format="s16", layout="mono", samples=_OPUS_SAMPLES)
        frame.sample_rate = SAMPLE_RATE
        frame.planes[0].update(pcm[start : start + 2 * _OPUS_SAMPLES].ljust(frame.planes[0].buffer_size, b"\0"))
        yield frame


CODECS: dict[str, Callable[[bytes], bytes]] = {
    "PCM": bytes,
    "Opus, 24 kbit/s": partial(opus, bits_per_second=24_000),
    "Opus, 12 kbit/s": partial(opus, bits_per_second=12_000),
}


async def measure_words() -> list[Misheard]:
    """Speak and hear ten sentences with each voice. Piper and Whisper take part where their weights are installed."""
    with tempfile.TemporaryDirectory() as folder:
        espeak = await open_speaker("espeak")
        voices = [(f"espeak-ng {voice}", espeak, VoiceStyle(voice)) for voice in ESPEAK_VOICES]
        recognisers = {"PocketSphinx, prepared": await open_recogniser("pocketsphinx", SENTENCES)}
        if not MISSING:
            assemble_whisper(Path(folder))
            voices.append(("Piper joe", await open_speaker(f"piper:{piper_voice()}"), VoiceStyle()))
            recognisers["Whisper base"] = await open_recogniser(f"whisper:{folder}")
        found = []
        for name, speaker, style in voices:
            spoken = {sentence: await audio_of(speaker, sentence, style) for sentence in SENTENCES}
            for title, recogniser in recognisers.items():
                errors = {codec: await _rate(recogniser, spoken, carry) for codec, carry in CODECS.items()}
                found.append(Misheard(name, title, errors))
        await _close(recognisers.values(), [speaker for _, speaker, _ in voices])
    return found


async def _rate(recogniser: Recogniser, spoken: dict[str, bytes], carry: Callable[[bytes], bytes]) -> float:
    total = WordErrors()
    for sentence, pcm in spoken.items():
        total += word_errors(sentence, (await recogniser.recognise(carry(pcm))).text)
    return total.rate


async def _close(recognisers: Any, speakers: list[Speaker]) -> None:
    for each in (*recognisers, *speakers):
        await each.close()
