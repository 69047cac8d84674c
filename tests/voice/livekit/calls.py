"""Calls that workers hold in LiveKit rooms, and waiting for what happens in them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from genesis_lib import GenesisInterface
from genesis_lib.voice.livekit.orchestrator import LiveKitVenue
from genesis_lib.voice.messages import ControlKind, VoiceControl, VoiceTranscript
from genesis_lib.voice.production import CallResult, Production, produce
from genesis_lib.voice.scenario import SIDES, Side, load_scenario

PATIENCE_SECONDS = 30
SHORT = str(Path(__file__).parent / "short.toml")


class Watch:
    """Waits for what a side does; a CallWatcher."""

    def __init__(self, side: Side, kind: ControlKind) -> None:
        self._awaited = (side, kind)
        self.happened = asyncio.Event()

    def control(self, control: VoiceControl) -> None:
        if (control.participant_id, control.kind) == self._awaited:
            self.happened.set()

    def transcript(self, transcript: VoiceTranscript) -> None:
        pass

    def bus_call(
        self, caller_id: str, target: str, media_time: int, duration_seconds: float, *, error: str = ""
    ) -> None:
        pass


async def hold(
    bus: GenesisInterface,
    scenario: str,
    directory: Path,
    *watchers: Watch,
    person: Side | None = None,
    room: str = "room",
) -> CallResult:
    """Let the workers "customer" and "support", which have been started, hold a call; or one of them with a person."""
    for agent_id in SIDES:
        assert agent_id == person or await bus.wait_for_agent(agent_id, PATIENCE_SECONDS)
    script = load_scenario(scenario)
    agents: dict[Side, str] = {"customer": "customer", "support": "support"}
    personas = {side: script.persona_of(side) for side in SIDES}
    production = Production(scenario, script, agents, personas, room, directory)
    return await produce(bus, production, watchers, LiveKitVenue(bus, production, person=person))
