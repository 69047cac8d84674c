"""MonitoringEvent and ComponentStatus to CDR and back."""

from __future__ import annotations

import json

from genesis_lib.dds.cdr import codec
from genesis_lib.dds.port import TopicSpec
from genesis_lib.errors import DecodeError, clean_text
from genesis_lib.events import ComponentStatus, EventKind, MonitoringEvent

EVENT_TOPIC = TopicSpec("MonitoringEvent", "MonitoringEvent", "Events")
STATUS_TOPIC = TopicSpec("ComponentStatus", "ComponentStatus", "Status")

_MESSAGE_BYTES = 1024
_PAYLOAD_BYTES = 4096

_event = codec("MonitoringEvent")
_status = codec("ComponentStatus")


def encode_event(event: MonitoringEvent) -> bytes:
    """Serialize an event. A message over its bound is cut, a payload over its bound is left out: monitoring never fails."""
    payload = (
        json.dumps(dict(event.payload), ensure_ascii=True, separators=(",", ":"), default=str) if event.payload else ""
    )
    return _event.encode(
        event.event_id,
        event.kind,
        event.event_type,
        event.time_ns,
        event.trace_id,
        event.span_id,
        event.parent_span_id,
        event.component_id,
        event.source_id,
        event.target_id,
        event.status,
        event.duration_ns,
        event.severity,
        clean_text(event.message, _MESSAGE_BYTES),
        payload if len(payload) <= _PAYLOAD_BYTES else '{"truncated":true}',
    )


def decode_event(data: bytes) -> MonitoringEvent:
    """Deserialize an event.

    Raises:
        DecodeError: the bytes are no event.
    """
    (
        event_id,
        kind,
        event_type,
        time_ns,
        trace_id,
        span_id,
        parent_span_id,
        component_id,
        source_id,
        target_id,
        status,
        duration_ns,
        severity,
        message,
        payload,
    ) = _event.decode(data)
    try:
        parsed = json.loads(payload) if payload else {}
        if not isinstance(parsed, dict):
            raise DecodeError("MonitoringEvent.payload is not a JSON object")
        return MonitoringEvent(
            event_id,
            EventKind(kind),
            event_type,
            time_ns,
            component_id,
            trace_id,
            span_id,
            parent_span_id,
            source_id,
            target_id,
            status,
            duration_ns,
            severity,
            message,
            parsed,
        )
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"MonitoringEvent: {error}") from error


def encode_status(status: ComponentStatus) -> bytes:
    """Serialize a component's status."""
    return _status.encode(
        status.component_id, status.component_type, status.name, status.state, status.host, status.pid
    )


def decode_status(data: bytes) -> ComponentStatus:
    """Deserialize a component's status; raises DecodeError."""
    return ComponentStatus(*_status.decode(data))


def encode_status_key(component_id: str) -> bytes:
    """The key of a component's instance."""
    return _status.encode_key(component_id)
