"""`index.html`: one page, with nothing from elsewhere, to listen to a call, read along and see its timeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from string import Template

from genesis_lib.voice.audio import seconds
from genesis_lib.voice.captured import CapturedBusCall, CapturedCall, CapturedUtterance
from genesis_lib.voice.differences import Word, differences
from genesis_lib.voice.figures import CallFigures, Durations, WordError
from genesis_lib.voice.recording import AUDIO_FILE
from genesis_lib.voice.scenario import SIDES, other_side
from genesis_lib.voice.timeline import clock, timeline_html

_PARTS = Path(__file__).parent / "page_parts"
_OUTCOMES: Mapping[bool | None, tuple[str, str]] = {
    True: ("Success", "good"),
    False: ("Failed", "bad"),
    None: ("Ended", "unknown"),
}


def page_html(call: CapturedCall, figures: CallFigures, peaks: tuple[Sequence[float], Sequence[float]]) -> str:
    """The page of a call; its sound is the recording beside it."""
    outcome, outcome_class = _OUTCOMES[call.success] if call.complete else ("Incomplete", "bad")
    template = Template((_PARTS / "page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(_title(call)),
        style=(_PARTS / "page.css").read_text(encoding="utf-8"),
        script=(_PARTS / "page.js").read_text(encoding="utf-8"),
        about=escape(_about(call)),
        outcome=outcome,
        outcome_class=outcome_class,
        reason=escape(call.reason),
        audio=AUDIO_FILE,
        duration=f"{seconds(call.duration):.3f}",
        duration_text=clock(call.duration),
        legend="".join(_legend(call)),
        timeline=timeline_html(call, peaks),
        transcript="\n".join(_transcript(call)),
        figures="\n".join(_figures(call, figures)),
    )


def _title(call: CapturedCall) -> str:
    return call.title or call.scenario or f"Call in room {call.room}"


def _about(call: CapturedCall) -> str:
    sides = " and ".join(f"{call.names[side]} ({side})" for side in SIDES)
    began = datetime.fromtimestamp(call.started, UTC)
    return f"{sides} \N{MIDDLE DOT} {began:%d %B %Y, %H:%M} UTC \N{MIDDLE DOT} room {call.room}"


def _legend(call: CapturedCall) -> Iterator[str]:
    for side in SIDES:
        yield f'<span class="{side}"><i></i>{escape(call.names[side])}</span>'
    yield '<span class="both"><i></i>both</span>'
    if call.interruptions:
        yield '<span class="interrupts"><i></i>interrupts</span>'
    if call.bus_calls:
        yield "<span><i></i>bus call</span>"


def _transcript(call: CapturedCall) -> Iterator[str]:
    rows = [(one.start, _utterance(call, one)) for one in call.utterances]
    rows += [(one.start, _bus_call(call, one)) for one in call.bus_calls]
    if not rows:
        yield '<li class="nothing">Nobody said anything.</li>'
    for _, row in sorted(rows, key=lambda row: row[0]):
        yield row


def _utterance(call: CapturedCall, utterance: CapturedUtterance) -> str:
    spoken, heard = differences(utterance.spoken or "", utterance.heard or "")
    listener = escape(call.names[other_side(utterance.side)])
    tag = '<span class="tag">interrupted</span>' if utterance.interrupted else ""
    note = ""
    if utterance.heard is None:
        said = escape(utterance.text)
    elif utterance.spoken is None:
        said = escape(utterance.text)
        note = f"{listener} heard this"
    elif not any(word.differs for word in (*spoken, *heard)):
        said = escape(utterance.text)
    else:
        said = _marked(spoken, "u")
        note = f"{listener} heard: {_marked(heard, 'mark')}" if heard else f"{listener} heard nothing"
    return (
        f'<li class="{utterance.side}"><button type="button" class="utterance" data-start="{seconds(utterance.start):.3f}"'
        f' data-end="{seconds(utterance.end):.3f}"><span class="who"><b>{escape(call.names[utterance.side])}</b>'
        f"<time>{clock(utterance.start)}</time>{tag}</span>"
        f'<span class="said">{said}</span>{note and f"""<span class="heard">{note}</span>"""}</button></li>'
    )


def _marked(words: Sequence[Word], element: str) -> str:
    return " ".join(
        f"<{element}>{escape(word.text)}</{element}>" if word.differs else escape(word.text) for word in words
    )


def _bus_call(call: CapturedCall, bus_call: CapturedBusCall) -> str:
    took = f"{bus_call.duration_seconds:.2f} s"
    answer = f'<span class="failed">{escape(bus_call.error)}</span>' if bus_call.error else ""
    if bus_call.answer:
        answer = f"<span>{escape(bus_call.answer)}</span>"
    request = f"<span>\N{LEFT DOUBLE QUOTATION MARK}{escape(bus_call.request)}\N{RIGHT DOUBLE QUOTATION MARK}</span>"
    return (
        f'<li class="{bus_call.side}"><button type="button" class="bus-call" data-start="{seconds(bus_call.start):.3f}">'
        f"<span>{escape(call.names[bus_call.side])} called <b>{escape(bus_call.target)}</b>"
        f"<time>{clock(bus_call.start)}</time><time>{took}</time></span>{request if bus_call.request else ''}{answer}"
        "</button></li>"
    )


def _figures(call: CapturedCall, figures: CallFigures) -> Iterator[str]:
    yield _row("Duration", clock(call.duration))
    yield _row("Turns", str(figures.turns))
    yield _row("Response gap", _median(figures.response_gaps), *_worst(figures.response_gaps))
    yield _row("Both spoke", f"{figures.overlap_seconds:.2f} s")
    yield _row("Interruptions", str(figures.interruptions))
    for side in SIDES:
        listener = call.names[other_side(side)]
        yield _row(f"{listener} misheard", *_misheard(figures.word_error[side]))
    if figures.bus_calls.count:
        failed = f", {figures.bus_calls_failed} failed" if figures.bus_calls_failed else ""
        yield _row(
            "Bus calls",
            f"{figures.bus_calls.count}{failed}",
            f"median: {_median(figures.bus_calls)}",
            *_worst(figures.bus_calls),
        )
    for side, counts in figures.statistics.items():
        if "frames_lost" in counts:
            yield _row(f"Lost frames, to {call.names[side]}", f"{counts['frames_lost']:g}")
        if "jitter_seconds" in counts:
            yield _row(f"Jitter, to {call.names[side]}", f"{1000 * counts['jitter_seconds']:.1f} ms")


def _row(name: str, value: str, *details: str) -> str:
    smalls = "".join(f"<small>{escape(detail)}</small>" for detail in details)
    return f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}{smalls}</td></tr>'


def _median(durations: Durations) -> str:
    return "none" if durations.median is None else f"{durations.median:.2f} s"


def _worst(durations: Durations) -> tuple[str, ...]:
    if durations.worst is None or durations.p95 is None:
        return ()
    return f"95 %: {durations.p95:.2f} s", f"worst: {durations.worst:.2f} s"


def _misheard(error: WordError) -> tuple[str, ...]:
    if error.rate is None:
        return ("\N{EN DASH}",)
    unheard = f", {error.unheard} not heard" if error.unheard else ""
    return f"{error.rate:.0%}", f"{error.errors} of {error.words} words{unheard}"
