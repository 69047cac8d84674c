"""Shows a call as it happens: a line for everything that is said, and how far the call is."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from genesis_lib.cli.output import visible
from genesis_lib.voice.audio import samples
from genesis_lib.voice.messages import INTERRUPTED, ControlKind, TranscriptSource, VoiceControl, VoiceTranscript
from genesis_lib.voice.timeline import clock
from genesis_lib.voice.words import word_errors

if TYPE_CHECKING:
    from rich.text import Text

_STYLES = ("bright_red", "bright_cyan")


class CallDisplay:
    """Writes a call to stdout while it goes on; a CallWatcher, to be fed by a CallRecorder. On a terminal a progress line
    stays below the conversation; elsewhere there are plain lines only.

    Args:
        names: of the participants by id, the customer first.
        limit_seconds: media time after which the call ends.
    """

    def __init__(self, names: Mapping[str, str], limit_seconds: float) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        self._names = names
        self._styles = dict(zip(names, _STYLES, strict=False))
        self._width = max((len(visible(name)) for name in names.values()), default=0)
        self._limit = samples(limit_seconds)
        self._spoken: dict[tuple[str, int], str] = {}
        self._last_speaker = ""
        self._turns = 0
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[time]}"),
            BarColumn(30),
            TextColumn("{task.fields[turns]}  {task.description}", markup=False),
            console=Console(highlight=False),
            transient=True,
            disable=not sys.stdout.isatty(),
        )
        self._task = self._progress.add_task("", total=self._limit, time=self._time(0), turns="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def control(self, control: VoiceControl) -> None:
        """See CallWatcher."""
        speaker = control.participant_id
        if speaker not in self._names:
            return
        self._reach(control.media_time)
        match control.kind:
            case ControlKind.UTTERANCE_START:
                if speaker != self._last_speaker:
                    self._last_speaker = speaker
                    self._turns += 1
                turns = f"{self._turns} turn{'s' * (self._turns != 1)}"
                self._progress.update(self._task, turns=turns, description=f"{self._name(speaker)} speaks")
            case ControlKind.UTTERANCE_END:
                cut = ", interrupted" * (control.text == INTERRUPTED)
                self._progress.update(self._task, description=f"{self._name(speaker)} spoke{cut}")
            case ControlKind.INTERRUPT:
                self._line(control.media_time, speaker, ("interrupts", "yellow"))
            case ControlKind.HANG_UP:
                self._line(control.media_time, speaker, (f"hangs up: {control.text}", "dim"))
            case _:
                pass

    def transcript(self, transcript: VoiceTranscript) -> None:
        """See CallWatcher."""
        key = (transcript.speaker_id, transcript.utterance_id)
        if transcript.source is TranscriptSource.SPOKEN:
            self._spoken[key] = transcript.text
            self._line(transcript.start, transcript.speaker_id, (transcript.text, ""))
        elif transcript.reporter_id != transcript.speaker_id:
            spoken = self._spoken.pop(key, None)
            if spoken is None or word_errors(spoken, transcript.text).edits:
                heard = transcript.text or "nothing"
                self._line(transcript.end, transcript.reporter_id, (f"heard: {heard}", "dim italic"))

    def bus_call(
        self,
        caller_id: str,
        target: str,
        media_time: int,
        duration_seconds: float,
        *,
        error: str = "",
    ) -> None:
        """See CallWatcher."""
        says = f"calls {target}: {error or 'answered'}, {duration_seconds:.2f} s"
        self._line(media_time, caller_id, (says, "red" if error else "magenta"))

    def _line(self, media_time: int, who: str, what: tuple[str, str]) -> None:
        self._reach(media_time)
        text = self._text(media_time, who, what)
        if self._progress.disable:
            click.echo(text.plain)
            sys.stdout.flush()
        else:
            self._progress.console.print(text)

    def _text(self, media_time: int, who: str, what: tuple[str, str]) -> Text:
        from rich.text import Text

        name = self._name(who).ljust(self._width)
        saying, style = what
        return Text.assemble(
            (f"{clock(media_time):>6}  ", "dim"), (name, self._styles.get(who, "")), "  ", (visible(saying), style)
        )

    def _name(self, who: str) -> str:
        return visible(self._names.get(who, who))

    def _reach(self, media_time: int) -> None:
        (task,) = self._progress.tasks
        if media_time > task.completed:
            self._progress.update(self._task, completed=media_time, time=self._time(media_time))

    def _time(self, media_time: int) -> str:
        return f"{clock(media_time)} of {clock(self._limit)}"
