"""Agents of the bus whose calls are held by sessions of livekit-agents, over DDS. For tests, in processes of their own."""

from __future__ import annotations

import asyncio
from contextvars import Context
from pathlib import Path
from typing import Any

from genesis_lib import GenesisAgent, MonitoredAgent, genesis_function
from genesis_lib.voice.brain import BusCall
from genesis_lib.voice.livekit.llm import BrainAgent, turns_of
from genesis_lib.voice.livekit.session_call import SessionCall
from genesis_lib.voice.room import VoiceRoom
from genesis_lib.voice.scenario import Side, load_scenario
from tests.voice.livekit_sessions.people import session_of
from tests.voice.people import number_personas


class SessionCaller(MonitoredAgent):
    """Plays one side of the scenario in a folder."""

    def __init__(self, agent_name: str, **options: Any) -> None:
        super().__init__(agent_name, "SessionService", enable_agent_communication=True, **options)

    async def process_request(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"message": "call take_part"}

    async def call(self, call: BusCall) -> str:
        """See Bus."""
        return str((await self.request_agent(call.target, call.message))["message"])

    @genesis_function
    async def take_part(self, room: str, folder: str, side: Side, muted: bool, time_limit: float) -> str:
        """Join a room and begin to talk when the other side is there."""
        joined = await VoiceRoom(self.app.participant, room, self.app.agent_id, self.agent_name).join()
        joined.muted = muted
        self._talking = asyncio.create_task(self._talk(joined, Path(folder), side, time_limit), context=Context())
        return joined.name

    @genesis_function
    async def wait_for_end(self) -> dict[str, Any]:
        """The reason that the call ended with, and its turns as this side knows them."""
        return await asyncio.shield(self._talking)

    async def _talk(self, room: VoiceRoom, folder: Path, side: Side, time_limit: float) -> dict[str, Any]:
        scenario = load_scenario(folder / "number.toml")
        personas = number_personas(folder)
        call = SessionCall(room, self.app.agent_id)
        try:
            async with session_of(scenario, personas, side, self, call.hang_up) as session:
                await room.wait_for_participant(30)
                opens = scenario.opens == side
                reason = await call.run(session, BrainAgent(), opens=opens, time_limit_seconds=time_limit)
                turns = [("me" if turn.by_me else "other", turn.text) for turn in turns_of(session.history)]
        finally:
            await room.leave()
        return {"reason": reason, "turns": turns}


class Books(GenesisAgent):
    """Knows who has which number."""

    def __init__(self, agent_name: str = "Books", **options: Any) -> None:
        super().__init__(agent_name, "BooksService", enable_agent_communication=True, **options)

    async def process_request(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"message": "this belongs to Ada"}
