"""Where a call is held: what brings both sides together, beside what records them. Over DDS, or elsewhere."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from genesis_lib.errors import GenesisError
from genesis_lib.interface import GenesisInterface
from genesis_lib.voice.recording import Recording
from genesis_lib.voice.scenario import Scenario, Side, other_side

logger = logging.getLogger(__name__)

_PATIENCE_SECONDS = 30.0
_PLACING_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Production:
    """What a call is made of.

    Attributes:
        scenario_name: its name or path, as both agents can load it; `scenario` is what it says.
        agents: ids of the two agents by side: VoiceAgents, or those that the venue asks for.
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


class Venue(Protocol):
    """Where a call is held.

    Attributes:
        ended: done with the reason when the call ended in a way that only the venue knows of.
    """

    ended: asyncio.Future[str]

    async def open(self, recording: Recording) -> None:
        """Make what the call needs; audio that does not come over the bus goes into the recording."""
        ...

    async def place(self) -> None:
        """Bring both sides together; they talk when this returns.

        Raises:
            GenesisError: what is missing.
        """
        ...

    async def statistics(self, side: Side) -> dict[str, float]:
        """What was counted on one side; nothing when it cannot be had."""
        ...

    async def hang_up(self, reason: str) -> None:
        """End the call on both sides. Best effort: a side may be in no call, in that of somebody else, or gone."""
        ...

    async def close(self) -> None:
        """Give back what `open` made, as far as it did."""
        ...


class DdsVenue:
    """A room over DDS; see Venue.

    Args:
        bus: the way to both VoiceAgents.
        production: the call.
    """

    def __init__(self, bus: GenesisInterface, production: Production) -> None:
        self._bus = bus
        self._production = production
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def open(self, recording: Recording) -> None:
        """See Venue. The recorder hears the room by itself."""

    async def place(self) -> None:
        """See Venue."""
        await all_or_first_failure(self._place("customer"), self._place("support"))

    async def statistics(self, side: Side) -> dict[str, float]:
        """See Venue."""
        agent_id = self._production.agents[side]
        try:
            return dict(await self._bus.call_function(agent_id, "get_statistics", timeout_seconds=5))
        except GenesisError as error:
            logger.info("no statistics of %s: %s", agent_id, error)
            return {}

    async def hang_up(self, reason: str) -> None:
        """See Venue."""
        await hang_up(self._bus, self._production.agents.values(), self._production.room, reason)

    async def close(self) -> None:
        """See Venue."""

    async def _place(self, side: Side) -> None:
        production = self._production
        await self._bus.call_function(
            production.agents[side],
            "place_call",
            timeout_seconds=_PLACING_SECONDS,
            room=production.room,
            scenario=production.scenario_name,
            side=side,
            persona=production.personas[side],
            other_persona=production.personas[other_side(side)],
            pace=production.pace,
            patience=_PATIENCE_SECONDS,
        )


async def hang_up(bus: GenesisInterface, agent_ids: Iterable[str], room: str, reason: str) -> None:
    """Let these agents end the call in this room; those in another room go on. Best effort."""
    hanging_up = (
        bus.call_function(agent_id, "hang_up", timeout_seconds=2, reason=reason[:500], room=room)
        for agent_id in agent_ids
    )
    for failure in await asyncio.gather(*hanging_up, return_exceptions=True):
        if isinstance(failure, BaseException):
            logger.debug("could not hang up: %s", failure)


async def all_or_first_failure(*waiting: Coroutine[Any, Any, None]) -> None:
    """Wait for all of these, or until one fails; the others are cancelled then."""
    tasks = [asyncio.ensure_future(each) for each in waiting]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
