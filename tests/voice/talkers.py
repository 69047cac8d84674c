"""Agents that talk to each other in tones, for tests of what hears them."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import Any, Literal

from genesis_lib import MonitoredAgent, genesis_function
from genesis_lib.voice.messages import TranscriptSource, VoiceTranscript
from genesis_lib.voice.room import VoiceRoom
from tests.voice.tones import pieces, tone

TONE_SECONDS = 0.4


class Talker(MonitoredAgent):
    """Says one tone after the other, the next when it has heard the other side; asks another agent before each answer, and
    hangs up when it has heard something and has nothing left to say."""

    def __init__(self, agent_name: str, **options: Any) -> None:
        super().__init__(agent_name, "TalkerService", enable_agent_communication=True, **options)

    async def process_request(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"message": "call take_part"}

    @genesis_function
    async def take_part(
        self, room: str, pace: Literal["realtime", "fast"], hertz: list[float], asks: str, opens: bool, seconds: float
    ) -> str:
        """Join a room and begin to talk when the other is there. hertz: the tones. seconds: their length."""
        joined = await VoiceRoom(self.app.participant, room, self.app.agent_id, self.agent_name, pace=pace).join()
        self._talking = asyncio.create_task(self._talk(joined, hertz, asks, opens, seconds), context=Context())
        return joined.name

    async def _talk(self, room: VoiceRoom, hertz: list[float], asks: str, opens: bool, seconds: float) -> None:
        await room.wait_for_participant(30)
        if opens:
            await self._say(room, hertz.pop(0), seconds)
        async for heard in room.utterances():
            self._tell(room, heard.speaker_id, heard.utterance_id, TranscriptSource.HEARD, heard.start, heard.end)
            if not hertz:
                await room.hang_up("out of tones")
                break
            if asks:
                await self.request_agent(asks, "which tone?")
            await self._say(room, hertz.pop(0), seconds)
        await room.ended

    async def _say(self, room: VoiceRoom, hertz: float, seconds: float) -> None:
        said = await room.say(pieces(tone(hertz, seconds)))
        self._tell(room, self.app.agent_id, said.utterance_id, TranscriptSource.SPOKEN, said.start, said.end)

    def _tell(
        self, room: VoiceRoom, speaker: str, utterance: int, source: TranscriptSource, start: int, end: int
    ) -> None:
        room.publish_transcript(
            VoiceTranscript(room.name, utterance, speaker, self.app.agent_id, source, f"tone {utterance}", start, end)
        )
