"""Hears a LiveKit room without being seen in it, and records both sides."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial

from livekit import rtc

from genesis_lib.errors import VoiceError
from genesis_lib.voice.audio import SAMPLE_RATE, samples, samples_in
from genesis_lib.voice.livekit.connection import Connection
from genesis_lib.voice.livekit.credentials import LiveKitCredentials
from genesis_lib.voice.livekit.placing import Placing
from genesis_lib.voice.livekit.tokens import room_token
from genesis_lib.voice.messages import VoiceFrame

logger = logging.getLogger(__name__)

_FRAME_MILLISECONDS = 20
# What is said now comes so much later, at most.
_LATENCY = samples(0.4)
_LAST_WORDS_SECONDS = 2.0


class TrackRecorder:
    """Takes the audio of participants from a LiveKit room.

    Args:
        credentials: of the server.
        room: the room's name.
        names: the participants to record: what people call them, by identity.
        on_frame: called with their audio from `begin` on: 20 ms each, of no utterance (number 0), placed by its arrival.

    Attributes:
        ended: done with the reason when one of them left the room or cannot be recorded, or the connection to the server
            was lost.
    """

    def __init__(
        self,
        credentials: LiveKitCredentials,
        room: str,
        names: Mapping[str, str],
        on_frame: Callable[[VoiceFrame], None],
    ) -> None:
        self._credentials = credentials
        self._name = room
        self._names = names
        self._on_frame = on_frame
        self._loop = asyncio.get_running_loop()
        self._began: float | None = None
        self._listening: dict[str, asyncio.Task[None]] = {}
        self._tracks: dict[str, str] = {}
        self._reached: dict[str, int] = {}
        self._changed = asyncio.Event()
        self.ended: asyncio.Future[str] = self._loop.create_future()
        self._room = rtc.Room()
        self._room.on("participant_connected", lambda _: self._changed.set())
        self._room.on("track_subscribed", self._on_track)
        self._room.on("participant_disconnected", self._on_left)
        self._connection = Connection(self._room, self._on_lost)

    async def join(self) -> None:
        """Enter the room.

        Raises:
            VoiceError: the server does not let it in.
        """
        token = room_token(self._credentials, self._name, f"recorder-of-{self._name}", listen_only=True)
        try:
            await self._room.connect(self._credentials.url, token)
        except rtc.ConnectError as error:
            raise VoiceError(
                f"LiveKit room {self._name} at {self._credentials.url} cannot be recorded: {error.message}"
            ) from error

    async def wait_for_participants(self, identities: Iterable[str], timeout_seconds: float) -> None:
        """Wait until all of these are in the room.

        Raises:
            VoiceError: somebody is missing; names who, and who is there.
        """
        await self._wait_for(
            "in the room", set(identities), lambda: set(self._room.remote_participants), timeout_seconds
        )

    async def wait_for_tracks(self, timeout_seconds: float, identities: Iterable[str] | None = None) -> None:
        """Wait until audio can be taken from these participants, all of them by default.

        Raises:
            VoiceError: somebody's is missing; names whose.
        """

        def heard() -> set[str]:
            return {identity for identity, task in self._listening.items() if not task.done()}

        wanted = set(self._names if identities is None else identities)
        await self._wait_for("to be heard", wanted, heard, timeout_seconds)

    def begin(self) -> None:
        """The call begins: media time is 0 now."""
        self._began = self._loop.time()

    async def leave(self) -> None:
        """Leave the room, with what has been said until now."""
        if self._began is not None and self._connection.holds:
            await self._take_last_words(self._now + _LATENCY)
        self._end("the recorder left")
        for task in self._listening.values():
            task.cancel()
        await asyncio.gather(*self._listening.values(), return_exceptions=True)
        await self._room.disconnect()

    @property
    def _now(self) -> int:
        return 0 if self._began is None else samples(self._loop.time() - self._began)

    async def _take_last_words(self, until: int) -> None:
        def is_short(identity: str) -> bool:
            return self._reached.get(identity, 0) < until and not self._listening[identity].done()

        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS_SECONDS):
                while any(map(is_short, self._listening)):
                    self._changed.clear()
                    await self._changed.wait()

    async def _wait_for(
        self, what: str, wanted: set[str], found: Callable[[], set[str]], timeout_seconds: float
    ) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while not wanted <= found():
                    self._changed.clear()
                    await self._changed.wait()
        if missing := wanted - found():
            there = sorted(self._names.get(each, each) for each in wanted & found()) or ["nobody"]
            raise VoiceError(
                f"{' and '.join(sorted(self._names.get(each, each) for each in missing))} was not {what}, LiveKit room"
                f" {self._name}, within {timeout_seconds:g} s; {' and '.join(there)} was",
                elapsed_seconds=timeout_seconds,
            )

    def _on_track(
        self, track: rtc.Track, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        identity = participant.identity
        if track.kind != rtc.TrackKind.KIND_AUDIO or identity not in self._names:
            return
        before = self._listening.get(identity)
        if before is not None:
            if self._tracks[identity] in participant.track_publications and not before.done():
                return
            before.cancel()  # whoever had to connect anew, this recorder or the participant, comes with a new track
        self._tracks[identity] = publication.sid
        self._listening[identity] = listening = asyncio.create_task(self._listen(track, identity))
        listening.add_done_callback(partial(self._on_listened, identity))
        self._changed.set()

    async def _listen(self, track: rtc.Track, identity: str) -> None:
        stream = rtc.AudioStream(track, sample_rate=SAMPLE_RATE, num_channels=1, frame_size_ms=_FRAME_MILLISECONDS)
        placing = Placing()
        try:
            sequence = 0
            async for event in stream:
                pcm = bytes(event.frame.data)
                if self._began is None:
                    continue
                if (at := placing.of(self._now, samples_in(pcm))) is not None:
                    self._on_frame(VoiceFrame(self._name, identity, 0, sequence, at, pcm))
                    sequence += 1
                    self._reached[identity] = at + samples_in(pcm)
                    self._changed.set()
        finally:
            self._changed.set()
            await stream.aclose()

    def _on_listened(self, identity: str, listening: asyncio.Task[None]) -> None:
        if not listening.cancelled() and (error := listening.exception()) is not None:
            logger.error("%s in LiveKit room %s is recorded no more", self._names[identity], self._name, exc_info=error)
            self._end(f"{self._names[identity]} cannot be recorded: {type(error).__name__}: {error}")

    def _on_left(self, participant: rtc.RemoteParticipant) -> None:
        self._changed.set()
        if self._connection.holds and participant.identity in self._names and self._began is not None:
            self._end(f"{self._names[participant.identity]} left")

    def _on_lost(self) -> None:
        self._end(f"the connection to the LiveKit server at {self._credentials.url} was lost")

    def _end(self, reason: str) -> None:
        if not self.ended.done():
            self.ended.set_result(reason)
