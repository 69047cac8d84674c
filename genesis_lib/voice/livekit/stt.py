"""A Recogniser as the speech-to-text of a LiveKit session."""

from __future__ import annotations

from typing import Final, Literal

from livekit.agents import APIConnectOptions, APIError, LanguageCode, stt, utils
from livekit.agents.types import NOT_GIVEN, NotGivenOr

from genesis_lib.errors import GenesisError
from genesis_lib.voice.livekit.audio import pcm_of
from genesis_lib.voice.speech.ports import Recogniser

NOTHING_HEARD: Final = "[inaudible]"


class GenesisSTT(stt.STT[Literal["error"]]):
    """What a session hears with: `AgentSession(stt=GenesisSTT(recogniser))`. It takes whole utterances, which the session's
    voice activity detection cuts.

    A session drops an empty text, as if nobody had spoken. So an utterance of which the recogniser made nothing is
    NOTHING_HEARD here; `as_heard` turns it back.

    Args:
        recogniser: stays the caller's to close.
    """

    def __init__(self, recogniser: Recogniser) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))
        self._recogniser = recogniser

    @property
    def model(self) -> str:
        """The recogniser's class."""
        return type(self._recogniser).__name__

    @property
    def provider(self) -> str:
        """This library."""
        return "genesis_lib"

    async def _recognize_impl(
        self,
        buffer: utils.AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions,
    ) -> stt.SpeechEvent:
        try:
            recognition = await self._recogniser.recognise(pcm_of(buffer))
        except GenesisError as error:
            raise APIError(str(error), retryable=False) from error
        heard = stt.SpeechData(LanguageCode("en"), recognition.text or NOTHING_HEARD, confidence=recognition.confidence)
        return stt.SpeechEvent(stt.SpeechEventType.FINAL_TRANSCRIPT, request_id=utils.shortuuid(), alternatives=[heard])


def as_heard(transcript: str) -> str:
    """What the recogniser made of it: the text of a session's transcript, "" for nothing."""
    return " ".join(transcript.replace(NOTHING_HEARD, " ").split())
