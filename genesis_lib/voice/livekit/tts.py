"""A Speaker as the text-to-speech of a LiveKit session."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Literal

from livekit.agents import APIConnectOptions, APIError, tts, utils
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from genesis_lib.errors import GenesisError
from genesis_lib.voice.audio import SAMPLE_RATE, SILENCE
from genesis_lib.voice.speech.ports import Speaker, VoiceStyle


class GenesisTTS(tts.TTS[Literal["error"]]):
    """What a session speaks with: `AgentSession(tts=GenesisTTS(speaker))`. The session cuts what is said into sentences.

    Args:
        speaker: stays the caller's to close.
        style: how it sounds.
    """

    def __init__(self, speaker: Speaker, style: VoiceStyle | None = None) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=SAMPLE_RATE, num_channels=1)
        self._speaker = speaker
        self._style = style or VoiceStyle()

    @property
    def model(self) -> str:
        """The speaker's class."""
        return type(self._speaker).__name__

    @property
    def provider(self) -> str:
        """This library."""
        return "genesis_lib"

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        """Speak a text; see TTS of livekit-agents. What the speaker fails with is an APIError, not tried again."""
        return _Speech(self, self._speaker, self._style, text, conn_options)


class _Speech(tts.ChunkedStream):
    def __init__(
        self, owner: GenesisTTS, speaker: Speaker, style: VoiceStyle, text: str, conn_options: APIConnectOptions
    ) -> None:
        super().__init__(tts=owner, input_text=text, conn_options=conn_options)
        self._speaker = speaker
        self._style = style

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id=utils.shortuuid(), sample_rate=SAMPLE_RATE, num_channels=1, mime_type="audio/pcm"
        )
        # A text without anything to pronounce is no failure, which no audio at all would be.
        output_emitter.push(SILENCE)
        pieces = self._speaker.speak(self.input_text, self._style)
        try:
            async for piece in pieces:
                output_emitter.push(piece)
        except GenesisError as error:
            raise APIError(str(error), retryable=False) from error
        finally:
            if isinstance(pieces, AsyncGenerator):
                await pieces.aclose()
        output_emitter.flush()
