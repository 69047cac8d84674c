"""The live map of agents and functions, kept by samples and liveliness, and those who wait for it to change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Self

from genesis_lib.dds.port import InstanceState, Match, Participant, Reader, Sample
from genesis_lib.discovery.function_offers import MOST_FUNCTIONS, FunctionOffers
from genesis_lib.discovery.wire import (
    AGENT_TOPIC,
    FUNCTION_TOPIC,
    decode_agent,
    decode_agent_key,
    decode_function,
    decode_function_key,
)
from genesis_lib.errors import DecodeError
from genesis_lib.handle_each import handle_each
from genesis_lib.log_limit import LimitedWarnings
from genesis_lib.messages import AgentInfo, FunctionInfo
from genesis_lib.unwinding import on_failure

logger = logging.getLogger(__name__)
_warnings = LimitedWarnings(logger)

_REMEMBERED_DEPARTURES = 1024
_MOST_AGENTS = 256  # of one writer in all its life; an Advertiser has one for each agent


class Change(Enum):
    """What became of an agent."""

    ARRIVED = "arrived"
    UPDATED = "updated"
    RESTARTED = "restarted"
    LEFT = "left"
    CRASHED = "crashed"


OnChange = Callable[[Change, AgentInfo], None]


@dataclass(frozen=True, slots=True)
class _Known:
    info: AgentInfo
    publication: int


class Directory:
    """Agents and functions of the domain, this process's own included.

    One for each participant. `agents` maps agent id to AgentInfo, `departed` maps the ids of agents that were here to their
    last AgentInfo, the newest last. A writer that announces more than 256 agents or 1,024 functions is heard for as many.
    """

    def __init__(self, settle_seconds: float) -> None:
        self._settle_seconds = settle_seconds
        self._known: dict[str, _Known] = {}
        self._listeners: list[OnChange] = []
        self._waiters: set[asyncio.Future[None]] = set()
        self._readers: list[Reader] = []
        self._peers: dict[int, Match] = {}
        self._announcers: dict[str, set[int]] = {}
        self._announced_by: dict[int, set[str]] = {}
        self._offers = FunctionOffers()
        self._left_from: dict[str, bytes] = {}
        self.agents: dict[str, AgentInfo] = {}
        self.departed: dict[str, AgentInfo] = {}

    async def open(self, participant: Participant) -> Self:
        """Start to listen on both discovery topics."""
        self._loop = asyncio.get_running_loop()
        self.domain_id = participant.domain_id
        self._settled_at = self._loop.time() + self._settle_seconds
        async with on_failure(self.close):
            self._readers.append(
                await participant.create_reader(AGENT_TOPIC, self._on_agents, on_match=self._on_announcer)
            )
            self._readers.append(
                await participant.create_reader(
                    FUNCTION_TOPIC, self._on_functions, on_match=self._on_function_announcer
                )
            )
        return self

    async def close(self) -> None:
        """Stop listening."""
        await asyncio.gather(*(reader.close() for reader in self._readers))

    @property
    def functions(self) -> dict[tuple[str, str], FunctionInfo]:
        """Functions by (provider id, name), as far as a participant offers them that speaks for their provider."""
        return {
            (info.provider_id, info.name): info
            for publication, info in self._offers
            if self._participant_behind(publication) in self.announcers(info.provider_id)
        }

    def function(self, agent_id: str, name: str) -> FunctionInfo | None:
        """A function as the participant describes it that announced its agent last."""
        participant = self.participant_of(agent_id)
        for publication, info in self._offers.of((agent_id, name)).items():
            if participant and self._participant_behind(publication) == participant:
                return info
        return None

    @property
    def seconds_until_settled(self) -> float:
        """How long to look before an agent that was never seen counts as not there."""
        return max(0.0, self._settled_at - self._loop.time())

    def add_listener(self, listener: OnChange) -> None:
        """Call the listener with each change from now on."""
        self._listeners.append(listener)

    def remove_listener(self, listener: OnChange) -> None:
        """Stop calling it."""
        self._listeners.remove(listener)

    def participant_of(self, agent_id: str) -> bytes:
        """The key of the DDS participant that announced this agent last, b"" when it is not known."""
        known = self._known.get(agent_id)
        return self._participant_behind(known.publication) if known is not None else b""

    def announcers(self, agent_id: str) -> set[bytes]:
        """The keys of the DDS participants that speak for this agent: two while one process replaces another. One that leaves
        is among them for as long as its writer exists, since it finishes what it has begun; the last one stays."""
        publications = self._announcers.get(agent_id)
        if publications:
            return {self._participant_behind(publication) for publication in publications}
        return {self._left_from[agent_id]} if agent_id in self._left_from else set()

    async def wait_for(self, condition: Callable[[], bool], timeout_seconds: float) -> bool:
        """Wait until the condition holds, looking again after each change; False when it does not in time."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while not condition():
                    waiter = self._loop.create_future()
                    self._waiters.add(waiter)
                    try:
                        await waiter
                    finally:
                        self._waiters.discard(waiter)
        except TimeoutError:
            return condition()
        return True

    def _participant_behind(self, publication: int) -> bytes:
        match = self._peers.get(publication)
        if match is None:  # a sample may overtake its writer's match
            match = next(filter(None, (reader.lookup_publication(publication) for reader in self._readers)), None)
        return match.participant if match is not None else b""

    def _on_announcer(self, match: Match) -> None:
        if match.matched:
            self._peers[match.handle] = match
            return
        self._peers.pop(match.handle, None)
        for agent_id in self._announced_by.pop(match.handle, set()):
            self._forget_announcer(agent_id, match.handle)
        # An instance that a predecessor under the same id has disposed tells nothing of its writer's end.
        for known in [known for known in self._known.values() if known.publication == match.handle]:
            self._remove(known, Change.CRASHED)
        self._wake()

    def _on_function_announcer(self, match: Match) -> None:
        if match.matched:
            self._peers[match.handle] = match
            return
        self._peers.pop(match.handle, None)
        self._offers.remove_all_of(match.handle)
        self._wake()

    def _on_agents(self, samples: Sequence[Sample]) -> None:
        handle_each(samples, self._on_agent)
        self._wake()

    def _on_agent(self, sample: Sample) -> None:
        try:
            if sample.valid_data and sample.state is InstanceState.ALIVE:
                self._arrive(decode_agent(sample.payload), sample.publication)
            elif sample.valid_data:
                self._depart(decode_agent(sample.payload).agent_id, sample)
            else:
                self._depart(decode_agent_key(sample.payload), sample)
        except DecodeError as error:
            self._refuse(sample.publication, "an agent", error)

    def _on_functions(self, samples: Sequence[Sample]) -> None:
        handle_each(samples, self._on_function)
        self._wake()

    def _on_function(self, sample: Sample) -> None:
        try:
            if not sample.valid_data:
                self._withdraw_function(decode_function_key(sample.payload), sample)
            elif sample.state is InstanceState.ALIVE:
                self._take_function(decode_function(sample.payload), sample.publication)
        except DecodeError as error:
            self._refuse(sample.publication, "a function", error)

    def _take_function(self, info: FunctionInfo, publication: int) -> None:
        if not self._offers.add(publication, info):
            self._refuse(
                publication,
                "a function",
                f"function {info.name!r} of agent {info.provider_id!r}: there are {MOST_FUNCTIONS} of its writer",
            )

    def _withdraw_function(self, key: tuple[str, str], sample: Sample) -> None:
        if sample.state is InstanceState.NO_WRITERS:
            self._offers.remove_everywhere(key)
        else:
            self._offers.remove(sample.publication, key)

    def _forget_announcer(self, agent_id: str, publication: int) -> None:
        handles = self._announcers.get(agent_id, set())
        handles.discard(publication)
        if not handles:
            self._announcers.pop(agent_id, None)

    def _arrive(self, info: AgentInfo, publication: int) -> None:
        announced = self._announced_by.setdefault(publication, set())
        if info.agent_id not in announced and len(announced) >= _MOST_AGENTS:
            self._refuse(
                publication,
                "an agent",
                f"agent {info.agent_id!r} named {info.name!r}: there are {_MOST_AGENTS} of its writer",
            )
            return
        announced.add(info.agent_id)
        self._announcers.setdefault(info.agent_id, set()).add(publication)
        before = self._known.get(info.agent_id)
        self._known[info.agent_id] = _Known(info, publication)
        self.agents[info.agent_id] = info
        self.departed.pop(info.agent_id, None)
        self._left_from.pop(info.agent_id, None)
        if before is None:
            self._report(Change.ARRIVED, info)
        elif before.publication == publication:
            self._report(Change.UPDATED, info)
        else:
            if (before.info.host, before.info.pid) != (info.host, info.pid):
                logger.info(
                    "agent %s (%s) is announced by process %d on %s now, before by %d on %s",
                    info.name,
                    info.agent_id,
                    info.pid,
                    info.host,
                    before.info.pid,
                    before.info.host,
                )
            self._report(Change.RESTARTED, info)

    def _depart(self, agent_id: str, sample: Sample) -> None:
        if sample.state is InstanceState.NO_WRITERS:
            self._announcers.pop(agent_id, None)
        known = self._known.get(agent_id)
        if known is None:
            return
        if sample.state is InstanceState.DISPOSED and sample.publication != known.publication:
            return  # its predecessor under the same id leaves
        self._remove(known, Change.LEFT if sample.state is InstanceState.DISPOSED else Change.CRASHED)

    def _remove(self, known: _Known, change: Change) -> None:
        agent_id = known.info.agent_id
        del self._known[agent_id], self.agents[agent_id]
        self.departed[agent_id] = known.info
        if change is Change.LEFT:
            self._left_from[agent_id] = self._participant_behind(known.publication)
        if len(self.departed) > _REMEMBERED_DEPARTURES:
            forgotten = next(iter(self.departed))
            del self.departed[forgotten]
            self._left_from.pop(forgotten, None)
        self._report(change, known.info)

    def _report(self, change: Change, info: AgentInfo) -> None:
        for listener in list(self._listeners):
            listener(change, info)

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _refuse(self, publication: int, what: str, why: object) -> None:
        who = self._participant_behind(publication).hex() or "unknown"
        _warnings.warn(who, "refused the announcement of %s from participant %s: %s", what, who, why)
