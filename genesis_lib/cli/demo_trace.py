"""Follows calls through the monitoring events that their agents publish: hops, and the time spent between handlers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from genesis_lib.dds.port import Participant, Reader, Sample
from genesis_lib.errors import DecodeError
from genesis_lib.events import EventKind, EventType, MonitoringEvent
from genesis_lib.monitoring.wire import EVENT_TOPIC, decode_event

_PATIENCE_SECONDS = 1.0


@dataclass(slots=True)
class _Hop:
    """One call, nanoseconds at both of its ends: `caller` from sending to the answer, `handler` in the hook."""

    caller: int | None = None
    handler: int | None = None


@dataclass(slots=True)
class _Trace:
    hops: dict[str, _Hop] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return all(hop.caller is not None and hop.handler is not None for hop in self.hops.values())


@dataclass(frozen=True, slots=True)
class Journey:
    """A call and all calls it led to. `bus_seconds` is the time not spent in handlers; `connecting` says that agents opened
    a connection on the way, which is part of it."""

    hops: int
    bus_seconds: float
    connecting: bool

    def __str__(self) -> str:
        note = ", connecting included" if self.connecting else ""
        return f"{self.hops} hop{'s' * (self.hops != 1)}, {self.bus_seconds * 1000:.1f} ms on the bus{note}"


class JourneyWatcher:
    """Reads the monitoring topic. To be used for one call at a time."""

    def __init__(self, own_id: str) -> None:
        self._own_id = own_id
        self._changed = asyncio.Event()
        self.begin()

    async def open(self, participant: Participant) -> None:
        """Start to listen."""
        self._reader: Reader = await participant.create_reader(EVENT_TOPIC, self._on_samples)

    async def close(self) -> None:
        """Stop."""
        await self._reader.close()

    def begin(self) -> None:
        """The next call of one's own is the one to follow."""
        self._traces: dict[str, _Trace] = {}
        self._own_trace = ""
        self._connecting = False
        self._since_ns = time.time_ns()

    async def journey(self) -> Journey | None:
        """What became of the call that was made since `begin`; None when events were lost on the way."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while not (self._own_trace and self._traces[self._own_trace].complete):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return None
        trace = self._traces[self._own_trace]
        spent = sum((hop.caller or 0) - (hop.handler or 0) for hop in trace.hops.values())
        return Journey(len(trace.hops), spent / 1e9, self._connecting)

    def _on_samples(self, samples: Sequence[Sample]) -> None:
        for sample in samples:
            if sample.valid_data:
                try:
                    self._on_event(decode_event(sample.payload))
                except DecodeError:
                    continue
        self._changed.set()

    def _on_event(self, event: MonitoringEvent) -> None:
        if event.event_type == EventType.AGENT_CONNECTION_ESTABLISHED and event.time_ns >= self._since_ns:
            self._connecting = True
        if event.kind is not EventKind.CHAIN:
            return
        hop = self._traces.setdefault(event.trace_id, _Trace()).hops.setdefault(event.span_id, _Hop())
        own = event.component_id == self._own_id
        if event.event_type == EventType.AGENT_TO_AGENT_REQUEST and own and not event.parent_span_id:
            self._own_trace = event.trace_id
        if event.event_type == EventType.AGENT_TO_AGENT_RESPONSE:
            if event.payload.get("side") == "client":
                hop.caller = event.duration_ns
            else:
                hop.handler = event.duration_ns
