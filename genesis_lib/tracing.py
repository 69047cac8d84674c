"""W3C Trace Context (https://www.w3.org/TR/trace-context/), the part a library needs to carry it along."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_fast = random.Random(random.SystemRandom().getrandbits(128))
_NEVER_ZERO = 1 << 64 | 1  # the last bit of the trace id and that of the span id


@dataclass(frozen=True, slots=True)
class TraceContext:
    """One span's place in its trace: `trace_id` 32 hex digits, `span_id` 16, `flags` 2."""

    trace_id: str
    span_id: str
    parent_span_id: str = ""
    flags: str = "01"
    tracestate: str = ""

    @property
    def traceparent(self) -> str:
        """The header value."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"

    def child(self) -> TraceContext:
        """A new span below this one."""
        return TraceContext(self.trace_id, new_span_id(), self.span_id, self.flags, self.tracestate)


def new_span_id() -> str:
    """16 random hex digits, never all zero."""
    return f"{_fast.getrandbits(64) or 1:016x}"


def new_trace() -> TraceContext:
    """The root span of a new trace."""
    return TraceContext(f"{_fast.getrandbits(128) or 1:032x}", new_span_id())


def new_traceparent() -> str:
    """The header value of a new trace's root span."""
    digits = (_fast.getrandbits(192) | _NEVER_ZERO).to_bytes(24, "big").hex()
    return f"00-{digits[:32]}-{digits[32:]}-01"


def sibling_traceparent(traceparent: str) -> str:
    """The header value of a new span in the same trace: another attempt at the same call."""
    version, trace_id, _, flags = traceparent.split("-")
    return f"{version}-{trace_id}-{new_span_id()}-{flags}"


def parse_traceparent(traceparent: str, tracestate: str = "") -> TraceContext | None:
    """The context a traceparent names, or None when it is absent or malformed (the standard says: start anew)."""
    match = _TRACEPARENT.fullmatch(traceparent)
    if match is None or match[1] == "0" * 32 or match[2] == "0" * 16:
        return None
    return TraceContext(match[1], match[2], "", match[3], tracestate)
