"""The Requesters a Replier is connected with, and a way back to each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any
from weakref import WeakValueDictionary

from genesis_lib.dds.port import Match, Participant
from genesis_lib.errors import BusError, DecodeError
from genesis_lib.log_limit import LimitedWarnings
from genesis_lib.rpc.backlog import Backlog
from genesis_lib.rpc.caller_identity import Announcements, CallerIdentity, parse_connection_data
from genesis_lib.rpc.execution import Client
from genesis_lib.rpc.memory import ConnectionMemories
from genesis_lib.rpc.reply_channel import ReplyChannel
from genesis_lib.rpc.wire import reply_topic, request_topic

logger = logging.getLogger(__name__)
_warnings = LimitedWarnings(logger)


class Clients:
    """One for each request writer that is matched, by its handle.

    Args:
        service_name, agent_id: see `Replier`.
        participant: for the reply writers.
        announcements: tells which participant speaks for which agent.
        max_message_bytes: largest reply.
    """

    def __init__(
        self,
        service_name: str,
        agent_id: str,
        participant: Participant,
        announcements: Announcements,
        *,
        max_message_bytes: int,
    ) -> None:
        self._service_name = service_name
        self._agent_id = agent_id
        self._participant = participant
        self._announcements = announcements
        self._max_message_bytes = max_message_bytes
        self._clients: dict[int, Client] = {}
        self._backlogs: WeakValueDictionary[bytes, Backlog] = WeakValueDictionary()
        self._memories = ConnectionMemories()
        self._housekeeping: set[asyncio.Task[None]] = set()
        self._one_left = asyncio.Event()

    def get(self, handle: int) -> Client | None:
        """The client behind a request writer, None when it is not known yet."""
        return self._clients.get(handle)

    def add(self, match: Match) -> Client | None:
        """The client behind a request writer, None when its user data names no inbox."""
        known = self._clients.get(match.handle)
        if known is not None:
            return known
        who, service = match.participant, self._service_name
        try:
            inbox, agent_id = parse_connection_data(match.user_data)
        except DecodeError as error:
            _warnings.warn(
                who,
                "agent %s refused participant %s, which writes on %s: %s",
                self._agent_id,
                who.hex(),
                request_topic(service).name,
                error,
            )
            return None
        backlog = self._backlogs.setdefault(who, Backlog(self._max_message_bytes))
        channel = ReplyChannel(reply_topic(service), inbox, who, backlog)
        client = Client(CallerIdentity(who, agent_id), channel, self._memories.of(who, inbox))
        self._clients[match.handle] = client
        self._keep_house(self._open_channel(client))
        return client

    def remove(self, handle: int) -> Client | None:
        """The client whose request writer went away; its replies have nowhere to go."""
        client = self._clients.pop(handle, None)
        if client is not None:
            client.executed.forget_replies()
            self._keep_house(client.channel.close())
            self._one_left.set()
        return client

    async def until_drained(self, timeout_seconds: float) -> None:
        """Wait until the replies to all of them are written, so long at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await asyncio.gather(*(client.channel.drained() for client in self._clients.values()))

    async def until_gone(self, timeout_seconds: float) -> None:
        """Wait until all of them have closed their connections, so long at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while self._clients:
                    self._one_left.clear()
                    await self._one_left.wait()

    async def close(self) -> None:
        """Delete the reply writers."""
        clients = list(self._clients.values())
        self._clients.clear()
        await asyncio.gather(*self._housekeeping, *(client.channel.close() for client in clients))

    async def _open_channel(self, client: Client) -> None:
        """Its caller counts as connected from here on, so who it is comes first."""
        if client.caller.claimed:
            await client.caller.confirm(self._announcements)
        try:
            await client.channel.open(self._participant)
        except BusError as error:
            logger.error("agent %s cannot answer %s: %s", self._agent_id, client.caller.name, error)

    def _keep_house(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._housekeeping.add(task)
        task.add_done_callback(self._housekeeping.discard)
