"""Workers that tests run in other processes, and whose engines fail."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from genesis_lib.errors import VoiceError
from genesis_lib.voice.livekit.worker import LiveKitSupport
from genesis_lib.voice.speech.espeak import EspeakSpeaker
from genesis_lib.voice.speech.ports import VoiceStyle


class _Breathless:
    """Speaks once, and never again."""

    def __init__(self) -> None:
        self._speaker = EspeakSpeaker()
        self._has_spoken = False

    async def speak(self, text: str, style: VoiceStyle) -> AsyncIterator[bytes]:
        if self._has_spoken:
            raise VoiceError("out of breath")
        self._has_spoken = True
        async for piece in self._speaker.speak(text, style):
            yield piece

    async def close(self) -> None:
        await self._speaker.close()


class BreathlessSupport(LiveKitSupport):
    """Says one sentence."""

    async def _on_job(self, job: Any) -> None:
        from genesis_lib.voice.livekit import conversation

        async def breathless(*_: object) -> _Breathless:
            return _Breathless()

        vars(conversation)["open_speaker"] = breathless
        await super()._on_job(job)
