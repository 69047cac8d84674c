"""LiveKitVoiceAgent: a worker of a LiveKit server that is an agent of the bus."""

from __future__ import annotations

import asyncio
import logging
import math
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Self

from genesis_lib.errors import VoiceError
from genesis_lib.monitored_agent import MonitoredAgent
from genesis_lib.rpc.functions import genesis_function
from genesis_lib.settings import Settings
from genesis_lib.unwinding import on_failure
from genesis_lib.voice.agent_bus import AgentBus
from genesis_lib.voice.livekit.across_loops import BusThere, OtherLoop
from genesis_lib.voice.livekit.bus_line import BusLine
from genesis_lib.voice.livekit.credentials import LiveKitCredentials, load_credentials
from genesis_lib.voice.livekit.order import CallOrder
from genesis_lib.voice.livekit.server import LiveKitServer
from genesis_lib.voice.messages import VoiceControl
from genesis_lib.voice.speech.libraries import load

if TYPE_CHECKING:
    from livekit.agents import AgentServer, JobContext, JobRequest

    from genesis_lib.voice.livekit.conversation import Conversation

logger = logging.getLogger(__name__)

_REGISTERING_SECONDS = 15.0
_LEAVING_SECONDS = 10.0
# A LiveKit server waits 3 s for the answer to an offer.
_ENDING_SECONDS = 1.5


