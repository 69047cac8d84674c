"""Listening to what was recorded of a call."""

from __future__ import annotations

import math
import wave
from array import array
from pathlib import Path

from genesis_lib.voice.audio import SAMPLE_RATE
from genesis_lib.voice.captured import CapturedCall, CapturedUtterance, read_captured
from genesis_lib.voice.production import CallResult
from genesis_lib.voice.scenario import Side, load_scenario

LOUD = 500  # of 32,767, root mean square


def channels(directory: Path) -> tuple[array[int], array[int]]:
    """The recording's left and right channel."""
    with wave.open(str(directory / "call.wav")) as audio:
        assert (audio.getnchannels(), audio.getframerate(), audio.getsampwidth()) == (2, SAMPLE_RATE, 2)
        both = array("h", audio.readframes(audio.getnframes()))
    return both[0::2], both[1::2]


def loudness(pcm: array[int]) -> float:
    return math.sqrt(sum(sample * sample for sample in pcm) / len(pcm))


def assert_heard_alternating(call: CapturedCall, directory: Path) -> None:
    """Each utterance is loud on its own channel and silent on the other, and the sides take turns."""
    left, right = channels(directory)
    assert len(left) >= call.utterances[-1].end
    for utterance in call.utterances:
        own, other = (left, right) if utterance.side == "customer" else (right, left)
        assert loudness(own[utterance.start : utterance.end]) > LOUD
        assert loudness(other[utterance.start : utterance.end]) < LOUD / 10
    assert [each.side for each in call.utterances] == alternating(call.utterances)


def alternating(utterances: tuple[CapturedUtterance, ...]) -> list[Side]:
    sides: list[Side] = [utterances[0].side]
    while len(sides) < len(utterances):
        sides.append("support" if sides[-1] == "customer" else "customer")
    return sides


def assert_cut_short(result: CallResult, scenario: str, directory: Path) -> None:
    """Somebody barged in on the support: what it said is cut, and was the beginning of what it had to say."""
    assert result.missing == ()
    assert result.figures.interruptions >= 1
    cut = [each for each in read_captured(directory).utterances if each.interrupted]
    texts = [step.say for step in load_scenario(scenario).support.steps]
    assert cut
    for utterance in cut:
        assert utterance.side == "support"
        assert any(text.startswith(utterance.text) and len(utterance.text) < len(text) for text in texts)
