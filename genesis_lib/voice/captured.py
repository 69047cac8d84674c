"""Reads what was recorded of a call, also of one whose recording broke off: `events.jsonl` made into utterances."""

from __future__ import annotations

import json
import wave
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genesis_lib.errors import VoiceError
from genesis_lib.voice.messages import INTERRUPTED, ControlKind, TranscriptSource
from genesis_lib.voice.recording import AUDIO_FILE, EVENTS_FILE
from genesis_lib.voice.scenario import SIDES, Side

_UNFINISHED = "the recording breaks off without an end"


@dataclass(slots=True)
class CapturedUtterance:
    """One thing that was said. `start` and `end` are media times in samples; `spoken` and `heard` are None where nobody told;
    `confidence` is the recogniser's, 0 to 1."""

    side: Side
    utterance_id: int
    start: int
    end: int
    spoken: str | None = None
    heard: str | None = None
    confidence: float | None = None
    interrupted: bool = False

    @property
    def text(self) -> str:
        """What was said, as far as anybody knows."""
        return self.heard or "" if self.spoken is None else self.spoken


@dataclass(frozen=True, slots=True)
class CapturedBusCall:
    """A call on the bus that a side made. `start` is a media time in samples; `error` is "" when it was answered."""

    side: Side
    target: str
    start: int
    duration_seconds: float
    request: str
    answer: str
    error: str


@dataclass(frozen=True, slots=True)
class CapturedCall:
    """A call as it was recorded. `started` is in seconds since the Unix epoch, `duration` in samples; `statistics` are what
    each side's room counted; `complete` says that the recording was ended and did not break off."""

    room: str
    scenario: str
    persona: str
    title: str
    started: float
    duration: int
    names: Mapping[Side, str]
    utterances: tuple[CapturedUtterance, ...]
    bus_calls: tuple[CapturedBusCall, ...]
    interruptions: tuple[tuple[int, Side], ...]
    statistics: Mapping[Side, Mapping[str, float]]
    reason: str
    success: bool | None
    complete: bool


def read_captured(directory: Path) -> CapturedCall:
    """The call that was recorded into a directory. What comes after a line that is no event, as a crash may leave one, is
    not read.

    Raises:
        VoiceError: there is no recording in it.
    """
    events = list(_events(directory / EVENTS_FILE))
    if not events or events[0]["event"] != "start":
        raise VoiceError(f"{directory} holds no recording of a call: {EVENTS_FILE} has no beginning")
    reader = _Reader(events[0])
    for event in events[1:]:
        try:
            reader.take(event)
        except (KeyError, TypeError, ValueError):
            break
    return reader.call(_audio_samples(directory / AUDIO_FILE))


def _events(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise VoiceError(f"{path.parent} holds no recording of a call: {error.strerror}: {path}") from error
    for line in text.split("\n"):
        try:
            event = json.loads(line)
        except ValueError:
            return
        if not isinstance(event, dict) or "event" not in event:
            return
        yield event


def _audio_samples(path: Path) -> int:
    try:
        with wave.open(str(path)) as audio:
            return int(audio.getnframes())
    except (OSError, EOFError, wave.Error):
        return 0


@dataclass(slots=True)
class _Reader:
    """Puts events together. Controls tell when an utterance was, transcripts what it was."""

    start: Mapping[str, Any]
    names: dict[Side, str] = field(init=False)
    utterances: dict[tuple[Side, int], CapturedUtterance] = field(default_factory=dict)
    hearings: dict[tuple[Side, int], dict[int, str]] = field(default_factory=dict)
    calls: list[CapturedBusCall] = field(default_factory=list)
    interruptions: list[tuple[int, Side]] = field(default_factory=list)
    statistics: dict[Side, Mapping[str, float]] = field(default_factory=dict)
    end: Mapping[str, Any] | None = None
    latest: int = 0

    def __post_init__(self) -> None:
        self.names = {side: str(self.start[f"{side}_id"]) for side in SIDES}

    def take(self, event: Mapping[str, Any]) -> None:
        self.latest = max(self.latest, int(event["media_time"]))
        match event["event"]:
            case "control":
                self._control(event)
            case "transcript":
                self._transcript(event)
            case "bus_call":
                self._bus_call(event)
            case "statistics":
                if side := self._side(event["participant_id"]):
                    self.statistics[side] = event["values"]
            case "end":
                self.end = self.end or event

    def _side(self, participant_id: str) -> Side | None:
        return next((side for side in SIDES if self.start[f"{side}_id"] == participant_id), None)

    def _utterance(self, side: Side, event: Mapping[str, Any], start: int, end: int) -> CapturedUtterance:
        number = int(event["utterance_id"])
        return self.utterances.setdefault((side, number), CapturedUtterance(side, number, start, end))

    def _control(self, event: Mapping[str, Any]) -> None:
        side, at = self._side(event["participant_id"]), int(event["media_time"])
        if side is None:
            return
        match ControlKind[event["kind"].upper()]:
            case ControlKind.JOIN:
                self.names[side] = event["text"] or self.names[side]
            case ControlKind.UTTERANCE_START:
                self._utterance(side, event, at, at).start = at
            case ControlKind.UTTERANCE_END:
                utterance = self._utterance(side, event, at, at)
                utterance.end, utterance.interrupted = at, event["text"] == INTERRUPTED
            case ControlKind.INTERRUPT:
                self.interruptions.append((at, side))
            case _:
                pass

    def _transcript(self, event: Mapping[str, Any]) -> None:
        side = self._side(event["speaker_id"])
        if side is None:
            return
        start, end = int(event["start"]), int(event["end"])
        self.latest = max(self.latest, end)
        utterance = self._utterance(side, event, start, end)
        utterance.end = max(utterance.start, utterance.end, end)
        if event["source"] == TranscriptSource.SPOKEN:
            utterance.spoken = event["text"]
        elif self._side(event["reporter_id"]) not in (None, side):
            # A listener may have made several pieces of what was one utterance.
            pieces = self.hearings.setdefault((side, utterance.utterance_id), {})
            pieces[start] = event["text"]
            utterance.heard = " ".join(pieces[at] for at in sorted(pieces) if pieces[at])
            utterance.confidence = float(event["confidence"])

    def _bus_call(self, event: Mapping[str, Any]) -> None:
        if side := self._side(event["caller_id"]):
            self.calls.append(
                CapturedBusCall(
                    side,
                    event["target"],
                    int(event["media_time"]),
                    float(event["duration_seconds"]),
                    event["request"],
                    event["answer"],
                    event["error"],
                )
            )

    def call(self, audio_samples: int) -> CapturedCall:
        for utterance in self.utterances.values():
            utterance.end = max(utterance.start, utterance.end)
        return CapturedCall(
            room=self.start["room"],
            scenario=self.start["scenario"],
            persona=self.start["persona"],
            title=self.start["title"],
            started=float(self.start["wall_time"]),
            duration=max(audio_samples, self.latest),
            names=self.names,
            utterances=tuple(sorted(self.utterances.values(), key=lambda utterance: (utterance.start, utterance.end))),
            bus_calls=tuple(sorted(self.calls, key=lambda call: call.start)),
            interruptions=tuple(sorted(self.interruptions)),
            statistics=self.statistics,
            reason=_UNFINISHED if self.end is None else self.end["reason"],
            success=None if self.end is None else self.end["success"],
            complete=self.end is not None,
        )
