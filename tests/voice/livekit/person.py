"""A person with a LiveKit client, as far as a test can be one: joins, listens, and speaks by espeak-ng."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from livekit import rtc

from genesis_lib.voice.audio import SAMPLE_RATE, samples_in
from genesis_lib.voice.livekit.credentials import LiveKitCredentials
from genesis_lib.voice.livekit.tokens import room_token
from genesis_lib.voice.speech.espeak import EspeakSpeaker
from genesis_lib.voice.speech.ports import VoiceStyle


class Person:
    """Somebody in a LiveKit room, with a microphone."""

    def __init__(self, credentials: LiveKitCredentials, room: str, identity: str) -> None:
        self._url = credentials.url
        self._token = room_token(credentials, room, identity)
        self._microphone = rtc.AudioSource(SAMPLE_RATE, 1)
        self._speaker = EspeakSpeaker()
        self.room = rtc.Room()

    async def __aenter__(self) -> Self:
        await self.room.connect(self._url, self._token)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", self._microphone)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self.room.local_participant.publish_track(track, options)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.room.disconnect()
        await self._microphone.aclose()
        await self._speaker.close()

    async def say(self, text: str) -> None:
        """Say this. Returns when it was sent."""
        pcm = b"".join([piece async for piece in self._speaker.speak(text, VoiceStyle())])
        await self._microphone.capture_frame(rtc.AudioFrame(pcm, SAMPLE_RATE, 1, samples_in(pcm)))
        await self._microphone.wait_for_playout()
