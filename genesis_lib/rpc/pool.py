"""Requesters, one for each agent: opened on first use, closed when idle, dropped when the agent is gone."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine

from genesis_lib.dds.port import Participant
from genesis_lib.errors import AgentLost, ConfigError
from genesis_lib.messages import AgentInfo
from genesis_lib.rpc.requester import Requester


class RequesterPool:
    """Requesters by agent id.

    Args:
        participant: where their endpoints are made.
        source_agent_id: the agent that calls, "" for an interface.
        participant_of: tells the key of the participant that announced an agent.
        max_message_bytes, lease_seconds, on_connected: see `Requester`.
        idle_seconds: a Requester that was not used for as long is closed.
    """

    def __init__(
        self,
        participant: Participant,
        source_agent_id: str,
        participant_of: Callable[[str], bytes],
        *,
        max_message_bytes: int,
        lease_seconds: float,
        idle_seconds: float,
        on_connected: Callable[[AgentInfo], None] = lambda info: None,
    ) -> None:
        self._participant = participant
        self._source_agent_id = source_agent_id
        self._participant_of = participant_of
        self._on_connected = on_connected
        self._max_message_bytes = max_message_bytes
        self._lease_seconds = lease_seconds
        self._idle_seconds = idle_seconds
        self._loop = asyncio.get_running_loop()
        self._opening: dict[str, asyncio.Task[Requester]] = {}
        self._wanted: Counter[str] = Counter()
        self._housekeeping: set[asyncio.Task[None]] = set()
        self._retired: set[Requester] = set()
        self._idle_timer: asyncio.TimerHandle | None = None
        self._closed = False
        self.requesters: dict[str, Requester] = {}

    async def get(self, info: AgentInfo) -> Requester:
        """The Requester for this agent, open though perhaps not matched yet.

        Raises:
            ConfigError: the caller has left the bus.
        """
        if self._closed:
            raise ConfigError("the caller of this request has left the bus meanwhile", target=info.agent_id)
        requester = self.requesters.get(info.agent_id)
        if requester is not None:
            if not requester.lost and requester.info.service_name == info.service_name:
                return requester
            self.retire(info.agent_id)
        opening = self._opening.get(info.agent_id)
        if opening is None:
            opening = self._opening[info.agent_id] = asyncio.create_task(self._open(info))
        self._wanted[info.agent_id] += 1  # it must not count as idle before who waits for it comes to use it
        try:
            return await asyncio.shield(opening)
        finally:
            self._wanted -= Counter((info.agent_id,))

    def drop(self, agent_id: str, reason: str) -> None:
        """Fail the calls in flight to this agent and close its Requester in the background."""
        requester = self.requesters.pop(agent_id, None)
        if requester is not None:
            requester.fail(AgentLost(reason, target=agent_id))
            self._keep_house(requester.close())

    def retire(self, agent_id: str) -> None:
        """Use this agent's Requester no more; it is closed when its calls in flight are answered or their agent is gone."""
        requester = self.requesters.pop(agent_id, None)
        if requester is not None:
            self._retired.add(requester)
            self._keep_house(self._close_when_idle(requester))

    async def close(self) -> None:
        """Close every Requester, and open no more."""
        self._closed = True
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        await asyncio.gather(*self._opening.values(), return_exceptions=True)
        requesters, self.requesters = [*self.requesters.values(), *self._retired], {}
        await asyncio.gather(*(requester.close() for requester in requesters))
        await asyncio.gather(*self._housekeeping)

    async def _open(self, info: AgentInfo) -> Requester:
        try:
            requester = await Requester(
                self._participant,
                info,
                source_agent_id=self._source_agent_id,
                peer=self._participant_of(info.agent_id),
                max_message_bytes=self._max_message_bytes,
                lease_seconds=self._lease_seconds,
                on_connected=self._on_connected,
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
            if requester.last_used <= expired and not requester.in_flight and not self._wanted[agent_id]:
                del self.requesters[agent_id]
                self._keep_house(requester.close())
        self._watch_idle()

    async def _close_when_idle(self, requester: Requester) -> None:
        await requester.idle()
        await requester.close()
        self._retired.discard(requester)

    def _keep_house(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._housekeeping.add(task)
        task.add_done_callback(self._housekeeping.discard)
