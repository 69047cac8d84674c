"""A call that never took place, recorded: three turns each, an interruption, a bus call, and something misheard."""

from __future__ import annotations

import math
from array import array
from pathlib import Path

from genesis_lib.voice.audio import FRAME_SAMPLES, samples
from genesis_lib.voice.messages import (
    INTERRUPTED,
    ControlKind,
    TranscriptSource,
    VoiceControl,
    VoiceFrame,
    VoiceTranscript,
)
from genesis_lib.voice.recorder import CallWatcher
from genesis_lib.voice.recording import Recording

ROOM = "room-1"
CUSTOMER, SUPPORT = "id-of-ada", "id-of-ben"

# Who, from and to in seconds, what was spoken, what was heard.
TALK = (
    (CUSTOMER, 0.5, 3.1, "Hello, what is the weather in Vienna?", "hello what is the weather in vienna"),
    (SUPPORT, 3.5, 5.2, "One moment, I ask our weather agent.", "one moment i ask our whether agent"),
    (SUPPORT, 6.4, 9.4, "In Vienna it is 21 degrees and sunny, with a light wind from", "in vienna it is twenty one degrees"),
    (CUSTOMER, 9.0, 11.8, "But is it going to rain & <b>storm</b>?", "but is it going to rain and storm"),
    (SUPPORT, 12.3, 14.0, "No rain today.", "no rain today"),
    (CUSTOMER, 14.6, 16.0, "Thank you, goodbye!", None),
)  # fmt: skip


def tone(frequency: float, start: float, end: float) -> list[bytes]:
    """Frames of something that swells like speech."""
    at = samples(start)
    wave = array(
        "h",
        (
            int(
                9000
                * abs(math.sin(n / 2300))
                * abs(math.sin(n / 9100 + start))
                * math.sin(2 * math.pi * frequency * n / 16000)
            )
            for n in range(at, samples(end))
        ),
    )
    pcm = wave.tobytes()
    return [pcm[n : n + 2 * FRAME_SAMPLES] for n in range(0, len(pcm), 2 * FRAME_SAMPLES)]


def feed_audio(recording: Recording) -> None:
    for number, (who, start, end, _, _) in enumerate(TALK):
        for sequence, pcm in enumerate(tone(180 if who == CUSTOMER else 120, start, end)):
            at = samples(start) + sequence * FRAME_SAMPLES
            recording.frame(VoiceFrame(ROOM, who, number, sequence, at, pcm))


def feed_controls(recording: CallWatcher) -> None:
    def control(who: str, kind: ControlKind, at: float, utterance: int = 0, target: str = "", text: str = "") -> None:
        recording.control(VoiceControl(ROOM, who, kind, samples(at), utterance, target, text))

    control(CUSTOMER, ControlKind.JOIN, 0, text="Ada Berger")
    control(SUPPORT, ControlKind.JOIN, 0, text="Ben Weiss")
    for number, (who, start, end, _, _) in enumerate(TALK):
        control(who, ControlKind.UTTERANCE_START, start, number)
        control(who, ControlKind.UTTERANCE_END, end, number, text=INTERRUPTED if end == 9.4 else "")
    control(CUSTOMER, ControlKind.INTERRUPT, 9.1, 2, SUPPORT)
    control(CUSTOMER, ControlKind.HANG_UP, 16.0, text="all is said")


def feed_transcripts(recording: CallWatcher) -> None:
    for number, (who, start, end, spoken, heard) in enumerate(TALK):
        other = SUPPORT if who == CUSTOMER else CUSTOMER
        times = (samples(start), samples(end))
        recording.transcript(VoiceTranscript(ROOM, number, who, who, TranscriptSource.SPOKEN, spoken, *times))
        if heard is not None:
            recording.transcript(VoiceTranscript(ROOM, number, who, other, TranscriptSource.HEARD, heard, *times, 0.9))


async def record_call(directory: Path) -> None:
    """Record it, to its end."""
    recording = Recording(
        directory, ROOM, CUSTOMER, SUPPORT, scenario="weather", persona="curious", title="Will it rain in Vienna?"
    )
    feed_audio(recording)
    feed_controls(recording)
    feed_transcripts(recording)
    recording.bus_call(
        SUPPORT, "WeatherAgent", samples(5.3), 0.8, request="weather in Vienna?", answer="21 degrees, sunny, light wind"
    )
    recording.statistics(SUPPORT, {"frames_lost": 3, "jitter_seconds": 0.0012})
    await recording.close("all is said", success=True)
