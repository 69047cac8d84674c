"""Flow control and joining of streamed replies.

A Replier may be `CREDIT_WINDOW` parts ahead of its caller. The caller grants the next `CREDIT_BATCH` each time it has
consumed as many. Backpressure by the reader's resource limits is no choice: one full reader holds up every other
reader of its process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from genesis_lib.messages import AgentReply, Final

CREDIT_BATCH = 32
CREDIT_WINDOW = 2 * CREDIT_BATCH


def join_parts(parts: Sequence[AgentReply], last: AgentReply) -> AgentReply:
    """One reply from the parts of a stream, for a caller that did not ask for parts: text and attachments in order,
    metadata merged, status and the rest from the last part."""
    every = [*parts, last] if last.final is Final.LAST or not parts else list(parts)
    metadata: dict[str, Any] = {}
    for part in every:
        metadata.update(part.metadata)
    return replace(
        every[-1],
        message="".join(part.message for part in every),
        metadata=metadata,
        attachments=tuple(attachment for part in every for attachment in part.attachments),
        final=Final.LAST,
    )
