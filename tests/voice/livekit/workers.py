"""Workers that tests run in other processes, each with something about it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from genesis_lib.voice.livekit.worker import LiveKitCustomer, LiveKitSupport
from genesis_lib.voice.speech.espeak import EspeakSpeaker
from genesis_lib.voice.speech.ports import VoiceStyle


class ShySupport(LiveKitSupport):
    """Rejects the first job that it is offered."""

    _offered = 0

    async def _on_request(self, request: Any) -> None:
        self._offered += 1
        if self._offered == 1:
            await request.reject()
        else:
            await super()._on_request(request)


class _Muted:
    """Takes as long as speech does, and is silent."""

    def __init__(self) -> None:
        self._speaker = EspeakSpeaker()

    async def speak(self, text: str, style: VoiceStyle) -> AsyncIterator[bytes]:
        async for piece in self._speaker.speak(text, style):
            yield bytes(len(piece))

    async def close(self) -> None:
        await self._speaker.close()


class MutedCustomer(LiveKitCustomer):
    """Talks, but nothing of it gets on the wire."""

    async def _on_job(self, job: Any) -> None:
        from genesis_lib.voice.livekit import conversation

        async def muted(*_: object) -> _Muted:
            return _Muted()

        vars(conversation)["open_speaker"] = muted
        await super()._on_job(job)
