"""Audio for the tests of speech: what people say to a support line, and noise."""

from __future__ import annotations

import math
import random
from array import array

from genesis_lib.voice.audio import FRAME_BYTES, SAMPLE_RATE
from genesis_lib.voice.speech.ports import Recogniser, Speaker, VoiceActivity, VoiceStyle
from genesis_lib.voice.words import WordErrors, word_errors

SENTENCES = (
    "Hello, this is the support line, my name is Anna, how can I help you?",
    "Hi, I ordered a kettle two weeks ago and it has not arrived yet.",
    "I am sorry to hear that, could you give me the order number please?",
    "Yes, it is 4711.",
    "Thank you, I will look that up for you, one moment please.",
    "The parcel was sent on Monday and is now at the depot in Hamburg.",
    "Can I still change the delivery address to my office?",
    "I would rather have my money back, this is the second time.",
    "We can refund $49.90 to your credit card within five working days.",
    "No, that's all, thank you very much and goodbye.",
)


async def audio_of(speaker: Speaker, text: str, style: VoiceStyle | None = None) -> bytes:
    return b"".join([piece async for piece in speaker.speak(text, style or VoiceStyle())])


async def errors_of(recogniser: Recogniser, speaker: Speaker, style: VoiceStyle | None = None) -> WordErrors:
    """Speak and hear all sentences."""
    total = WordErrors()
    for sentence in SENTENCES:
        heard = await recogniser.recognise(await audio_of(speaker, sentence, style))
        total += word_errors(sentence, heard.text)
    return total


def decibels(pcm: bytes) -> float:
    """Loudness in dB below full scale."""
    samples = array("h", pcm)
    power = sum(sample * sample for sample in samples) / len(samples)
    return 10 * math.log10(max(power, 1e-9) / 32768**2)


def white_noise(deviation: float, seconds: float = 2.0, seed: int = 1) -> bytes:
    """Noise that a fixed seed makes, by the standard deviation of its samples."""
    chance = random.Random(seed)
    values = (round(chance.gauss(0, deviation)) for _ in range(round(seconds * SAMPLE_RATE)))
    return array("h", (min(32767, max(-32768, value)) for value in values)).tobytes()


def share_of_speech(activity: VoiceActivity, pcm: bytes) -> float:
    """The share of frames taken for speech."""
    starts = range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)
    return sum(activity.feed(pcm[start : start + FRAME_BYTES]) for start in starts) / len(starts)
