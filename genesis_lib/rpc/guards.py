"""What is checked before a handler runs. A guard returns the error a request is refused with, or None."""

from __future__ import annotations

from collections.abc import Callable

from genesis_lib.errors import GenesisError, LoopDetected
from genesis_lib.messages import AgentRequest

Guard = Callable[[AgentRequest], GenesisError | None]


def loop_guard(agent_id: str) -> Guard:
    """Refuse a request whose chain has been here already."""

    def check(request: AgentRequest) -> GenesisError | None:
        if agent_id not in request.call_path:
            return None
        return LoopDetected(f"call loop: {' -> '.join((*request.call_path, agent_id))}", target=agent_id)

    return check
