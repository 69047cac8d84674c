"""Puts the figures between the marks in docs/voice.md."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.markdown import head, put_between, row

PAGE = Path(__file__).resolve().parents[2] / "docs" / "voice.md"
BEGIN, END = "<!-- figures: begin, written by benchmarks.voice -->", "<!-- figures: end -->"


def write_tables(figures: dict[str, Any]) -> None:
    """Write the tables."""
    put_between(PAGE, BEGIN, END, list(_sections(figures)))


def _sections(figures: dict[str, Any]) -> Iterator[str]:
    yield f"{figures['machine']['cpus']} CPUs ({figures['machine']['architecture']}), Python {figures['machine']['python']}."
    yield from ("", "### The room alone", "")
    yield "Prepared audio, answered at once by another process: neither synthesis nor recognition nor thinking is in it."
    yield ""
    yield from head(
        [
            "calls at once",
            "gap, median",
            "gap, p95",
            "gap, worst",
            "frames not played in time",
            "CPU a call",
            "memory a call",
        ],
        right_from=0,
    )
    for room in figures["rooms"]:
        missed = f"{room['frames_not_played'] + room['frames_awaited']:,} of {room['frames_sent']:,}"
        yield row([str(room["calls"]), *_gaps(room["gaps"]), missed, *_cost(room)])
    yield from ("", "### Whole calls", "")
    yield "espeak-ng speaks, PocketSphinx hears, the scenario's script decides; the gap has all three in it."
    yield ""
    yield from head(
        [
            "calls at once",
            "reached their end",
            "gap, median",
            "gap, p95",
            "gap, worst",
            "word error",
            "CPU a call",
            "memory a call",
        ],
        right_from=0,
    )
    for call in figures["calls"]:
        reached = f"{call['reached']} of {call['calls']}"
        yield row([str(call["calls"]), reached, *_gaps(call["gaps"]), f"{call['word_error']:.1%}", *_cost(call)])
    yield from ("", "### What is misheard", "", "Word error over ten sentences of a support line.", "")
    codecs = list(figures["words"][0]["word_error"])
    yield from head(["voice", "recogniser", *codecs], right_from=2)
    for each in figures["words"]:
        yield row([each["speaker"], each["recogniser"], *(f"{each['word_error'][codec]:.1%}" for codec in codecs)])


def _gaps(gaps: Sequence[float]) -> tuple[str, str, str]:
    p95 = gaps[min(len(gaps) - 1, round(0.95 * len(gaps)))]
    return tuple(f"{gap * 1000:,.0f} ms" for gap in (statistics.median(gaps), p95, gaps[-1]))  # type: ignore[return-value]


def _cost(figures: dict[str, Any]) -> tuple[str, str]:
    return f"{figures['cpu_per_call']:.1%}", f"{figures['memory_per_call'] / 1e6:.0f} MB"
