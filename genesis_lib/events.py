"""Monitoring events and component statuses, as they go on the monitoring topics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any


class EventKind(IntEnum):
    """Which stream of the monitoring topic an event belongs to."""

    CHAIN = 0
    LIFECYCLE = 1
    GENERAL = 2


class EventType(StrEnum):
    """What happened."""

    AGENT_TO_AGENT_REQUEST = "AGENT_TO_AGENT_REQUEST"
    AGENT_TO_AGENT_RESPONSE = "AGENT_TO_AGENT_RESPONSE"
    AGENT_CONNECTION_ESTABLISHED = "AGENT_CONNECTION_ESTABLISHED"
    AGENT_CONNECTION_LOST = "AGENT_CONNECTION_LOST"
    AGENT_CIRCUIT_OPENED = "AGENT_CIRCUIT_OPENED"
    AGENT_CIRCUIT_CLOSED = "AGENT_CIRCUIT_CLOSED"
    AGENT_REQUEST_REFUSED = "AGENT_REQUEST_REFUSED"
    ACCESS_POLICY_CHANGED = "ACCESS_POLICY_CHANGED"
    ACCESS_POLICY_REFUSED = "ACCESS_POLICY_REFUSED"
    AGENT_STARTED = "AGENT_STARTED"
    AGENT_STOPPED = "AGENT_STOPPED"


class Severity(IntEnum):
    """OpenTelemetry severity numbers, the first of each range (https://opentelemetry.io/docs/specs/otel/logs/data-model/)."""

    DEBUG = 5
    INFO = 9
    WARN = 13
    ERROR = 17


@dataclass(frozen=True, slots=True)
class MonitoringEvent:
    """One event. `time_ns` counts from the Unix epoch; ids of trace and spans are W3C trace context hex strings."""

    event_id: str
    kind: EventKind
    event_type: str
    time_ns: int
    component_id: str
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    source_id: str = ""
    target_id: str = ""
    status: int = 0
    duration_ns: int = 0
    severity: int = Severity.INFO
    message: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ComponentStatus:
    """The state of one component, durable: who joins late sees the newest of each."""

    component_id: str
    component_type: str
    name: str
    state: str
    host: str
    pid: int
