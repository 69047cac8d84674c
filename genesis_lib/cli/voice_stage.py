"""The processes of a spoken call: two voice agents, and the agents that its scenario calls on the bus."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from genesis_lib.cli.demo_processes import DemoProcesses
from genesis_lib.interface import GenesisInterface
from genesis_lib.voice.scenario import SIDES, Scenario, Side

if TYPE_CHECKING:
    from genesis_lib.settings import Settings
    from genesis_lib.voice.production import CallResult, Production
    from genesis_lib.voice.recorder import CallWatcher
    from genesis_lib.voice.venue import Venue

logger = logging.getLogger(__name__)

RoomKind = Literal["dds", "livekit"]

_VOICES: Mapping[RoomKind, Mapping[Side, str]] = {
    "dds": {
        "customer": "genesis_lib.voice.agent:CustomerAgent",
        "support": "genesis_lib.voice.agent:SupportAgent",
    },
    "livekit": {
        "customer": "genesis_lib.voice.livekit.worker:LiveKitCustomer",
        "support": "genesis_lib.voice.livekit.worker:LiveKitSupport",
    },
}
_SPECIALISTS = {"WeatherExpert": "genesis_lib.agents.weather:OpenWeatherMapAgent"}
_LEAVING_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Where calls are held: the agents are ready. `agents` are the ids by side, of a person the identity to join with."""

    bus: GenesisInterface
    agents: dict[Side, str]
    kind: RoomKind
    person: Side | None

    async def play(
        self,
        scenario_name: str,
        scenario: Scenario,
        personas: Mapping[Side, str],
        directory: Path,
        pace: Literal["realtime", "fast"],
        watchers: tuple[CallWatcher, ...] = (),
        *,
        room: str = "",
    ) -> CallResult:
        """Hold and record one call, in a new room unless one is named; raises as `produce`. Both agents can take another call
        when this returns."""
        from genesis_lib.voice.production import Production, produce

        played_by = {side: personas.get(side) or scenario.persona_of(side) for side in SIDES}
        room = room or new_room(scenario_name)
        production = Production(scenario_name, scenario, self.agents, played_by, room, directory, pace)
        result = await produce(self.bus, production, watchers, self._venue(production))
        await self._until_free()
        return result

    async def _until_free(self) -> None:
        """A call is over before both agents have left it."""
        leaving = (
            self.bus.call_function(agent_id, "wait_for_end", timeout_seconds=_LEAVING_SECONDS)
            for side, agent_id in self.agents.items()
            if side != self.person
        )
        for failure in await asyncio.gather(*leaving, return_exceptions=True):
            if isinstance(failure, BaseException):
                logger.debug("not known to be free: %s", failure)

    def _venue(self, production: Production) -> Venue | None:
        if self.kind == "dds":
            return None
        from genesis_lib.voice.livekit.orchestrator import LiveKitVenue

        return LiveKitVenue(self.bus, production, person=self.person)


@asynccontextmanager
async def stage(
    settings: Settings,
    environment: Mapping[str, str],
    called: frozenset[str],
    kind: RoomKind = "dds",
    person: Side | None = None,
) -> AsyncIterator[Stage]:
    """Start the two voice agents, but none for the side that a person takes, and those of the agents to be called that come
    with the library and are not there."""
    if kind == "livekit":
        await _check_livekit(settings)
    async with DemoProcesses() as processes:
        bus = GenesisInterface("voice", settings=settings)
        bus.add_discovery_callback(processes.on_agent)
        voices = {
            side: await processes.start(_VOICES[kind][side], {**os.environ, **environment})
            for side in SIDES
            if side != person
        }
        async with bus:
            for name in called & _SPECIALISTS.keys():
                if not bus.is_agent_discovered(name):
                    await processes.start(_SPECIALISTS[name], {**os.environ, **environment})
            waiting = list(processes.all)
            while waiting:
                waiting.remove(await processes.next_ready(waiting))
            agents: dict[Side, str] = {side: voice.ready.result().agent_id for side, voice in voices.items()}
            if person is not None:
                agents[person] = person
            yield Stage(bus, agents, kind, person)


async def _check_livekit(settings: Settings) -> None:
    """Whether the server is there, before workers are started in vain."""
    from genesis_lib.voice.livekit.credentials import load_credentials
    from genesis_lib.voice.livekit.server import LiveKitServer

    async with LiveKitServer(load_credentials(settings)) as server:
        await server.check()


def new_room(scenario_name: str) -> str:
    """The name of a room that nobody else uses."""
    return f"{scenario_name.rpartition('/')[2]}-{os.urandom(4).hex()}"


def called_by(scenario: Scenario) -> frozenset[str]:
    """The agents that the scripts of a scenario call, and those that its success asks for."""
    steps = [step for side in SIDES for step in scenario.part(side).steps]
    in_steps = {step.call.agent for step in steps if step.call is not None}
    return frozenset(in_steps | {condition.agent for condition in scenario.success.called})


def new_directory(parent: Path, scenario_name: str) -> Path:
    """Where the recording of a call may go: a directory below `parent` that is not there yet."""
    stem = Path(scenario_name).stem
    number = 1
    while (directory := parent / f"{stem}-{number}").exists():
        number += 1
    return directory
