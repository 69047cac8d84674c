"""The transcript as WebVTT (https://www.w3.org/TR/webvtt1/): a cue for each utterance, with a voice tag."""

from __future__ import annotations

from collections.abc import Iterator

from genesis_lib.voice.audio import SAMPLE_RATE
from genesis_lib.voice.captured import CapturedCall, CapturedUtterance
from genesis_lib.voice.scenario import other_side
from genesis_lib.voice.words import word_errors


def web_vtt(call: CapturedCall) -> str:
    """The transcript of a call. A cue has what was spoken; where something else was heard, a note before it says so."""
    blocks = ["WEBVTT", *_blocks(call)]
    return "\n\n".join(blocks) + "\n"


def _blocks(call: CapturedCall) -> Iterator[str]:
    for number, utterance in enumerate(call.utterances, start=1):
        if _was_misheard(utterance):
            listener = call.names[other_side(utterance.side)]
            yield f"NOTE\n{_note(f'{listener} heard in {number}: {utterance.heard}')}"
        if utterance.text:
            name = call.names[utterance.side]
            yield f"{number}\n{_timings(utterance)}\n<v {_escape(name)}>{_escape(utterance.text)}"


def _was_misheard(utterance: CapturedUtterance) -> bool:
    if utterance.spoken is None or utterance.heard is None:
        return False
    return bool(word_errors(utterance.spoken, utterance.heard).edits)


def _timings(utterance: CapturedUtterance) -> str:
    start = _milliseconds(utterance.start)
    end = max(_milliseconds(utterance.end), start + 1)
    return f"{_timestamp(start)} --> {_timestamp(end)}"


def _milliseconds(samples: int) -> int:
    return round(samples * 1000 / SAMPLE_RATE)


def _timestamp(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{rest:03}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _escape(text: str) -> str:
    return _one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _note(text: str) -> str:
    return _one_line(text).replace("-->", "->")
