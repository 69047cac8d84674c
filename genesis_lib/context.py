"""What a handler inherits from the call it serves, carried by a context variable into every call it makes."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass

from genesis_lib.messages import AgentRequest
from genesis_lib.tracing import TraceContext, new_trace, parse_traceparent


@dataclass(slots=True)
class CallContext:
    """The call being served: `deadline` is on the event loop's clock, in seconds; None is no deadline."""

    request: AgentRequest
    deadline: float | None
    loop: asyncio.AbstractEventLoop

    def end(self) -> None:
        """The call was answered. What its handler left running goes on without its deadline, in its chain and trace."""
        self.deadline = None

    def seconds_left(self) -> float | None:
        """Time until the deadline, None without one."""
        return None if self.deadline is None else self.deadline - self.loop.time()

    @property
    def call_path(self) -> tuple[str, ...]:
        """Ids of the agents in the chain so far, without the one that serves the call."""
        return self.request.call_path

    @property
    def trace(self) -> TraceContext:
        """The span of the call; of a new trace when the caller sent none that is valid."""
        trace = parse_traceparent(self.request.traceparent, self.request.tracestate)
        if trace is None:
            trace = new_trace()
            self.request.traceparent, self.request.tracestate = trace.traceparent, ""
        return trace


current_call: ContextVar[CallContext | None] = ContextVar("genesis_current_call", default=None)