class LiveKitVoiceAgent(MonitoredAgent):
    """Takes part in calls in LiveKit rooms, one at a time, each of them a job that the server gives it. Its agent_name at the
    server, and its identity in rooms, is its agent id. On the bus it is steered by its functions, as a VoiceAgent is.

    One in a process: the media library does not bear two.

    Args:
        agent_name: what people and other agents call it.
        speaker, recogniser: speech engines by name, see `speech/open.py`; by default those of the settings.
        agent_id, service_instance_tag, settings: as in MonitoredAgent.

    Raises:
        ConfigError: a name cannot be used, or the LiveKit server or the key for it is not set.
    """

    def __init__(
        self,
        agent_name: str = "LiveKitVoiceAgent",
        *,
        speaker: str | None = None,
        recogniser: str | None = None,
        agent_id: str | None = None,
        service_instance_tag: str | None = None,
        settings: Settings | None = None,
    ) -> None:
        super().__init__(
            agent_name,
            "LiveKitVoiceService",
            service_instance_tag,
            agent_id,
            enable_agent_communication=True,
            description="Holds spoken conversations in LiveKit rooms.",
            settings=settings,
        )
        in_force = self.app.settings
        self._credentials = load_credentials(in_force)
        self._speaker_name = speaker or in_force.voice_speaker
        self._recogniser_name = recogniser or in_force.voice_recogniser
        self._server: AgentServer | None = None
        self._serving: asyncio.Task[None] | None = None
        self._accepted = False
        self._conversation: Conversation | None = None

    def get_agent_capabilities(self) -> dict[str, Any]:
        """See GenesisAgent."""
        return {"agent_type": "specialized", "specializations": ["voice"], "capabilities": ["voice_call", "livekit"]}

    async def process_request(self, request: dict[str, Any]) -> dict[str, Any]:
        """Say what the agent is doing, and whether the LiveKit server that calls come from is there."""
        going = self._conversation
        doing = "is in no call" if going is None or going.over.done() else f"is in a call in LiveKit room {going.room}"
        message = f"{self.agent_name} {doing}."
        try:
            await self._check_server()
        except VoiceError as error:
            message += f" It gets no calls: {error}"
        return {"message": message, "status": 0}

    async def open(self) -> Self:
        """Register at the server, then join the bus.

        Raises:
            VoiceError: livekit-agents is not installed, or the server cannot be reached, does not know the key or takes no
                workers.
            GenesisError: as `GenesisAgent.open`.
        """
        self._main_loop = asyncio.get_running_loop()
        await self._check_server()
        async with on_failure(self._deregister):
            await self._register(self._credentials)
            return await super().open()

    async def close(self) -> None:
        """Hang up, leave the server, then the bus."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(super().close)
            stack.push_async_callback(self._deregister)
            conversation = self._conversation
            if conversation is not None and not conversation.over.done():
                _there(conversation).soon(conversation.end, f"{self.agent_name} leaves", hang_up=True)
                await self._wait_for_end(_LEAVING_SECONDS)

    @genesis_function
    async def wait_until_ready(self, room: str) -> None:
        """Wait until this agent and the other side are in the room and hear each other.

        room: its name.
        """
        await asyncio.shield(asyncio.wrap_future(self._in(room).ready))

    @genesis_function
    async def begin_call(self, room: str, began: float = 0.0) -> None:
        """Begin to talk. Both sides are ready.

        room: its name. began: when media time is 0, in seconds since the Unix epoch; now, unless it is within the last 2 s.
        """
        conversation = self._in(room)
        _there(conversation).soon(conversation.begin, began)

    @genesis_function
    async def say(self, text: str) -> str:
        """Say this in the call that goes on, after what is being said. Returns what was said of it."""
        conversation = self._current()
        return await _there(conversation).run(conversation.say(text))

    @genesis_function
    async def hang_up(self, reason: str = "asked to", room: str = "") -> str:
        """End the call that goes on. Returns the reason it ended with.

        reason: told to the other side. room: the one the call has to be in; any by default.
        """
        conversation = self._current()
        if room not in ("", conversation.room):
            raise VoiceError(f"{self.agent_name} is not in LiveKit room {room}, but in {conversation.room}")
        _there(conversation).soon(conversation.end, reason, hang_up=True)
        return await self.wait_for_end()

    @genesis_function
    async def wait_for_end(self) -> str:
        """Wait until the call is over. Returns the reason it ended with."""
        if self._conversation is None:
            raise VoiceError(f"{self.agent_name} was in no call yet")
        return await asyncio.shield(asyncio.wrap_future(self._conversation.over))

    @genesis_function
    async def get_transcript(self) -> list[dict[str, str]]:
        """The turns of the current or last call as this side knows them: its own words, and what it heard."""
        turns = () if self._conversation is None else tuple(self._conversation.turns)
        return [{"by": "me" if turn.by_me else "other", "text": turn.text} for turn in turns]

    # The worker

    async def _check_server(self) -> None:
        async with LiveKitServer(self._credentials) as server:
            await server.check()

    async def _register(self, credentials: LiveKitCredentials) -> None:
        agents = load("livekit.agents", "livekit")
        load("genesis_lib.voice.livekit.conversation", "livekit")  # slow to import: now, and not when a call waits
        server: AgentServer = agents.AgentServer(
            job_executor_type=agents.JobExecutorType.THREAD,
            ws_url=credentials.url,
            api_key=credentials.api_key,
            api_secret=credentials.api_secret,
            # Whoever looks busy gets no offers, and a call is offered once: what cannot be taken is rejected.
            load_fnc=lambda: 0.0,
            load_threshold=math.inf,
            max_retry=sys.maxsize,
            num_idle_processes=0,
            host="127.0.0.1",
            port=0,
            log_level="WARN",
        )
        server.rtc_session(self._on_job, agent_name=self.app.agent_id, on_request=self._on_request)
        registered: asyncio.Future[None] = self._main_loop.create_future()

        def on_registered(*_: object) -> None:
            if not registered.done():
                registered.set_result(None)

        server.on("worker_registered", on_registered)
        self._server = server
        self._serving = asyncio.create_task(server.run())
        done, _ = await asyncio.wait(
            {registered, self._serving}, timeout=_REGISTERING_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if registered not in done:
            cause = self._serving.exception() if self._serving.done() else None
            raise VoiceError(
                f"the LiveKit server at {credentials.url} did not take {self.agent_name} as a worker within"
                f" {_REGISTERING_SECONDS:g} s ({cause or 'no answer'}); its log may say why"
            ) from cause
        self._serving.add_done_callback(self._on_serving_ended)

    def _on_serving_ended(self, serving: asyncio.Task[None]) -> None:
        if self._server is not None and not serving.cancelled():
            logger.error(
                "%s gets no calls any more, start it again: the LiveKit server at %s was lost (%s)",
                self.agent_name,
                self._credentials.url,
                serving.exception() or "it ended",
            )

    async def _deregister(self) -> None:
        if self._server is None or self._serving is None:
            return
        server, self._server = self._server, None
        try:
            async with asyncio.timeout(_LEAVING_SECONDS):
                await server.aclose()
        except TimeoutError:
            logger.warning("%s could not end its jobs within %g s", self.agent_name, _LEAVING_SECONDS)
            self._serving.cancel()
        await asyncio.gather(self._serving, return_exceptions=True)

    async def _on_request(self, request: JobRequest) -> None:
        try:
            order = CallOrder.read(request.job.metadata)
        except VoiceError as error:
            logger.warning("%s takes no part in LiveKit room %s: %s", self.agent_name, request.room.name, error)
            await request.reject()
            return
        if not await self._becomes_free():
            await request.reject(terminate=False)
            return
        self._accepted = True
        logger.info("%s plays %s in LiveKit room %s", self.agent_name, order.side, request.room.name)
        async with on_failure(self._forget_accepted):
            await request.accept(identity=self.app.agent_id, name=self.agent_name)

    async def _on_job(self, job: JobContext) -> None:
        """Runs in the job's thread."""
        from genesis_lib.voice.livekit.conversation import Conversation, Worker

        there = OtherLoop(self._main_loop)
        worker = Worker(
            self.app.agent_id,
            self.agent_name,
            self.app.settings,
            self._speaker_name,
            self._recogniser_name,
            BusThere(AgentBus(self), there),
            self._make_line,
            there,
        )
        try:
            self._conversation = Conversation(job, CallOrder.read(job.job.metadata), worker)
        finally:
            self._accepted = False
        job.add_shutdown_callback(self._conversation.leave)
        await self._conversation.start()

    def _make_line(self, room: str, my_id: str, name: str, on_control: Callable[[VoiceControl], None]) -> BusLine:
        return BusLine(self.app.participant, room, my_id, name, on_control)

    # The conversation, which runs in another thread

    async def _becomes_free(self) -> bool:
        """Whether no call goes on; one that ends just now is waited for."""
        conversation = self._conversation
        if conversation is not None and not conversation.over.done():
            await asyncio.wait({asyncio.wrap_future(conversation.over)}, timeout=_ENDING_SECONDS)
        return not self._is_busy()

    def _is_busy(self) -> bool:
        return self._accepted or (self._conversation is not None and not self._conversation.over.done())

    async def _forget_accepted(self) -> None:
        self._accepted = False

    def _current(self) -> Conversation:
        if self._conversation is None or self._conversation.over.done():
            raise VoiceError(f"{self.agent_name} is in no call")
        return self._conversation

    def _in(self, room: str) -> Conversation:
        if self._conversation is None or self._conversation.room != room:
            raise VoiceError(f"{self.agent_name} is not in LiveKit room {room}")
        return self._conversation

    async def _wait_for_end(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self.wait_for_end()
        except TimeoutError:
            logger.warning("%s could not end its call within %g s", self.agent_name, seconds)


def _there(conversation: Conversation) -> OtherLoop:
    return OtherLoop(conversation.loop)


class LiveKitCustomer(LiveKitVoiceAgent):
    """The one who calls."""

    def __init__(self, agent_name: str = "Customer", **options: Any) -> None:
        super().__init__(agent_name, **options)


class LiveKitSupport(LiveKitVoiceAgent):
    """The one who is called."""

    def __init__(self, agent_name: str = "Support", **options: Any) -> None:
        super().__init__(agent_name, **options)
