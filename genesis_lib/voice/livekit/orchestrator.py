"""Brings two sides together in a LiveKit room: workers that are sent there, or a person with a client."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from genesis_lib.errors import VoiceError
from genesis_lib.interface import GenesisInterface
from genesis_lib.rpc.retry import RetryPolicy
from genesis_lib.voice.livekit.credentials import load_credentials
from genesis_lib.voice.livekit.order import CallOrder
from genesis_lib.voice.livekit.server import LiveKitServer
from genesis_lib.voice.recording import Recording
from genesis_lib.voice.scenario import SIDES, Side, other_side
from genesis_lib.voice.speech.libraries import load
from genesis_lib.voice.venue import Production, all_or_first_failure, hang_up

if TYPE_CHECKING:
    from genesis_lib.voice.livekit.track_recorder import TrackRecorder

logger = logging.getLogger(__name__)

_ENTERING_SECONDS = 10.0
_LOADING_SECONDS = 60.0
_EMPTY_SECONDS = 60


class LiveKitVenue:
    """A LiveKit room; see Venue. Both sides are LiveKitVoiceAgents, or one is a person who joins with a client.

    Args:
        bus: the way to the agents; its settings say where the server is, and how often a dispatch is tried.
        production: the call. Where a person takes a side, its id is the identity that the person joins with.
        person: the side that a person takes, if any.
        person_patience_seconds: how long to wait for the person.

    Raises:
        ConfigError: the server or the key for it is not set.
        VoiceError: livekit is not installed.
    """

    def __init__(
        self,
        bus: GenesisInterface,
        production: Production,
        *,
        person: Side | None = None,
        person_patience_seconds: float = 300.0,
    ) -> None:
        settings = bus.app.settings
        self._bus = bus
        self._production = production
        self._person = person
        self._person_patience = 0.0 if person is None else person_patience_seconds
        self._credentials = load_credentials(settings)
        self._retry = RetryPolicy(
            settings.retry_attempts, settings.retry_backoff_seconds, settings.retry_max_backoff_seconds
        )
        self._tracks_module = load("genesis_lib.voice.livekit.track_recorder", "livekit")
        self._attempts: dict[Side, int] = {}
        self._stack = AsyncExitStack()
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def _sides_of_agents(self) -> list[Side]:
        return [side for side in SIDES if side != self._person]

    async def open(self, recording: Recording) -> None:
        """Make the room and let the recorder in; see Venue.

        Raises:
            VoiceError: the server cannot be reached, or refuses.
        """
        room = self._production.room
        self._server = await self._stack.enter_async_context(LiveKitServer(self._credentials))
        await self._server.create_room(room, _EMPTY_SECONDS)
        self._stack.push_async_callback(self._delete_room)
        names = {self._production.agents[side]: self._name_of(side) for side in SIDES}
        self._tracks: TrackRecorder = self._tracks_module.TrackRecorder(self._credentials, room, names, recording.frame)
        self._tracks.ended.add_done_callback(self._on_ended)
        self._stack.push_async_callback(self._tracks.leave)
        await self._tracks.join()

    async def place(self) -> None:
        """Send the workers in, wait until both sides hear each other and are heard by the recorder, and begin; see Venue.

        Raises:
            VoiceError: a worker did not come, a side cannot be heard, what a worker needs is missing, or the server was lost.
            GenesisError: a worker cannot be called.
        """
        placing = asyncio.create_task(self._place())
        try:
            watched: set[asyncio.Future[Any]] = {placing, self.ended}
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if not placing.done():
                raise VoiceError(f"the call did not begin: {self.ended.result()}")
            await placing
        finally:
            placing.cancel()
            await asyncio.gather(placing, return_exceptions=True)

    async def statistics(self, side: Side) -> dict[str, float]:
        """How often the worker of this side was sent; see Venue."""
        return {"dispatches": self._attempts[side]} if side in self._attempts else {}

    async def hang_up(self, reason: str) -> None:
        """See Venue."""
        agent_ids = [self._production.agents[side] for side in self._sides_of_agents]
        await hang_up(self._bus, agent_ids, self._production.room, reason)

    async def close(self) -> None:
        """Delete the room, which ends what goes on there; see Venue."""
        await self._stack.aclose()

    async def _place(self) -> None:
        room = self._production.room
        await all_or_first_failure(*(self._dispatch(side, 1) for side in self._sides_of_agents))
        patience = self._person_patience + _LOADING_SECONDS
        await all_or_first_failure(
            self._wait_for_tracks(),
            *(self._ask(side, "wait_until_ready", patience, room=room) for side in self._sides_of_agents),
        )
        self._tracks.begin()
        began = time.time()
        await all_or_first_failure(
            *(
                self._ask(side, "begin_call", _ENTERING_SECONDS, room=room, began=began)
                for side in self._sides_of_agents
            )
        )

    async def _wait_for_tracks(self) -> None:
        if self._person is not None:
            await self._tracks.wait_for_participants([self._production.agents[self._person]], self._person_patience)
        await self._tracks.wait_for_tracks(_LOADING_SECONDS)

    async def _dispatch(self, side: Side, attempt: int) -> None:
        agent_id, room = self._production.agents[side], self._production.room
        self._attempts[side] = attempt
        try:
            dispatch_id = await self._server.dispatch(room, agent_id, self._order(side))
            try:
                await self._tracks.wait_for_participants([agent_id], _ENTERING_SECONDS)
            except VoiceError:
                await self._server.take_back(room, dispatch_id)
                raise
        except VoiceError as error:
            if attempt == self._retry.attempts:
                raise VoiceError(
                    f"{self._name_of(side)} did not come after {attempt} dispatches; is it a worker of this server, and in no"
                    f" other call? The last time: {error}"
                ) from error
            logger.info("dispatching %s again: %s", agent_id, error)
            await asyncio.sleep(self._retry.delay_seconds(attempt, None))
            await self._dispatch(side, attempt + 1)

    def _order(self, side: Side) -> CallOrder:
        production, other = self._production, other_side(side)
        return CallOrder(
            scenario=production.scenario_name,
            side=side,
            persona=production.personas[side],
            other_persona=production.personas[other],
            partner_id=production.agents[other],
            partner_is_person=other == self._person,
            patience_seconds=self._person_patience + 2 * _LOADING_SECONDS,
        )

    async def _ask(self, side: Side, function: str, timeout_seconds: float, **arguments: str | float) -> None:
        await self._bus.call_function(
            self._production.agents[side], function, timeout_seconds=timeout_seconds, **arguments
        )

    async def _delete_room(self) -> None:
        try:
            await self._server.delete_room(self._production.room)
        except VoiceError as error:
            logger.warning("LiveKit room %s was not deleted: %s", self._production.room, error)

    def _name_of(self, side: Side) -> str:
        agent_id = self._production.agents[side]
        found = self._bus.app.directory.agents.get(agent_id)
        return agent_id if found is None else found.name

    def _on_ended(self, ended: asyncio.Future[str]) -> None:
        if not self.ended.done():
            self.ended.set_result(ended.result())
