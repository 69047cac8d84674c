"""From what an application calls an agent, an id or a name, to the one agent to call."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection

from genesis_lib.discovery.directory import Directory
from genesis_lib.discovery.queries import addressed_by, rendezvous, similar_names
from genesis_lib.errors import AgentNotFound, AgentUnavailable, InvalidRequest, LoopDetected, NotAuthorised
from genesis_lib.messages import AgentInfo


class Resolver:
    """Resolves targets for one caller. `agents_only` leaves out agents that serve interfaces only."""

    def __init__(self, directory: Directory, own_id: str, *, agents_only: bool) -> None:
        self._directory = directory
        self._own_id = own_id
        self._agents_only = agents_only

    def visible(self) -> list[AgentInfo]:
        """The agents this caller can call, itself left out."""
        return [agent for agent in self._directory.agents.values() if self.can_call(agent)]

    def can_call(self, agent: AgentInfo) -> bool:
        """Is it another one, and one that serves this kind of caller?"""
        return agent.agent_id != self._own_id and (agent.agent_communication or not self._agents_only)

    def find(self, target: str, conversation_id: str = "", avoid: Collection[str] = ()) -> AgentInfo | None:
        """The agent with this id; else one of those with this name: by the conversation id always the same one of the
        live ones, without a conversation any. Those whose ids are to be avoided only when there is no other."""
        if not isinstance(target, str):
            raise InvalidRequest(f"a target is the id or name of an agent, this is {type(target).__name__}")
        agent = self._directory.agents.get(target)
        if agent is not None and (agent.agent_communication or not self._agents_only):
            return agent
        named = list(addressed_by(self.visible(), target))
        if avoid:
            named = [agent for agent in named if agent.agent_id not in avoid] or named
        if conversation_id:
            return rendezvous(named, conversation_id)
        return random.choice(named) if named else None

    async def wait_for(self, condition: Callable[[], bool], timeout_seconds: float) -> bool:
        """Wait until the condition holds, looking again after each announcement; False when it does not in time."""
        return await self._directory.wait_for(condition, timeout_seconds)

    async def resolve(self, target: str, conversation_id: str, deadline: float, *, wait: bool = False) -> AgentInfo:
        """The agent to call.

        One that was never seen is waited for until discovery has settled, with `wait` until the deadline (event loop's
        clock).

        Raises:
            AgentNotFound: never seen.
            AgentUnavailable: it was here and left.
        """
        found = self.find(target, conversation_id)
        if found is not None:
            return found
        loop = asyncio.get_running_loop()
        started = loop.time()
        left = self._departed(target)
        patience = deadline - started
        if not wait:
            patience = 0.0 if left is not None else min(patience, self._directory.seconds_until_settled)
        if patience > 0:
            await self._directory.wait_for(lambda: self.find(target, conversation_id) is not None, patience)
            found = self.find(target, conversation_id)
            if found is not None:
                return found
        elapsed = loop.time() - started
        left = left or self._departed(target)
        if left is not None:
            raise AgentUnavailable(
                f"{left.name} ({left.agent_id}) is gone; wait=True waits for its return",
                target=target,
                elapsed_seconds=elapsed,
            )
        if any(addressed_by(self._own_card(), target)):
            raise LoopDetected(
                f"call loop: {target!r} is the caller itself, and no other agent has this name", target=target
            )
        for agent in self._directory.agents.values():
            if target == agent.agent_id or any(addressed_by([agent], target)):
                raise NotAuthorised(
                    f"{agent.name} ({agent.agent_id}) serves interfaces only (enable_agent_communication is off)",
                    target=target,
                )
        meant = similar_names(self.visible(), target)
        hint = f" Did you mean {meant[0]!r}?" if meant else ""
        raise AgentNotFound(
            f"no agent called {target!r} has been seen on domain {self._directory.domain_id}.{hint}"
            " 'genesis agents' lists all, 'genesis doctor' says why some are missing.",
            target=target,
            elapsed_seconds=elapsed,
        )

    def _departed(self, target: str) -> AgentInfo | None:
        departed = self._directory.departed
        return departed.get(target) or next(addressed_by(reversed(departed.values()), target), None)

    def _own_card(self) -> list[AgentInfo]:
        own = self._directory.agents.get(self._own_id)
        return [own] if own is not None else []
