"""A recorded call between two voice agents: both placed on the bus, heard from outside, judged and written down."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from genesis_lib.errors import GenesisError, VoiceError
from genesis_lib.interface import GenesisInterface
from genesis_lib.unwinding import on_failure
from genesis_lib.voice.documents import write_documents
from genesis_lib.voice.figures import CallFigures
from genesis_lib.voice.messages import ControlKind, TranscriptSource, VoiceControl, VoiceTranscript
from genesis_lib.voice.recorder import CallRecorder, CallWatcher
from genesis_lib.voice.recording import Recording
from genesis_lib.voice.scenario import SIDES, Side
from genesis_lib.voice.success import CallMade, Heard, Outcome, unmet
from genesis_lib.voice.venue import DdsVenue, Production, Venue

__all__ = ["CallResult", "Production", "produce"]

logger = logging.getLogger(__name__)

_EPILOGUE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class CallResult:
    """How a call went. `missing` says what kept it from success; nothing when it succeeded."""

    reason: str
    missing: tuple[str, ...]
    figures: CallFigures


async def produce(
    bus: GenesisInterface,
    production: Production,
    watchers: Sequence[CallWatcher] = (),
    venue: Venue | None = None,
) -> CallResult:
    """Let two agents hold a call, and record it.

    Args:
        bus: the way to both agents.
        production: the call.
        watchers: who is told what happens, at once.
        venue: where it is held; in a room over DDS by default.

    Raises:
        VoiceError: the call could not be placed, or the recording could not be written. What was recorded is readable.
        GenesisError: an agent could not be called.
    """
    agents, personas = production.agents, production.personas
    recording = Recording(
        production.directory,
        production.room,
        agents["customer"],
        agents["support"],
        scenario=production.scenario_name,
        persona=personas["customer"],
    )
    notes = _Notes({agent_id: side for side, agent_id in agents.items()})
    recorder = CallRecorder(
        bus.app.participant,
        production.room,
        recording,
        agents["customer"],
        agents["support"],
        agents=bus.app.directory.agents,
        pace=production.pace,
        watchers=(notes, *watchers),
    )
    venue = venue or DdsVenue(bus, production)
    reason = "broken off"
    async with on_failure(lambda: _write_what_there_is(recording, reason)):
        async with AsyncExitStack() as stack:
            stack.push_async_callback(recorder.close)
            stack.push_async_callback(venue.close)
            async with on_failure(lambda: venue.hang_up(reason)):
                try:
                    await recorder.open()
                    await venue.open(recording)
                    await venue.place()
                    ended = await _end_of(production, recorder, recording, venue)
                    for side in SIDES:
                        recording.statistics(agents[side], await venue.statistics(side))
                    missing = unmet(production.scenario.success, notes.outcome(ended))
                except GenesisError as error:
                    reason = f"{type(error).__name__}: {error}"
                    raise
        reason = ended
        await recording.close(reason, success=not missing)
    return CallResult(reason, tuple(missing), await asyncio.to_thread(write_documents, production.directory))


async def _write_what_there_is(recording: Recording, reason: str) -> None:
    """End the recording of a call that failed: what it failed with is to be told, and nothing else."""
    try:
        await recording.close(reason, success=False)
    except VoiceError as error:
        logger.info("%s", error)
    try:
        await asyncio.to_thread(write_documents, recording.directory)
    except VoiceError as error:
        logger.warning("%s", error)


async def _end_of(production: Production, recorder: CallRecorder, recording: Recording, venue: Venue) -> str:
    """The reason that the call ended with; it is ended when it goes on for too long or cannot be recorded."""
    limit = production.scenario.time_limit_seconds + _EPILOGUE_SECONDS
    watched: tuple[asyncio.Future[Any], ...] = (recorder.ended, recording.failed, venue.ended)
    await asyncio.wait(watched, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
    if recording.failed.done():
        raise recording.failed.result()
    for ended in (recorder.ended, venue.ended):
        if ended.done():
            return ended.result()
    raise VoiceError(f"the call did not end within {limit:g} s, its time limit included")


@dataclass(slots=True)
class _Notes:
    """What success depends on; a CallWatcher."""

    sides: dict[str, Side]
    heard: list[Heard] = field(default_factory=list)
    calls: list[CallMade] = field(default_factory=list)
    hung_up_by: Side | None = None

    def control(self, control: VoiceControl) -> None:
        if control.kind is ControlKind.HANG_UP and self.hung_up_by is None:
            self.hung_up_by = self.sides.get(control.participant_id)

    def transcript(self, transcript: VoiceTranscript) -> None:
        side = self.sides.get(transcript.reporter_id)
        if transcript.source is TranscriptSource.HEARD and side is not None:
            self.heard.append(Heard(side, transcript.text))

    def bus_call(
        self, caller_id: str, target: str, media_time: int, duration_seconds: float, *, error: str = ""
    ) -> None:
        self.calls.append(CallMade(target, succeeded=not error))

    def outcome(self, reason: str) -> Outcome:
        return Outcome(self.heard, self.calls, self.hung_up_by, reason)
