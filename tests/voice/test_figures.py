"""Figures of a call, by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genesis_lib.voice.audio import samples, seconds
from genesis_lib.voice.captured import CapturedCall, CapturedUtterance, read_captured
from genesis_lib.voice.documents import write_documents
from genesis_lib.voice.figures import Durations, WordError, figures_of, overlaps, response_gaps, turns
from genesis_lib.voice.scenario import Side
from tests.voice.recorded import record_call


def said(
    side: Side, start: float, end: float, spoken: str | None = None, heard: str | None = None
) -> CapturedUtterance:
    return CapturedUtterance(side, int(start * 10), samples(start), samples(end), spoken, heard)


def call_of(*utterances: CapturedUtterance) -> CapturedCall:
    names: dict[Side, str] = {"customer": "Ada", "support": "Ben"}
    return CapturedCall("room", "", "", "", 0.0, samples(20), names, utterances, (), (), {}, "over", None, True)


def in_seconds(spans: list[tuple[int, int]]) -> list[tuple[float, float]]:
    return [(seconds(start), seconds(end)) for start, end in spans]


async def test_figures_of_a_call(tmp_path: Path) -> None:
    await record_call(tmp_path)
    figures = write_documents(tmp_path)
    assert (figures.duration_seconds, figures.reason, figures.success, figures.complete) == (
        16.0, "all is said", True, True
    )  # fmt: skip
    assert (figures.turns, figures.utterances) == (5, {"customer": 3, "support": 3})
    assert figures.speech_seconds == {"customer": 6.8, "support": 6.4}
    assert figures.response_gaps == Durations(3, 0.5, 0.6, 0.6)
    assert (figures.overlap_seconds, figures.interruptions) == (0.4, 1)
    assert figures.bus_calls == Durations(1, 0.8, 0.8, 0.8)
    assert figures.bus_calls_failed == 0
    assert figures.word_error["support"].errors == 1 + 7  # one word misheard, seven not heard
    assert figures.statistics == {"support": {"frames_lost": 3, "jitter_seconds": 0.0012}}
    assert json.loads((tmp_path / "figures.json").read_text()) == json.loads(json.dumps(figures.as_json()))


async def test_who_was_interrupted(tmp_path: Path) -> None:
    await record_call(tmp_path)
    interrupted = [utterance.interrupted for utterance in read_captured(tmp_path).utterances]
    assert interrupted == [False, False, True, False, False, False]


def test_nobody_speaks() -> None:
    figures = figures_of(call_of())
    assert (figures.turns, figures.overlap_seconds) == (0, 0.0)
    assert figures.response_gaps == Durations(0, None, None, None)
    assert figures.word_error["customer"] == WordError(0, 0, None, 0)


@pytest.mark.parametrize(
    ("utterances", "gaps", "both"),
    [
        ([said("customer", 1, 2), said("support", 2.5, 3)], [(2, 2.5)], []),
        ([said("customer", 1, 2), said("support", 2, 3)], [(2, 2)], []),
        ([said("customer", 1, 2), said("customer", 3, 4), said("support", 5, 6)], [(4, 5)], []),
        ([said("customer", 1, 3), said("support", 2, 4)], [], [(2, 3)]),
        # A word thrown in while the other goes on is no answer, and what follows it is none either.
        ([said("customer", 1, 9), said("support", 4, 5), said("customer", 9.5, 11)], [], [(4, 5)]),
        ([said("customer", 1, 9), said("support", 4, 5), said("support", 10, 11)], [(9, 10)], [(4, 5)]),
        ([said("customer", 1, 5), said("support", 2, 3), said("support", 4, 6)], [], [(2, 3), (4, 5)]),
    ],
)
def test_gaps_and_overlaps(
    utterances: list[CapturedUtterance], gaps: list[tuple[float, float]], both: list[tuple[float, float]]
) -> None:
    assert in_seconds(response_gaps(utterances)) == gaps
    assert in_seconds(overlaps(utterances)) == both


def test_several_utterances_in_a_row_are_one_turn() -> None:
    found = turns([said("customer", 1, 2), said("customer", 3, 4), said("support", 5, 6)])
    assert found == [("customer", samples(1), samples(4)), ("support", samples(5), samples(6))]


def test_word_error_adds_up_over_a_side_and_counts_what_was_never_heard() -> None:
    figures = figures_of(
        call_of(
            said("customer", 0, 1, "I want my 21 euros", "i want my twenty one euros"),
            said("customer", 2, 3, "one two three four", ""),
            said("customer", 4, 5, "hello you", None),
            said("support", 6, 7, "good bye", None),  # the last words of a call need no answer
        )
    )
    assert figures.word_error["customer"] == WordError(12, 6, 0.5, 1)
    assert figures.word_error["support"] == WordError(0, 0, None, 0)


def test_quantiles() -> None:
    talk = [
        said("customer" if n % 2 == 0 else "support", start, start + 0.5)
        for n, start in enumerate(0.5 * n * n / 10 + 1.5 * n for n in range(11))
    ]
    gaps = figures_of(call_of(*talk)).response_gaps
    assert gaps == Durations(10, 1.45, 1.95, 1.95)
