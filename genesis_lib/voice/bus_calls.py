"""The calls that agents in a room make on the bus, as their monitoring events tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, Self

from genesis_lib.dds.port import Participant, Reader, Sample
from genesis_lib.errors import DecodeError
from genesis_lib.events import EventKind, EventType, MonitoringEvent
from genesis_lib.messages import AgentInfo
from genesis_lib.monitoring.wire import EVENT_TOPIC, decode_event

_MOST_UNDER_WAY = 1000


class OnBusCall(Protocol):
    """Called with a call that is over; `error` is "" when it was answered."""

    def __call__(
        self, caller_id: str, target: str, media_time: int, duration_seconds: float, *, error: str = ""
    ) -> None: ...


class BusCallFollower:
    """Follows calls from the request to the reply.

    Args:
        participant: on whose domain they are made.
        is_caller: whether the calls of the agent with this id are of interest.
        agents: agents by id, for the names of those that are called; the directory of an app keeps such a map.
        media_time: that of the room, now.
        on_call: called with each call that is over.
    """

    def __init__(
        self,
        participant: Participant,
        is_caller: Callable[[str], bool],
        agents: Mapping[str, AgentInfo],
        media_time: Callable[[], int],
        on_call: OnBusCall,
    ) -> None:
        self._participant = participant
        self._is_caller = is_caller
        self._agents = agents
        self._media_time = media_time
        self._on_call = on_call
        self._under_way: dict[str, int] = {}
        self._events: Reader | None = None

    async def open(self) -> Self:
        """Begin to follow.

        Raises:
            BusError: the DDS product refuses the reader.
        """
        self._events = await self._participant.create_reader(EVENT_TOPIC, self._on_events)
        return self

    async def close(self) -> None:
        """Follow no more."""
        if self._events is not None:
            await self._events.close()

    def _on_events(self, samples: Sequence[Sample]) -> None:
        for sample in samples:
            if sample.valid_data:
                try:
                    self._on_event(decode_event(sample.payload))
                except DecodeError:
                    continue

    def _on_event(self, event: MonitoringEvent) -> None:
        """Caller and callee both tell of a call, in the same span."""
        is_its_call = event.payload.get("side") == "client" and self._is_caller(event.component_id)
        if event.kind is not EventKind.CHAIN or not is_its_call:
            return
        if event.event_type == EventType.AGENT_TO_AGENT_REQUEST:
            if len(self._under_way) == _MOST_UNDER_WAY:
                del self._under_way[next(iter(self._under_way))]
            self._under_way[event.span_id] = self._media_time()
        elif event.event_type == EventType.AGENT_TO_AGENT_RESPONSE and event.span_id in self._under_way:
            target = self._agents.get(event.source_id)
            self._on_call(
                event.component_id,
                event.source_id if target is None else target.name,
                self._under_way.pop(event.span_id),
                event.duration_ns / 1e9,
                error=event.message or (f"status {event.status}" if event.status else ""),
            )
