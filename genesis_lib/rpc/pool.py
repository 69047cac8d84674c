"""Requesters, one for each agent: opened on first use, closed when idle, dropped when the agent is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from genesis_lib.dds.port import Participant
from genesis_lib.errors import AgentLost
from genesis_lib.messages import AgentInfo
from genesis_lib.rpc.requester import Requester


class RequesterPool:
    """Requesters by agent id."""

    def __init__(
        self,
        participant: Participant,
        *,
        max_message_bytes: int,
        idle_seconds: float,
        on_connected: Callable[[AgentInfo], None] = lambda info: None,
    ) -> None:
        self._participant = participant
        self._on_connected = on_connected
        self._max_message_bytes = max_message_bytes
        self._idle_seconds = idle_seconds
        self._loop = asyncio.get_running_loop()
        self._opening: dict[str, asyncio.Task[Requester]] = {}
        self._housekeeping: set[asyncio.Task[None]] = set()
        self._idle_timer: asyncio.TimerHandle | None = None
        self.requesters: dict[str, Requester] = {}

    async def get(self, info: AgentInfo) -> Requester:
        """The Requester for this agent, open though perhaps not matched yet."""
        requester = self.requesters.get(info.agent_id)
        if requester is not None:
            if not requester.lost and requester.info.service_name == info.service_name:
                return requester
            self.drop(info.agent_id, f"the connection to {info.name} was replaced")
        opening = self._opening.get(info.agent_id)
        if opening is None:
            opening = self._opening[info.agent_id] = asyncio.create_task(self._open(info))
        return await asyncio.shield(opening)

    def drop(self, agent_id: str, reason: str) -> None:
        """Fail the calls in flight to this agent and close its Requester in the background."""
        requester = self.requesters.pop(agent_id, None)
        if requester is not None:
            requester.fail(AgentLost(reason, target=agent_id))
            self._close_later(requester)

    async def close(self) -> None:
        """Close every Requester."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        await asyncio.gather(*self._opening.values(), return_exceptions=True)
        requesters, self.requesters = self.requesters, {}
        await asyncio.gather(*self._housekeeping, *(requester.close() for requester in requesters.values()))

    async def _open(self, info: AgentInfo) -> Requester:
        try:
            requester = await Requester(
                self._participant, info, max_message_bytes=self._max_message_bytes, on_connected=self._on_connected
            ).open()
            self.requesters[info.agent_id] = requester
            self._watch_idle()
            return requester
        finally:
            del self._opening[info.agent_id]

    def _watch_idle(self) -> None:
        if self._idle_timer is None and self.requesters:
            oldest = min(requester.last_used for requester in self.requesters.values())
            self._idle_timer = self._loop.call_at(
                max(oldest + self._idle_seconds, self._loop.time() + self._idle_seconds / 10), self._close_idle
            )

    def _close_idle(self) -> None:
        self._idle_timer = None
        expired = self._loop.time() - self._idle_seconds
        for agent_id, requester in list(self.requesters.items()):
            if requester.last_used <= expired and not requester.in_flight:
                del self.requesters[agent_id]
                self._close_later(requester)
        self._watch_idle()

    def _close_later(self, requester: Requester) -> None:
        task = asyncio.create_task(requester.close())
        self._housekeeping.add(task)
        task.add_done_callback(self._housekeeping.discard)
