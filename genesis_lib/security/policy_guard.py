"""The guard that asks the access policy."""

from __future__ import annotations

from collections.abc import Callable

from genesis_lib.errors import GenesisError, NotAuthorised
from genesis_lib.messages import AgentInfo, AgentRequest
from genesis_lib.rpc.caller_identity import CallerIdentity
from genesis_lib.rpc.guards import Guard
from genesis_lib.security.policy_source import PolicySource


def policy_guard(source: PolicySource, target: Callable[[], AgentInfo]) -> Guard:
    """Refuse what the policy does not allow.

    Args:
        source: has the policy in force.
        target: gives what the agent that is called announces of itself.
    """

    def check(request: AgentRequest, caller: CallerIdentity) -> GenesisError | None:
        policy = source.policy
        if policy is None:
            return None
        agent, caller_id = target(), caller.agent_id if caller.confirmed else ""
        decision = policy.decide(caller_id, agent, request.method)
        if decision.allowed:
            return None
        who = f"agent {caller_id}" if caller_id else f"participant {caller.name}, which announced no agent,"
        what = f"function {request.method} of {agent.name}" if request.method else agent.name
        return NotAuthorised(
            f"{who} may not call {what} ({agent.agent_id}): denied by {decision} of its access policy",
            target=agent.agent_id,
        )

    return check
