"""What is checked before a handler runs. A guard returns the error a request is refused with, or None."""

from __future__ import annotations

from collections.abc import Callable

from genesis_lib.errors import GenesisError, HopLimitExceeded, LoopDetected
from genesis_lib.messages import AgentRequest
from genesis_lib.rpc.caller_identity import Announcements, CallerIdentity

Guard = Callable[[AgentRequest, CallerIdentity], GenesisError | None]


def identity_guard(announcements: Announcements) -> Guard:
    """Refuse a request in the name of an agent that the caller's participant did not announce."""

    def check(request: AgentRequest, caller: CallerIdentity) -> GenesisError | None:
        return caller.refuse_false_claim(request, announcements)

    return check


def loop_guard(agent_id: str) -> Guard:
    """Refuse a request whose chain has been here already."""

    def check(request: AgentRequest, caller: CallerIdentity) -> GenesisError | None:
        if agent_id not in request.call_path:
            return None
        return LoopDetected(f"call loop: {' -> '.join((*request.call_path, agent_id))}", target=agent_id)

    return check


def hop_guard(agent_id: str, max_hops: int) -> Guard:
    """Refuse a request that comes through more than `max_hops` calls."""

    def check(request: AgentRequest, caller: CallerIdentity) -> GenesisError | None:
        if len(request.call_path) <= max_hops:
            return None
        path = " -> ".join((*request.call_path[:3], "...", *request.call_path[-2:], agent_id))
        return HopLimitExceeded(
            f"{len(request.call_path)} calls lead here, agent {agent_id} allows {max_hops} (setting max_hops): {path}",
            target=agent_id,
        )

    return check
