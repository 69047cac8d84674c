"""One side of a call in a LiveKit room: the session of a job, from the room's door to the last word."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Final

from livekit import rtc
from livekit.agents import (
    NOT_GIVEN,
    AgentSession,
    CloseEvent,
    CloseReason,
    ConversationItemAddedEvent,
    JobContext,
    TurnHandlingOptions,
    UserStateChangedEvent,
    llm,
    room_io,
)
from livekit.agents.job import DEFAULT_PARTICIPANT_KINDS

from genesis_lib.errors import GenesisError, VoiceError
from genesis_lib.settings import Settings
from genesis_lib.voice.brain import Bus, Turn
from genesis_lib.voice.brains.open import open_brain
from genesis_lib.voice.livekit.across_loops import OtherLoop
from genesis_lib.voice.livekit.announced_turns import ANNOUNCED, Announced, AnnouncedTurnsAgent
from genesis_lib.voice.livekit.bus_line import BusLine
from genesis_lib.voice.livekit.connection import Connection
from genesis_lib.voice.livekit.failures import end_on_errors, reason_of
from genesis_lib.voice.livekit.llm import BrainAgent, GenesisLLM, turns_of
from genesis_lib.voice.livekit.order import CallOrder
from genesis_lib.voice.livekit.presence import Presence
from genesis_lib.voice.livekit.stt import NOTHING_HEARD, GenesisSTT
from genesis_lib.voice.livekit.telling import LineThere, OverheardRecogniser, SessionTeller
from genesis_lib.voice.livekit.tts import GenesisTTS
from genesis_lib.voice.messages import ControlKind, VoiceControl
from genesis_lib.voice.persona import load_persona
from genesis_lib.voice.scenario import load_scenario, other_side
from genesis_lib.voice.script import sentences
from genesis_lib.voice.speech.open import open_recogniser, open_speaker
from genesis_lib.voice.speech.ports import Recognition

logger = logging.getLogger(__name__)

WITH_PERSON: Final = TurnHandlingOptions(
    turn_detection="vad",
    endpointing={"min_delay": 0.5, "max_delay": 3.0},
    interruption={"mode": "vad"},
    preemptive_generation={"enabled": False},
)
AGENTS: Final = [rtc.ParticipantKind.PARTICIPANT_KIND_AGENT]
# Whoever opens breaks a silence first; did both at once, each would break off the other.
_SILENCE_SECONDS: Final = {True: 10.0, False: 15.0}
_LINGERING_SECONDS: Final = 5.0

OpenLine = Callable[[str, str, str, Callable[[VoiceControl], None]], BusLine]


@dataclass(frozen=True, slots=True)
class Worker:
    """What a conversation needs of the worker it runs in; `loop` is the one of bus and lines."""

    agent_id: str
    agent_name: str
    settings: Settings
    speaker: str
    recogniser: str
    bus: Bus
    make_line: OpenLine
    loop: OtherLoop


class Conversation:
    """Holds one side of a call. What is not said to be callable from other threads runs in the job's.

    Args:
        job: in which it runs.
        order: what is to be done.
        worker: in which the job runs.

    Attributes:
        ready: done when both sides are in the room and audible to this one, and the bus tells this one what the other does;
            fails with what kept it from it.
        over: done with the reason that the call ended with.
        turns: the conversation as this side knows it.
        loop: the job's.
    """

    def __init__(self, job: JobContext, order: CallOrder, worker: Worker) -> None:
        self.room = job.job.room.name
        self.loop = asyncio.get_running_loop()
        self.ready: concurrent.futures.Future[None] = concurrent.futures.Future()
        self.over: concurrent.futures.Future[str] = concurrent.futures.Future()
        self.turns: list[Turn] = []
        self._job = job
        self._order = order
        self._worker = worker
        self._begun = asyncio.Event()
        self._began = 0.0
        self._gone = asyncio.Event()
        self._ended: asyncio.Future[str] = self.loop.create_future()
        self._hangs_up = False
        self._last_words: asyncio.Task[None] | None = None
        self._barge_in: asyncio.TimerHandle | None = None
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Enter the room and begin to listen; the call goes on after this. Whatever keeps it from that ends the call."""
        try:
            async with AsyncExitStack() as stack:
                stack.push(self._on_failure)
                await self._enter()
                await self._prepare(stack)
                self._running = asyncio.create_task(self._hold(stack.pop_all()))
        except GenesisError as error:
            await self._linger()
            self._job.shutdown(str(error))

    async def leave(self, reason: str) -> None:
        """The job ends, and the call with it."""
        self._gone.set()
        self.end(f"{self._worker.agent_name} left: {reason}")
        if self._running is not None:
            await self._running

    def begin(self, began: float) -> None:
        """Both sides are ready: this one may speak. `began` as in SessionTeller."""
        self._began = began
        self._begun.set()

    def end(self, reason: str, *, hang_up: bool = False) -> None:
        """End the call, at once; with `hang_up` the other side is told that this one did."""
        if not self._ended.done():
            self._hangs_up = hang_up
            self._ended.set_result(reason)

    async def say(self, text: str) -> str:
        """Say this after what is being said. Returns what was said of it.

        Raises:
            VoiceError: the call has not begun, or its last words are being said.
        """
        if not (self.ready.done() and self._begun.is_set()):
            raise VoiceError(f"the call in LiveKit room {self.room} has not begun")
        try:
            speech = self._session.say(text)
        except RuntimeError as error:
            raise VoiceError(f"the call in LiveKit room {self.room} is ending: {error}") from error
        await speech.wait_for_playout()
        said = [item.text_content or "" for item in speech.chat_items if isinstance(item, llm.ChatMessage)]
        return " ".join(said).strip()

    async def _enter(self) -> None:
        try:
            await self._job.connect()
        except rtc.ConnectError as error:
            raise VoiceError(
                f"{self._worker.agent_name} cannot enter LiveKit room {self.room}: {error.message};"
                " can it reach the server's ports for media?"
            ) from error
        Connection(self._job.room, self._on_lost)

    async def _prepare(self, stack: AsyncExitStack) -> None:
        order, worker = self._order, self._worker
        self._script = script = await asyncio.to_thread(load_scenario, order.scenario)
        other = other_side(order.side)
        self._person = await asyncio.to_thread(load_persona, order.persona or script.persona_of(order.side))
        partner = await asyncio.to_thread(load_persona, order.other_persona or script.persona_of(other))
        self._opens = script.opens == order.side
        brain = open_brain(script, order.side, self._person, worker.settings)
        stack.push_async_callback(brain.close)
        speaker = await open_speaker(worker.speaker, worker.settings)
        stack.push_async_callback(speaker.close)
        recogniser = await open_recogniser(worker.recogniser, sentences(script, {other: partner}), worker.settings)
        stack.push_async_callback(recogniser.close)
        own = self._line(worker.agent_id, worker.agent_name)
        theirs = self._line(order.partner_id, partner.name) if order.partner_is_person else None
        self._teller = SessionTeller(own, order.partner_id, theirs)
        self._presence = Presence(self._job.room, order.partner_id, announces=not order.partner_is_person)
        self._session: AgentSession[None] = AgentSession(
            stt=GenesisSTT(OverheardRecogniser(recogniser, self._teller)),
            llm=GenesisLLM(brain, worker.bus, self._on_hang_up),
            tts=GenesisTTS(speaker, self._person.style),
            vad=NOT_GIVEN if order.partner_is_person else None,
            turn_handling=WITH_PERSON if order.partner_is_person else ANNOUNCED,
            aec_warmup_duration=None,
            user_away_timeout=_SILENCE_SECONDS[self._opens],
        )
        self._agent = BrainAgent()
        if not order.partner_is_person:
            self._agent = AnnouncedTurnsAgent(recogniser, self._on_heard, self._on_hang_up)
        # Only now, as others may say something at once.
        for line in (own, theirs) if theirs else (own,):
            await self._open(stack, line)
        end_on_errors(self._session, partial(self.end, hang_up=True))
        self._session.on("close", self._on_close)
        self._session.on("conversation_item_added", self._on_item)
        self._session.on("user_state_changed", self._on_partner_state)
        await self._session.start(
            self._agent,
            room=self._job.room,
            room_options=room_io.RoomOptions(
                text_input=False,
                # Gain control is for people's microphones.
                audio_input=room_io.AudioInputOptions(auto_gain_control=order.partner_is_person),
                participant_kinds=DEFAULT_PARTICIPANT_KINDS if order.partner_is_person else AGENTS,
                participant_identity=order.partner_id,
            ),
            session_host=False,
            record=False,
        )
        stack.push_async_callback(self._session.aclose)

    def _line(self, participant_id: str, name: str) -> LineThere:
        line = self._worker.make_line(self.room, participant_id, name, self._on_control_there)
        return LineThere(line, self._worker.loop)

    async def _open(self, stack: AsyncExitStack, there: LineThere) -> None:
        loop = self._worker.loop
        await loop.run(there.line.open())
        stack.push_async_callback(lambda: loop.run(there.line.close()))

    async def _hold(self, stack: AsyncExitStack) -> None:
        reason = f"{self._worker.agent_name} broke off"
        try:
            async with stack:
                reason = await self._until_the_end()
            self._is_over(reason)
            await self._linger()
        finally:
            self._is_over(reason)
            self._job.shutdown(reason)

    async def _linger(self) -> None:
        """What was said is on its way to those who record it, and who asks why this side failed has to see that it came:
        whoever holds the call deletes the room when it has all."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGERING_SECONDS):
                await self._gone.wait()

    async def _until_the_end(self) -> str:
        talking = asyncio.create_task(self._talk())
        talking.add_done_callback(self._on_talked)
        try:
            reason = await self._ended
        finally:
            if self._barge_in is not None:
                self._barge_in.cancel()
            tasks = [talking] if self._last_words is None else [talking, self._last_words]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._hangs_up:
            self._teller.hang_up(reason)
        try:
            # It tells then how far it came with what it was saying.
            await self._session.aclose()
        finally:
            self._teller.leave(reason)
        return reason

    def _on_failure(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._is_over(reason_of(error), error)

    def _is_over(self, reason: str, error: BaseException | None = None) -> None:
        """Whoever waits for this side has to learn that it waits in vain; a worker that did not would stay busy for ever."""
        if not self.ready.done():
            early = VoiceError(f"the call ended before it began: {reason}")
            self.ready.set_exception(error if isinstance(error, GenesisError) else early)
        if not self.over.done():
            self.over.set_result(reason)

    async def _talk(self) -> None:
        patience = self._order.patience_seconds
        try:
            async with asyncio.timeout(patience):
                await self._session.room_io.wait_for_ready()
                await self._presence.wait()
                self.ready.set_result(None)
                await self._begun.wait()
        except TimeoutError:
            self.end(f"the call did not begin within {patience:g} s")
            return
        self._teller.begin(self._session, self._began)
        if self._opens:
            self._session.generate_reply()
        await asyncio.sleep(self._script.time_limit_seconds)
        self.end(f"the time limit of {self._script.time_limit_seconds:g} s is over", hang_up=True)

    def _on_talked(self, talking: asyncio.Task[None]) -> None:
        if not talking.cancelled() and (error := talking.exception()) is not None:
            logger.error("%s breaks off the call", self._worker.agent_name, exc_info=error)
            self.end(reason_of(error), hang_up=True)

    def _on_control_there(self, control: VoiceControl) -> None:
        OtherLoop(self.loop).soon(self._on_control, control)

    def _on_control(self, control: VoiceControl) -> None:
        # What is told of a person, this side tells.
        if control.participant_id != self._order.partner_id or self._order.partner_is_person:
            return
        self._presence.on_control()
        self._teller.on_control(control)
        if isinstance(self._agent, AnnouncedTurnsAgent):
            self._agent.on_control(control)
        if control.kind in (ControlKind.HANG_UP, ControlKind.LEAVE):
            self.end(control.text or "the other side left")
        elif control.kind is ControlKind.INTERRUPT and self._teller.is_saying(control.utterance_id):
            self._session.interrupt()

    def _on_heard(self, utterance: Announced, recognition: Recognition) -> None:
        self._teller.heard(utterance.number, utterance.start, utterance.end, recognition)

    def _on_hang_up(self, reason: str) -> None:
        if self._last_words is None and not self._ended.done():
            self._last_words = asyncio.create_task(self._say_last_words(reason))

    async def _say_last_words(self, reason: str) -> None:
        try:
            await self._session.drain()
        finally:
            self.end(reason, hang_up=True)

    def _on_close(self, event: CloseEvent) -> None:
        if event.error is not None:
            self.end(reason_of(event.error.error), hang_up=True)
        elif event.reason == CloseReason.PARTICIPANT_DISCONNECTED:
            self.end(f"{self._order.partner_id} left")
        else:
            self.end("the session was closed")

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        if isinstance(event.item, llm.ChatMessage):
            self.turns += turns_of(llm.ChatContext([event.item]))

    def _on_partner_state(self, event: UserStateChangedEvent) -> None:
        if self._barge_in is not None:
            self._barge_in.cancel()
            self._barge_in = None
        if self._ended.done():
            return
        patience = self._person.interrupts_after_seconds
        if event.new_state == "speaking" and patience is not None and not self._order.partner_is_person:
            self._barge_in = self.loop.call_later(patience, self._teller.interrupt)
        if event.new_state == "away":
            if self._begun.is_set() and self._last_words is None and not self._session.current_speech:
                # Nobody says anything: for the brain that is as if it had understood nothing.
                self._session.generate_reply(user_input=NOTHING_HEARD)
            self._session.reset_away_timer()

    def _on_lost(self) -> None:
        self._gone.set()
        self.end("the connection to the LiveKit server was lost")
