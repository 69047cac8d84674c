"""What a handler inherits from the call it serves, carried by a context variable into every call it makes."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from genesis_lib.tracing import TraceContext


@dataclass(frozen=True, slots=True)
class CallContext:
    """The call being served: `deadline` is on the event loop's clock, in seconds; None is no deadline."""

    request_id: str
    source_agent_id: str
    conversation_id: str
    call_path: tuple[str, ...]
    deadline: float | None
    trace: TraceContext


current_call: ContextVar[CallContext | None] = ContextVar("genesis_current_call", default=None)
