"""Figures of a call: turns, gaps, overlap, interruptions, word error, bus calls, and how it ended."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from genesis_lib.voice.audio import seconds
from genesis_lib.voice.captured import CapturedCall, CapturedUtterance
from genesis_lib.voice.scenario import SIDES, Side
from genesis_lib.voice.words import WordErrors, word_errors


@dataclass(frozen=True, slots=True)
class Durations:
    """How long things took, in seconds: None where there were none."""

    count: int
    median: float | None
    p95: float | None
    worst: float | None


@dataclass(frozen=True, slots=True)
class WordError:
    """What one side understood of the other. `rate` is errors per spoken word, None where nothing was spoken; `unheard`
    counts utterances of which the other side never told what it heard: all their words are errors. The last utterance of a
    call, which nobody has to answer, counts only when it was heard."""

    words: int
    errors: int
    rate: float | None
    unheard: int


@dataclass(frozen=True, slots=True)
class CallFigures:
    """Figures of a call. Durations are seconds of media time, those of bus calls seconds of the clock.

    Attributes:
        turns: how often somebody took the floor; several utterances of a side in a row are one turn.
        response_gaps: silence between the end of one side's speech and the start of the other's.
        overlap_seconds: both spoke.
        word_error: by who spoke: what the other side understood.
        statistics: what each side's room counted (`RoomStatistics`), as far as it was recorded.
    """

    room: str
    scenario: str
    persona: str
    duration_seconds: float
    reason: str
    success: bool | None
    complete: bool
    turns: int
    utterances: Mapping[Side, int]
    speech_seconds: Mapping[Side, float]
    response_gaps: Durations
    overlap_seconds: float
    interruptions: int
    word_error: Mapping[Side, WordError]
    bus_calls: Durations
    bus_calls_failed: int
    statistics: Mapping[Side, Mapping[str, float]]

    def as_json(self) -> dict[str, Any]:
        """What `figures.json` holds."""
        return asdict(self)


def figures_of(call: CapturedCall) -> CallFigures:
    """The figures of a call that was recorded."""
    spoken = {side: _of(side, call.utterances) for side in SIDES}
    return CallFigures(
        room=call.room,
        scenario=call.scenario,
        persona=call.persona,
        duration_seconds=_rounded(seconds(call.duration)),
        reason=call.reason,
        success=call.success,
        complete=call.complete,
        turns=len(turns(call.utterances)),
        utterances={side: len(spoken[side]) for side in SIDES},
        speech_seconds={side: _length(_merged(spoken[side])) for side in SIDES},
        response_gaps=_durations(seconds(end - start) for start, end in response_gaps(call.utterances)),
        overlap_seconds=_length(overlaps(call.utterances)),
        interruptions=len(call.interruptions),
        word_error={side: _word_error(side, call.utterances) for side in SIDES},
        bus_calls=_durations(bus_call.duration_seconds for bus_call in call.bus_calls),
        bus_calls_failed=sum(bool(bus_call.error) for bus_call in call.bus_calls),
        statistics=call.statistics,
    )


def turns(utterances: Sequence[CapturedUtterance]) -> list[tuple[Side, int, int]]:
    """Who had the floor from when to when, in samples; utterances are sorted by their start, as everywhere here."""
    found: list[tuple[Side, int, int]] = []
    for utterance in utterances:
        if found and found[-1][0] == utterance.side:
            side, start, end = found[-1]
            found[-1] = (side, start, max(end, utterance.end))
        else:
            found.append((utterance.side, utterance.start, utterance.end))
    return found


def response_gaps(utterances: Sequence[CapturedUtterance]) -> list[tuple[int, int]]:
    """The silence before each answer, from and to, in samples. An answer that came while the other spoke has none."""
    gaps: list[tuple[int, int]] = []
    last: CapturedUtterance | None = None
    for utterance in utterances:
        if last is not None and utterance.side != last.side and utterance.start >= last.end:
            gaps.append((last.end, utterance.start))
        if last is None or utterance.end >= last.end:
            last = utterance
    return gaps


def overlaps(utterances: Sequence[CapturedUtterance]) -> list[tuple[int, int]]:
    """When both sides spoke, from and to, in samples."""
    customer, support = (_merged(_of(side, utterances)) for side in SIDES)
    return [
        (max(one[0], other[0]), min(one[1], other[1]))
        for one in customer
        for other in support
        if max(one[0], other[0]) < min(one[1], other[1])
    ]


def _of(side: Side, utterances: Iterable[CapturedUtterance]) -> list[CapturedUtterance]:
    return [utterance for utterance in utterances if utterance.side == side]


def _merged(utterances: Sequence[CapturedUtterance]) -> list[tuple[int, int]]:
    """The spans of one side's speech, those that touch made one."""
    spans: list[tuple[int, int]] = []
    for utterance in utterances:
        if spans and utterance.start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], utterance.end))
        else:
            spans.append((utterance.start, utterance.end))
    return spans


def _length(spans: Iterable[tuple[int, int]]) -> float:
    return _rounded(seconds(sum(end - start for start, end in spans)))


def _durations(values: Iterable[float]) -> Durations:
    ordered = sorted(_rounded(value) for value in values)
    if not ordered:
        return Durations(0, None, None, None)
    return Durations(len(ordered), _quantile(ordered, 0.5), _quantile(ordered, 0.95), ordered[-1])


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least this share does not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _rounded(value: float) -> float:
    return round(value, 3)


def _word_error(side: Side, utterances: Sequence[CapturedUtterance]) -> WordError:
    total, unheard = WordErrors(), 0
    for utterance in _of(side, utterances):
        if utterance.spoken is None or (utterance.heard is None and utterance is utterances[-1]):
            continue
        unheard += utterance.heard is None
        total += word_errors(utterance.spoken, utterance.heard or "")
    return WordError(
        total.spoken_words, len(total.edits), round(total.rate, 4) if total.spoken_words else None, unheard
    )
