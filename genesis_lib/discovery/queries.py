"""Questions to a snapshot of the directory. Pure functions: agents in, ids out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from hashlib import blake2b

from genesis_lib.messages import AgentInfo


def by_type(agents: Iterable[AgentInfo], agent_type: str) -> list[str]:
    """Ids of the agents of this type, "general" or "specialized"."""
    return [agent.agent_id for agent in agents if agent.agent_type == agent_type]


def by_capability(agents: Iterable[AgentInfo], capability: str) -> list[str]:
    """Ids of the agents that name this capability."""
    return [agent.agent_id for agent in agents if capability in agent.capabilities]


def by_specialization(agents: Iterable[AgentInfo], specialization: str) -> list[str]:
    """Ids of the agents that name this specialization."""
    return [agent.agent_id for agent in agents if specialization in agent.specializations]


def by_model_type(agents: Iterable[AgentInfo], model_type: str) -> list[str]:
    """Ids of the agents whose model_info has this value under "type", "model" or "model_type"."""
    return [
        agent.agent_id
        for agent in agents
        if model_type in (agent.model_info.get(key) for key in ("model_type", "type", "model"))
    ]


def by_performance_metric(
    agents: Iterable[AgentInfo], metric: str, minimum: float | None = None, maximum: float | None = None
) -> list[str]:
    """Ids of the agents that report this metric as a number within the limits, both inclusive."""

    def fits(value: object) -> bool:
        return (
            isinstance(value, (int, float))
            and not isinstance(value, bool)
            and (minimum is None or value >= minimum)
            and (maximum is None or value <= maximum)
        )

    return [agent.agent_id for agent in agents if fits(agent.performance_metrics.get(metric))]


def addressed_by(agents: Iterable[AgentInfo], target: str) -> Iterator[AgentInfo]:
    """The agents a name reaches: by agent name, base service name, or base service name and instance tag."""
    for agent in agents:
        base = agent.base_service_name
        if target in (agent.name, base) or (
            agent.service_instance_tag and target == f"{base}_{agent.service_instance_tag}"
        ):
            yield agent


def rendezvous(agents: Iterable[AgentInfo], key: str) -> AgentInfo | None:
    """The agent this key belongs to: the same for every caller that sees the same agents, and when one leaves only its
    own keys move (highest random weight, Thaler and Ravishankar 1998)."""
    return max(
        agents,
        key=lambda agent: blake2b(f"{key}\0{agent.agent_id}".encode("utf-8", "surrogatepass"), digest_size=8).digest(),
        default=None,
    )


def similar_names(agents: Iterable[AgentInfo], target: str) -> list[str]:
    """Names somebody who wrote `target` may have meant, the likeliest first."""
    return get_close_matches(target, {agent.name for agent in agents}, n=3)
