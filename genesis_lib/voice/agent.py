"""VoiceAgent: an agent of the bus that joins voice rooms, speaks, hears, and calls other agents while it talks."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from contextvars import Context
from dataclasses import asdict, dataclass
from typing import Any, Literal

from genesis_lib.errors import InvalidRequest, VoiceError
from genesis_lib.monitored_agent import MonitoredAgent
from genesis_lib.rpc.functions import genesis_function
from genesis_lib.settings import Settings
from genesis_lib.voice.agent_bus import AgentBus
from genesis_lib.voice.brains.open import open_brain
from genesis_lib.voice.call import Call
from genesis_lib.voice.persona import load_persona
from genesis_lib.voice.room import VoiceRoom
from genesis_lib.voice.scenario import Side, load_scenario, other_side
from genesis_lib.voice.script import sentences
from genesis_lib.voice.speech.open import open_recogniser, open_speaker, open_voice_activity
from genesis_lib.voice.speech.ports import VoiceActivity

logger = logging.getLogger(__name__)

Pace = Literal["realtime", "fast"]


@dataclass(slots=True)
class _Going:
    """A call that this agent takes part in, or took part in last."""

    room: VoiceRoom
    call: Call
    task: asyncio.Task[str]


class VoiceAgent(MonitoredAgent):
    """Takes part in calls, one at a time, and is steered on the bus: `place_call`, `say`, `hang_up`, `get_transcript`.

    Args:
        agent_name: what people and other agents call it.
        speaker, recogniser, voice_activity: speech engines by name, see `speech/open.py`; by default those of the settings
            voice_speaker, voice_recogniser and voice_activity.
        agent_id, service_instance_tag, settings: as in MonitoredAgent.

    Raises:
        ConfigError: a name cannot be used.
    """

    def __init__(
        self,
        agent_name: str = "VoiceAgent",
        *,
        speaker: str | None = None,
        recogniser: str | None = None,
        voice_activity: str | None = None,
        agent_id: str | None = None,
        service_instance_tag: str | None = None,
        settings: Settings | None = None,
    ) -> None:
        super().__init__(
            agent_name,
            "VoiceService",
            service_instance_tag,
            agent_id,
            enable_agent_communication=True,
            description="Holds spoken conversations in voice rooms.",
            settings=settings,
        )
        in_force = self.app.settings
        self._speaker_name = speaker or in_force.voice_speaker
        self._recogniser_name = recogniser or in_force.voice_recogniser
        self._voice_activity_name = voice_activity or in_force.voice_activity
        self._going: _Going | None = None
        self._entering = ""

    def get_agent_capabilities(self) -> dict[str, Any]:
        """See GenesisAgent."""
        return {"agent_type": "specialized", "specializations": ["voice"], "capabilities": ["voice_call"]}

    def make_room(self, room: str, pace: Pace, voice_activity: VoiceActivity) -> VoiceRoom:
        """The room to talk in, not joined yet. To be overridden by who wants another one."""
        return VoiceRoom(
            self.app.participant, room, self.app.agent_id, self.agent_name, pace=pace, voice_activity=voice_activity
        )

    async def process_request(self, request: dict[str, Any]) -> dict[str, Any]:
        """Say what the agent is doing; calls are steered by its functions."""
        if busy_in := self._busy_in:
            return {"message": f"{self.agent_name} is in a call in room {busy_in}.", "status": 0}
        return {"message": f"{self.agent_name} is in no call. Call my function place_call.", "status": 0}

    @genesis_function
    async def place_call(
        self,
        room: str,
        scenario: str,
        side: Side,
        persona: str = "",
        other_persona: str = "",
        pace: Pace = "realtime",
        patience: float = 30.0,
    ) -> str:
        """Join a room and begin to talk. Returns the id of the other side once both are in the room.

        room: its name. scenario: name or path. side: customer or support. persona, other_persona: names or paths, those of
        the scenario by default. pace: realtime or fast. patience: seconds to wait for the other side.
        """
        if busy_in := self._busy_in:
            raise InvalidRequest(f"{self.agent_name} is in a call in room {busy_in} already")
        self._entering = room
        try:
            return await self._enter(room, scenario, side, persona, other_persona, pace, patience)
        finally:
            self._entering = ""

    async def _enter(
        self, room: str, scenario: str, side: Side, persona: str, other_persona: str, pace: Pace, patience: float
    ) -> str:
        script = await asyncio.to_thread(load_scenario, scenario)
        other = other_side(side)
        person = await asyncio.to_thread(load_persona, persona or script.persona_of(side))
        partner = await asyncio.to_thread(load_persona, other_persona or script.persona_of(other))
        async with AsyncExitStack() as stack:
            brain = open_brain(script, side, person, self.app.settings)
            stack.push_async_callback(brain.close)
            speaker = await open_speaker(self._speaker_name, self.app.settings)
            stack.push_async_callback(speaker.close)
            expected = sentences(script, {other: partner})
            recogniser = await open_recogniser(self._recogniser_name, expected, self.app.settings)
            stack.push_async_callback(recogniser.close)
            voice_activity = await open_voice_activity(self._voice_activity_name)
            stack.push_async_callback(voice_activity.close)
            joined = await self.make_room(room, pace, voice_activity).join()
            stack.push_async_callback(joined.leave)
            partner_id = await joined.wait_for_participant(patience)
            call = Call(
                joined,
                self.app.agent_id,
                brain,
                speaker,
                recogniser,
                AgentBus(self),
                person,
                opens=script.opens == side,
                time_limit_seconds=script.time_limit_seconds,
            )
            # In a context of its own: the call outlives the request that placed it, and its deadline.
            task = asyncio.create_task(_talk(call, stack.pop_all()), context=Context())
            self._going = _Going(joined, call, task)
        return partner_id

    @genesis_function
    async def say(self, text: str) -> str:
        """Say this in the call that goes on, as soon as nobody speaks. Returns what was said of it."""
        return await self._current().call.say(text)

    @genesis_function
    async def hang_up(self, reason: str = "asked to", room: str = "") -> str:
        """End the call that goes on. Returns the reason it ended with.

        reason: told to the other side. room: the one the call has to be in; any by default.
        """
        going = self._current(room)
        await going.room.hang_up(reason)
        return await asyncio.shield(going.task)

    @genesis_function
    async def wait_for_end(self) -> str:
        """Wait until the call is over. Returns the reason it ended with."""
        if self._going is None:
            raise VoiceError(f"{self.agent_name} was in no call yet")
        return await asyncio.shield(self._going.task)

    @genesis_function
    async def get_transcript(self) -> list[dict[str, str]]:
        """The turns of the current or last call as this side knows them: its own words, and what it heard."""
        if self._going is None:
            return []
        return [{"by": "me" if turn.by_me else "other", "text": turn.text} for turn in self._going.call.turns]

    @genesis_function
    async def get_statistics(self) -> dict[str, float]:
        """What became of the frames of audio in the current or last call."""
        if self._going is None:
            return {}
        counted = self._going.room.statistics
        return {name: value for name, value in asdict(counted).items() if not name.startswith("_")}

    async def close(self) -> None:
        """Hang up, then leave the bus."""
        if self._going is not None and not self._going.task.done():
            await self._going.room.hang_up(f"{self.agent_name} leaves")
            await asyncio.gather(self._going.task, return_exceptions=True)
        await super().close()

    @property
    def _busy_in(self) -> str:
        """The room of the call that goes on or is being placed, "" when there is none."""
        goes_on = self._going is not None and not self._going.task.done()
        return self._going.room.name if self._going is not None and goes_on else self._entering

    def _current(self, room: str = "") -> _Going:
        going = self._going
        if going is None or going.task.done():
            raise VoiceError(f"{self.agent_name} is in no call")
        if room not in ("", going.room.name):
            raise VoiceError(f"{self.agent_name} is not in room {room}, but in {going.room.name}")
        return going


async def _talk(call: Call, resources: AsyncExitStack) -> str:
    async with resources:
        return await call.run()


class CustomerAgent(VoiceAgent):
    """The one who calls."""

    def __init__(self, agent_name: str = "Customer", **options: Any) -> None:
        super().__init__(agent_name, **options)


class SupportAgent(VoiceAgent):
    """The one who is called."""

    def __init__(self, agent_name: str = "Support", **options: Any) -> None:
        super().__init__(agent_name, **options)
