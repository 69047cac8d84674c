"""The timeline of a call as HTML: waveforms, turns, gaps, overlaps, interruptions and bus calls, placed in percent."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from itertools import takewhile

from genesis_lib.voice.audio import seconds
from genesis_lib.voice.captured import CapturedCall
from genesis_lib.voice.figures import overlaps, response_gaps
from genesis_lib.voice.scenario import SIDES, Side

_HEIGHT = 100
_MARK_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800)
_MOST_MARKS = 12


def timeline_html(call: CapturedCall, peaks: tuple[Sequence[float], Sequence[float]]) -> str:
    """The lanes of the timeline. `peaks` are those of both sides over the whole call, 0 to 1."""
    place = _Place(call.duration)
    loudest = max((max(side, default=0.0) for side in peaks), default=0.0) or 1.0
    customer, support = (_lane(call, side, peaks[n], loudest, place) for n, side in enumerate(SIDES))
    rows = [_ruler(call, place), customer, _between(call, place), support]
    if call.bus_calls:
        rows.append(_bus_lane(call, place))
    return "\n".join(rows)


def clock(samples: int) -> str:
    """A media time as minutes and seconds."""
    minutes, rest = divmod(int(seconds(samples)), 60)
    return f"{minutes}:{rest:02}"


class _Place:
    """Where on the timeline a span is."""

    def __init__(self, duration: int) -> None:
        self._duration = max(1, duration)

    def of(self, start: int) -> str:
        return f"left:{100 * start / self._duration:.3f}%"

    def span(self, start: int, end: int) -> str:
        return f"{self.of(start)};width:{100 * (end - start) / self._duration:.3f}%"

    def is_late(self, at: int) -> bool:
        """There is no room for a label after it."""
        return at > 0.8 * self._duration


def _ruler(call: CapturedCall, place: _Place) -> str:
    whole = seconds(call.duration)
    step = next((step for step in _MARK_STEPS if whole / step <= _MOST_MARKS), math.ceil(whole / _MOST_MARKS))
    times = takewhile(lambda time: time < whole * 0.98, (number * step for number in range(int(whole / step) + 1)))
    marks = "".join(f'<span style="{place.of(time * 16000)}">{clock(time * 16000)}</span>' for time in times)
    return f'<div class="ruler" aria-hidden="true">{marks}</div>'


def _lane(call: CapturedCall, side: Side, peaks: Sequence[float], loudest: float, place: _Place) -> str:
    name = escape(call.names[side])
    turns = "".join(
        f'<span class="turn{" cut" * utterance.interrupted}" style="{place.span(utterance.start, utterance.end)}"'
        f' data-start="{seconds(utterance.start):.3f}" data-end="{seconds(utterance.end):.3f}"'
        f' title="{name}: {escape(utterance.text)}"></span>'
        for utterance in call.utterances
        if utterance.side == side
    )
    path = _path(peaks, loudest)
    wave = (
        f'<svg viewBox="0 {-_HEIGHT} {max(1, len(peaks))} {2 * _HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f'<path id="wave-{side}" d="{path}"/><use href="#wave-{side}" transform="scale(1 -1)"/></svg>'
    )
    played = (
        f'<svg class="played" viewBox="0 {-_HEIGHT} {max(1, len(peaks))} {2 * _HEIGHT}" preserveAspectRatio="none"'
        f' aria-hidden="true"><use href="#wave-{side}"/><use href="#wave-{side}" transform="scale(1 -1)"/></svg>'
    )
    return f'<div class="lane {side}">{turns}{wave}{played}</div>'


def _path(peaks: Sequence[float], loudest: float) -> str:
    """The upper half of a waveform, with steps of one unit; what is silent is a hair line."""
    heights = [max(1, round(_HEIGHT * 0.94 * peak / loudest)) for peak in peaks]
    return "M0 0" + "".join(f"V{-height}h1" for height in heights) + "V0Z"


def _between(call: CapturedCall, place: _Place) -> str:
    marks = [
        f'<span class="gap" style="{place.span(start, end)}" title="response gap {seconds(end - start):.2f} s">'
        f"<b>{seconds(end - start):.1f} s</b></span>"
        for start, end in response_gaps(call.utterances)
    ]
    marks += [
        f'<span class="overlap" style="{place.span(start, end)}" title="both speak, {seconds(end - start):.2f} s"></span>'
        for start, end in overlaps(call.utterances)
    ]
    marks += [
        f'<span class="interruption {side}" style="{place.of(at)}" title="{escape(call.names[side])} interrupts"></span>'
        for at, side in call.interruptions
    ]
    return f'<div class="between">{"".join(marks)}</div>'


def _bus_lane(call: CapturedCall, place: _Place) -> str:
    return f'<div class="bus-lane">{"".join(_bus_calls(call, place))}</div>'


def _bus_calls(call: CapturedCall, place: _Place) -> Iterator[str]:
    for bus_call in call.bus_calls:
        end = bus_call.start + round(bus_call.duration_seconds * 16000)
        marks = " failed" * bool(bus_call.error) + " late" * place.is_late(end)
        says = f"{call.names[bus_call.side]} calls {bus_call.target}, {bus_call.duration_seconds:.2f} s"
        yield (
            f'<span class="bus{marks}" style="{place.span(bus_call.start, min(end, call.duration))}"'
            f' title="{escape(says)}"><b>{escape(bus_call.target)}</b></span>'
        )
