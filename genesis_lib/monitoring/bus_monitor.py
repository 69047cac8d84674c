"""Monitoring switched on: every request, reply, connection and lifecycle step becomes an event on the bus.

An exporter, a page or a tool subscribes to the MonitoringEvent topic; nothing else of a component has to change for it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from genesis_lib.context import current_call
from genesis_lib.dds.port import Participant
from genesis_lib.errors import GenesisError, Status
from genesis_lib.events import ComponentStatus, EventKind, EventType, MonitoringEvent, Severity
from genesis_lib.messages import AgentInfo, AgentReply, AgentRequest
from genesis_lib.monitoring.monitor import Monitor
from genesis_lib.monitoring.publisher import EventPublisher
from genesis_lib.rpc.caller_identity import CallerIdentity
from genesis_lib.rpc.circuit_breaker import CircuitState
from genesis_lib.rpc.client import Call
from genesis_lib.rpc.replier import Handler, Send
from genesis_lib.rpc.requester import OnPart
from genesis_lib.security.policy import AccessPolicy
from genesis_lib.tracing import TraceContext, new_span_id, new_trace, parse_traceparent


class _Hop(NamedTuple):
    """One call as one of its two ends sees it."""

    span: TraceContext
    side: Literal["client", "server"]
    caller: str
    callee: str


class BusMonitor(Monitor):
    """Events of one component."""

    def __init__(self, component_id: str, component_type: str, name: str) -> None:
        self._component_id = component_id
        self._component_type = component_type
        self._name = name
        self._publisher = EventPublisher()
        self.client_middleware = (self._observe_call,)
        self.server_middleware = (self._observe_service,)

    async def open(self, participant: Participant) -> None:
        await self._publisher.open(participant)
        self._report_state("starting")

    def ready(self) -> None:
        self._report_state("ready")
        self._lifecycle(EventType.AGENT_STARTED, f"{self._name} is ready")

    def connection_established(self, info: AgentInfo) -> None:
        self._connection(EventType.AGENT_CONNECTION_ESTABLISHED, info, "matched", Severity.INFO)

    def connection_lost(self, info: AgentInfo, reason: str) -> None:
        self._connection(EventType.AGENT_CONNECTION_LOST, info, reason, Severity.WARN)

    def circuit_changed(self, info: AgentInfo, state: CircuitState) -> None:
        if state is CircuitState.OPEN:
            self._connection(EventType.AGENT_CIRCUIT_OPENED, info, "the circuit opened", Severity.WARN)
        else:
            self._connection(EventType.AGENT_CIRCUIT_CLOSED, info, "the circuit closed", Severity.INFO)

    def request_refused(
        self, request: AgentRequest, caller: CallerIdentity, error: GenesisError, suppressed: int
    ) -> None:
        kind = type(error).__name__
        trace = parse_traceparent(request.traceparent, request.tracestate) or new_trace()
        self._publish(
            EventKind.GENERAL,
            EventType.AGENT_REQUEST_REFUSED,
            trace_id=trace.trace_id,
            span_id=trace.span_id,
            source_id=caller.name,
            target_id=self._component_id,
            status=error.status,
            severity=Severity.WARN,
            message=f"{kind}: {error}",
            payload={"error": kind, "method": request.method, "not_reported_before": suppressed},
        )

    def policy_changed(self, policy: AccessPolicy) -> None:
        self._publish(EventKind.GENERAL, EventType.ACCESS_POLICY_CHANGED, message=f"{self._name}: {policy}")

    def policy_refused(self, policy: AccessPolicy, error: GenesisError) -> None:
        self._publish(
            EventKind.GENERAL,
            EventType.ACCESS_POLICY_REFUSED,
            status=error.status,
            severity=Severity.WARN,
            message=f"{self._name} keeps the policy it has ({policy}): {error}",
        )

    async def close(self) -> None:
        self._lifecycle(EventType.AGENT_STOPPED, f"{self._name} leaves")
        self._publisher.withdraw(self._component_id)
        await self._publisher.close()

    async def _observe_call(
        self, call: Call, info: AgentInfo, request: AgentRequest, deadline: float, on_part: OnPart | None
    ) -> AgentReply:
        hop = _Hop(_client_span(request), "client", self._component_id, info.agent_id)
        return await self._observe(hop, call(info, request, deadline, on_part))

    async def _observe_service(self, handler: Handler, request: AgentRequest, send: Send) -> AgentReply:
        hop = _Hop(_server_span(), "server", request.source_agent_id, self._component_id)
        return await self._observe(hop, handler(request, send))

    async def _observe(self, hop: _Hop, work: Awaitable[AgentReply]) -> AgentReply:
        self._chain(EventType.AGENT_TO_AGENT_REQUEST, hop, hop.caller, hop.callee)
        started = time.perf_counter_ns()
        status, message = 0, ""
        try:
            reply = await work
            status = reply.status
            return reply
        except GenesisError as error:
            status, message = error.status, f"{type(error).__name__}: {error}"
            raise
        except asyncio.CancelledError:
            status, message = Status.CANCELLED, "cancelled"
            raise
        finally:
            self._chain(
                EventType.AGENT_TO_AGENT_RESPONSE,
                hop,
                hop.callee,
                hop.caller,
                status=status,
                duration_ns=time.perf_counter_ns() - started,
                message=message,
            )

    def _chain(
        self,
        event_type: EventType,
        hop: _Hop,
        source_id: str,
        target_id: str,
        *,
        status: int = 0,
        duration_ns: int = 0,
        message: str = "",
    ) -> None:
        self._publish(
            EventKind.CHAIN,
            event_type,
            trace_id=hop.span.trace_id,
            span_id=hop.span.span_id,
            parent_span_id=hop.span.parent_span_id,
            source_id=source_id,
            target_id=target_id,
            status=status,
            duration_ns=duration_ns,
            severity=Severity.ERROR if status else Severity.INFO,
            message=message,
            payload={"side": hop.side},
        )

    def _lifecycle(self, event_type: EventType, message: str) -> None:
        self._publish(EventKind.LIFECYCLE, event_type, message=message)

    def _connection(self, event_type: EventType, info: AgentInfo, reason: str, severity: Severity) -> None:
        self._publish(
            EventKind.GENERAL,
            event_type,
            source_id=self._component_id,
            target_id=info.agent_id,
            severity=severity,
            message=f"{self._name} and {info.name}: {reason}",
        )

    def _publish(self, kind: EventKind, event_type: EventType, **members: Any) -> None:
        self._publisher.event(
            MonitoringEvent(new_span_id(), kind, event_type, time.time_ns(), self._component_id, **members)
        )

    def _report_state(self, state: str) -> None:
        self._publisher.status(
            ComponentStatus(
                self._component_id, self._component_type, self._name, state, socket.gethostname(), os.getpid()
            )
        )


def _client_span(request: AgentRequest) -> TraceContext:
    """The span of a call. Caller and callee report the same one: a hop is joined by its span id, not by guessing."""
    span = parse_traceparent(request.traceparent, request.tracestate) or new_trace()
    context = current_call.get()
    return replace(span, parent_span_id=context.trace.span_id) if context is not None else span


def _server_span() -> TraceContext:
    context = current_call.get()
    return context.trace if context is not None else new_trace()
