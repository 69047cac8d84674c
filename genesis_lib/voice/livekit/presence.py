"""Whether the other side of a call in a LiveKit room is there: in the room and, where it is an agent, on the bus."""

from __future__ import annotations

import asyncio
from typing import Final

from livekit import rtc

from genesis_lib.errors import VoiceError

_BUS_SECONDS: Final = 10.0


class Presence:
    """Waits for the other side.

    Args:
        room: entered.
        partner_id: identity of the other side.
        announces: the other side tells on the bus what it does: it is an agent.
    """

    def __init__(self, room: rtc.Room, partner_id: str, *, announces: bool) -> None:
        self._room = room
        self._partner_id = partner_id
        self._announces = announces
        self._told = asyncio.Event()

    def on_control(self) -> None:
        """The other side has told something on the bus."""
        self._told.set()

    async def wait(self) -> None:
        """Wait until the other side is audible, and its announcements arrive.

        Raises:
            VoiceError: it is audible, but nothing was heard of it on the bus for 10 s more.
        """
        await self._audible()
        if not self._announces:
            return
        try:
            async with asyncio.timeout(_BUS_SECONDS):
                await self._told.wait()
        except TimeoutError:
            raise VoiceError(
                f"{self._partner_id} is heard in LiveKit room {self._room.name} but not on the bus: do both agents have"
                " the same domain, and interfaces or peers that reach each other?"
            ) from None

    async def _audible(self) -> None:
        room, audible = self._room, asyncio.Event()

        def look(*_: object) -> None:
            partner = room.remote_participants.get(self._partner_id)
            if partner is not None and any(
                each.subscribed and each.kind == rtc.TrackKind.KIND_AUDIO
                for each in partner.track_publications.values()
            ):
                audible.set()

        room.on("track_subscribed", look)
        try:
            look()
            await audible.wait()
        finally:
            room.off("track_subscribed", look)
