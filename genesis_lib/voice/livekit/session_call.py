"""One side of a call in a voice room over DDS, held by a session of livekit-agents."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from livekit.agents import (
    Agent,
    AgentSession,
    CloseEvent,
    TurnHandlingOptions,
    UserInputTranscribedEvent,
    inference,
)
from livekit.agents.voice import TranscriptSynchronizer
from livekit.agents.voice.io import PlaybackFinishedEvent

from genesis_lib.voice.livekit.dds_audio import SILENCE_SECONDS, RoomEar, RoomMouth
from genesis_lib.voice.livekit.failures import end_on_errors, reason_of
from genesis_lib.voice.livekit.stt import as_heard
from genesis_lib.voice.messages import TranscriptSource, VoiceTranscript
from genesis_lib.voice.room import VoiceRoom

logger = logging.getLogger(__name__)


def between_agents() -> dict[str, Any]:
    """How a session finds turns when it talks in a voice room, mostly with other agents: `AgentSession(...,
    **between_agents())`.

    By voice activity, since models of the end of a turn, and of what an interruption is, were made for people. Nothing is
    thought ahead, as a brain remembers what it was asked.
    """
    return {
        "vad": inference.VAD(model="silero", min_silence_duration=SILENCE_SECONDS),
        "turn_handling": TurnHandlingOptions(
            turn_detection="vad",
            endpointing={"min_delay": 0.1, "max_delay": 1.0},
            interruption={"mode": "vad", "resume_false_interruption": False},
            preemptive_generation={"enabled": False},
        ),
        "aec_warmup_duration": None,
        "user_away_timeout": None,
    }


class SessionCall:
    """Lets a session talk in a voice room, and tells the room what it said and what it heard.

    Args:
        room: joined, running in real time, with the other side in it. It stays the caller's to leave.
        participant_id: this side, as the room knows it.
    """

    def __init__(self, room: VoiceRoom, participant_id: str) -> None:
        self._room = room
        self._id = participant_id
        loop = asyncio.get_running_loop()
        self._reason: asyncio.Future[str] = loop.create_future()
        self._failure: asyncio.Future[str] = loop.create_future()

    def hang_up(self, reason: str) -> None:
        """End the call with this reason once the session has said what it has to say. What GenesisLLM wants to be given."""
        if not self._reason.done():
            self._reason.set_result(reason)

    async def run(
        self, session: AgentSession[Any], agent: Agent, *, opens: bool = False, time_limit_seconds: float = 600.0
    ) -> str:
        """Talk until the call ends, and close the session. An error of its speech or thinking ends the call, too.

        Args:
            session: not started yet, made with `between_agents`.
            agent: what it starts with, for a GenesisLLM a BrainAgent.
            opens: the session speaks first.
            time_limit_seconds: after which it hangs up.

        Returns:
            The reason that the call ended with.

        Raises:
            VoiceError: the room does not run in real time.
        """
        ear = RoomEar(self._room)
        mouth = RoomMouth(self._room, on_cut=lambda: _interrupt(session))
        synchronizer = TranscriptSynchronizer(next_in_chain_audio=mouth, next_in_chain_text=None)
        session.input.audio = ear
        session.output.audio = synchronizer.audio_output
        session.output.transcription = synchronizer.text_output

        def on_close(event: CloseEvent) -> None:
            if event.error is None:
                self.hang_up("the session was closed")
            else:
                self._fail(reason_of(event.error.error))

        def on_heard(event: UserInputTranscribedEvent) -> None:
            stretch = ear.heard() if event.is_final else None
            if stretch is not None:
                self._publish(
                    stretch.speaker_id,
                    stretch.utterance_id,
                    TranscriptSource.HEARD,
                    as_heard(event.transcript),
                    stretch.start,
                    stretch.end,
                )

        def on_spoken(event: PlaybackFinishedEvent) -> None:
            ear.forget()
            said, mouth.last = mouth.last, None
            if said is not None:
                text = (event.synchronized_transcript or "").strip()
                self._publish(self._id, said.utterance_id, TranscriptSource.SPOKEN, text, said.start, said.end)

        end_on_errors(session, self._fail)
        session.on("close", on_close)
        session.on("user_input_transcribed", on_heard)
        synchronizer.audio_output.on("playback_finished", on_spoken)
        try:
            await session.start(agent, record=False)
            if opens:
                session.generate_reply()
            await self._until_it_ends(session, time_limit_seconds)
            return await self._room.ended
        finally:
            await session.aclose()
            await synchronizer.aclose()

    async def _until_it_ends(self, session: AgentSession[Any], time_limit_seconds: float) -> None:
        reason, over = self._reason, (self._room.ended, self._failure)
        await asyncio.wait((reason, *over), timeout=time_limit_seconds, return_when=asyncio.FIRST_COMPLETED)
        if reason.done() and not any(each.done() for each in over):
            last_words: asyncio.Future[Any] = asyncio.ensure_future(session.drain())
            await asyncio.wait((last_words, *over), return_when=asyncio.FIRST_COMPLETED)
            last_words.cancel()
            await asyncio.gather(last_words, return_exceptions=True)
        told = [each.result() for each in (self._failure, reason) if each.done()]
        await self._room.hang_up(told[0] if told else f"the time limit of {time_limit_seconds:g} s is over")

    def _fail(self, reason: str) -> None:
        if not self._failure.done():
            self._failure.set_result(reason)

    def _publish(self, speaker: str, utterance: int, source: TranscriptSource, text: str, start: int, end: int) -> None:
        self._room.publish_transcript(
            VoiceTranscript(self._room.name, utterance, speaker, self._id, source, text, start, end)
        )


def _interrupt(session: AgentSession[Any]) -> None:
    try:
        session.interrupt()
    except RuntimeError as error:
        logger.debug("what is being said cannot be interrupted: %s", error)
