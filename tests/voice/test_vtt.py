"""The transcript as WebVTT: checked by grammar here, by a browser's parser in test_page."""

from __future__ import annotations

import re
from pathlib import Path

from genesis_lib.voice.captured import CapturedUtterance, read_captured
from genesis_lib.voice.vtt import web_vtt
from tests.voice.recorded import record_call
from tests.voice.test_figures import call_of

_TIMINGS = re.compile(r"(\d\d+):([0-5]\d):([0-5]\d)\.(\d{3}) --> (\d\d+):([0-5]\d):([0-5]\d)\.(\d{3})")
_PAYLOAD = re.compile(r"<v [^<>&\n]*(?:&(?:lt|gt|amp);[^<>&\n]*)*>(?:[^<>&\n]|&(?:lt|gt|amp);)+")


def cues(vtt: str) -> list[tuple[float, float, str]]:
    """The cues, in seconds, of a file that has to be valid."""
    header, *blocks = vtt.removesuffix("\n").split("\n\n")
    assert header == "WEBVTT"
    found: list[tuple[float, float, str]] = []
    for block in blocks:
        if block.startswith("NOTE\n"):
            assert "-->" not in block
            continue
        number, timings, payload = block.split("\n")
        match = _TIMINGS.fullmatch(timings)
        assert number.isdecimal()
        assert match, timings
        assert _PAYLOAD.fullmatch(payload), payload
        hours, minutes, secs, millis, *rest = map(int, match.groups())
        start = hours * 3600 + minutes * 60 + secs + millis / 1000
        end = rest[0] * 3600 + rest[1] * 60 + rest[2] + rest[3] / 1000
        assert start < end
        assert not found or found[-1][0] <= start
        found.append((start, end, payload))
    return found


async def test_a_cue_for_each_utterance(tmp_path: Path) -> None:
    await record_call(tmp_path)
    vtt = web_vtt(read_captured(tmp_path))
    assert [cue[:2] for cue in cues(vtt)] == [
        (0.5, 3.1), (3.5, 5.2), (6.4, 9.4), (9.0, 11.8), (12.3, 14.0), (14.6, 16.0)
    ]  # fmt: skip
    assert cues(vtt)[3][2] == "<v Ada Berger>But is it going to rain &amp; &lt;b&gt;storm&lt;/b&gt;?"


async def test_what_was_heard_is_a_note_where_it_differs(tmp_path: Path) -> None:
    await record_call(tmp_path)
    notes = re.findall(r"NOTE\n(.*)\n", web_vtt(read_captured(tmp_path)))
    assert [note.partition(": ")[0] for note in notes] == [
        "Ada Berger heard in 2", "Ada Berger heard in 3", "Ben Weiss heard in 4"
    ]  # fmt: skip
    assert notes[0].endswith(": one moment i ask our whether agent")


def test_hostile_text_stays_text() -> None:
    hostile = "a\n\n2\n00:00:01.000 --> 00:00:09.000\n<v Eve>--> &amp; </v>"
    vtt = web_vtt(
        call_of(
            CapturedUtterance("customer", 0, 0, 0, hostile, hostile + " more"),
            CapturedUtterance("support", 1, 58_000_000, 58_016_000, "late", None),
            CapturedUtterance("support", 2, 58_020_000, 58_030_000, "", None),
        )
    )
    (first, second) = cues(vtt)
    assert first[:2] == (0.0, 0.001)
    assert second[:2] == (3625.0, 3626.0)
