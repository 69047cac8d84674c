"""The LiveKit server as an orchestrator needs it: rooms and dispatches, with errors that say what to do."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self, TypeVar

import aiohttp

from genesis_lib.errors import VoiceError
from genesis_lib.voice.livekit.credentials import LiveKitCredentials
from genesis_lib.voice.livekit.order import CallOrder
from genesis_lib.voice.speech.libraries import load

T = TypeVar("T")

_REQUEST_SECONDS = 10.0
_UNAUTHORISED = (401, 403)


class LiveKitServer:
    """Rooms and dispatches of a LiveKit server; an asynchronous context manager. All methods raise as `check`.

    Raises:
        VoiceError: livekit-api is not installed.
    """

    def __init__(self, credentials: LiveKitCredentials) -> None:
        self._api = load("livekit.api", "livekit")
        self._credentials = credentials
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=_REQUEST_SECONDS)
        self._session = await self._stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        # Its own retries would hide for a while that a server is not there.
        self._server = self._api.LiveKitAPI(
            self._credentials.url,
            self._credentials.api_key,
            self._credentials.api_secret,
            session=self._session,
            failover=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def check(self) -> None:
        """Ask for something, to see whether the server answers.

        Raises:
            VoiceError: the server cannot be reached, does not know the key, or refuses.
        """
        await self._ask(self._server.room.list_rooms(self._api.ListRoomsRequest()))

    async def create_room(self, room: str, empty_timeout_seconds: int) -> None:
        """Make a room, which goes when nobody but agents was in it for so long."""
        request = self._api.CreateRoomRequest(
            name=room, empty_timeout=empty_timeout_seconds, departure_timeout=empty_timeout_seconds
        )
        await self._ask(self._server.room.create_room(request))

    async def delete_room(self, room: str) -> None:
        """Put out everybody who is in a room, and the room away."""
        await self._ask(self._server.room.delete_room(self._api.DeleteRoomRequest(room=room)))

    async def dispatch(self, room: str, agent_name: str, order: CallOrder) -> str:
        """Send a worker into a room. Returns the id of the dispatch; whether a worker takes it is not known by then."""
        request = self._api.CreateAgentDispatchRequest(
            agent_name=agent_name, room=room, metadata=order.model_dump_json()
        )
        dispatched = await self._ask(self._server.agent_dispatch.create_dispatch(request))
        return str(dispatched.id)

    async def take_back(self, room: str, dispatch_id: str) -> None:
        """Forget a dispatch that no worker took."""
        await self._ask(self._server.agent_dispatch.delete_dispatch(dispatch_id, room))

    async def _ask(self, request: Awaitable[T]) -> T:
        url = self._credentials.url
        try:
            return await request
        except self._api.ServerError as error:
            if error.status in _UNAUTHORISED:
                raise VoiceError(
                    f"the LiveKit server at {url} does not know the key {self._credentials.api_key!r} with this secret:"
                    " compare LIVEKIT_API_KEY and LIVEKIT_API_SECRET with its configuration"
                ) from error
            raise VoiceError(f"the LiveKit server at {url} refuses ({error.code}): {error.message}") from error
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise VoiceError(
                f"the LiveKit server at {url} (LIVEKIT_URL) cannot be reached: {error or 'no answer'}; is it running?"
            ) from error
