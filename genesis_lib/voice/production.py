"""A recorded call between two voice agents: both placed on the bus, heard from outside, judged and written down."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from genesis_lib.errors import GenesisError, VoiceError
from genesis_lib.interface import GenesisInterface
from genesis_lib.voice.documents import write_documents
from genesis_lib.voice.figures import CallFigures
from genesis_lib.voice.messages import ControlKind, TranscriptSource, VoiceControl, VoiceTranscript
from genesis_lib.voice.recorder import CallRecorder, CallWatcher
from genesis_lib.voice.recording import Recording
from genesis_lib.voice.scenario import SIDES, Scenario, Side
from genesis_lib.voice.success import CallMade, Heard, Outcome, unmet

logger = logging.getLogger(__name__)

_PATIENCE_SECONDS = 30.0
_PLACING_SECONDS = 90.0
_EPILOGUE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Production:
    """What a call is made of.

    Attributes:
        scenario_name: its name or path, as both agents can load it; `scenario` is what it says.
        agents: ids of the two VoiceAgents by side.
        personas: names or paths by side.
        room: name of the room.
        directory: where the recording goes.
        pace: "realtime", or "fast" as speech is made.
    """

    scenario_name: str
    scenario: Scenario
    agents: dict[Side, str]
    personas: dict[Side, str]
    room: str
    directory: Path
    pace: Literal["realtime", "fast"] = "realtime"


@dataclass(frozen=True, slots=True)
class CallResult:
    """How a call went. `missing` says what kept it from success; nothing when it succeeded."""

    reason: str
    missing: tuple[str, ...]
    figures: CallFigures


async def produce(bus: GenesisInterface, production: Production, watchers: Sequence[CallWatcher] = ()) -> CallResult:
    """Let two agents hold a call, and record it.

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
    reason, missing = "the call was not placed", ["there was no call"]
    try:
        await recorder.open()
        await _place(bus, production)
        reason = await _end_of(bus, production, recorder, recording)
        for side in SIDES:
            recording.statistics(agents[side], await _statistics(bus, agents[side]))
        missing = unmet(production.scenario.success, notes.outcome(reason))
    except BaseException as error:
        reason = f"{type(error).__name__}: {error}" if isinstance(error, GenesisError) else "broken off"
        await _hang_up(bus, production, reason)
        raise
    finally:
        await recorder.close()
        try:
            await recording.close(reason, success=not missing)
        finally:
            figures = await asyncio.to_thread(write_documents, production.directory)
    return CallResult(reason, tuple(missing), figures)


async def _place(bus: GenesisInterface, production: Production) -> None:
    async def place(side: Side, other: Side) -> None:
        await bus.call_function(
            production.agents[side],
            "place_call",
            timeout_seconds=_PLACING_SECONDS,
            room=production.room,
            scenario=production.scenario_name,
            side=side,
            persona=production.personas[side],
            other_persona=production.personas[other],
            pace=production.pace,
            patience=_PATIENCE_SECONDS,
        )

    outcomes = await asyncio.gather(place("customer", "support"), place("support", "customer"), return_exceptions=True)
    for failure in outcomes:
        if isinstance(failure, BaseException):
            raise failure


async def _end_of(bus: GenesisInterface, production: Production, recorder: CallRecorder, recording: Recording) -> str:
    """The reason that the call ended with; it is ended when it goes on for too long or cannot be recorded."""
    limit = production.scenario.time_limit_seconds + _EPILOGUE_SECONDS
    watched: tuple[asyncio.Future[Any], ...] = (recorder.ended, recording.failed)
    await asyncio.wait(watched, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
    if recording.failed.done():
        raise recording.failed.result()
    if not recorder.ended.done():
        raise VoiceError(f"the call did not end within {limit:g} s, its time limit included")
    return recorder.ended.result()


async def _hang_up(bus: GenesisInterface, production: Production, reason: str) -> None:
    """Best effort: a side may be in no call, or gone."""
    hanging_up = (
        bus.call_function(agent_id, "hang_up", timeout_seconds=2, reason=reason[:500])
        for agent_id in production.agents.values()
    )
    for failure in await asyncio.gather(*hanging_up, return_exceptions=True):
        if isinstance(failure, BaseException):
            logger.debug("could not hang up: %s", failure)


async def _statistics(bus: GenesisInterface, agent_id: str) -> dict[str, float]:
    try:
        return dict(await bus.call_function(agent_id, "get_statistics", timeout_seconds=5))
    except GenesisError as error:
        logger.info("no statistics of %s: %s", agent_id, error)
        return {}


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
