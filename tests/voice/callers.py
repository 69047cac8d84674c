"""Voice agents that tests run in other processes, some with a broken line."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

from genesis_lib.voice.agent import CustomerAgent, Pace
from genesis_lib.voice.room import VoiceRoom
from genesis_lib.voice.speaking import Utterance
from genesis_lib.voice.speech.ports import VoiceActivity


class MutedCustomer(CustomerAgent):
    """Talks, but nothing of it gets on the wire."""

    def make_room(self, room: str, pace: Pace, voice_activity: VoiceActivity) -> VoiceRoom:
        muted = super().make_room(room, pace, voice_activity)
        muted.muted = True
        return muted


class GarbledRoom(VoiceRoom):
    """Noise as loud as the voice goes on the wire in its place."""

    async def say(self, audio: AsyncIterator[bytes]) -> Utterance:
        chance = random.Random(5)

        async def noise() -> AsyncIterator[bytes]:
            async for piece in audio:
                yield chance.randbytes(len(piece))

        return await super().say(noise())


class GarbledCustomer(CustomerAgent):
    """Talks over a line that garbles."""

    def make_room(self, room: str, pace: Pace, voice_activity: VoiceActivity) -> VoiceRoom:
        return GarbledRoom(
            self.app.participant, room, self.app.agent_id, self.agent_name, pace=pace, voice_activity=voice_activity
        )
