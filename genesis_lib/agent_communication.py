"""AgentCommunicationMixin: the calls of agents and interfaces. A facade; the work is done in `caller` and `discovery`."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from genesis_lib.caller import AgentCallback, build_request
from genesis_lib.conversation import AgentConversation
from genesis_lib.discovery import queries
from genesis_lib.discovery.directory import Change
from genesis_lib.errors import GenesisError
from genesis_lib.messages import AgentInfo, Attachment, FunctionInfo
from genesis_lib.rpc.circuit_breaker import CircuitState

if TYPE_CHECKING:
    from genesis_lib.app import GenesisApp
    from genesis_lib.caller import Caller
    from genesis_lib.rpc.requester import Requester

logger = logging.getLogger(__name__)


class AgentCommunicationMixin:
    """Finding and calling agents.

    A target is an agent id, an agent name or a base service name. By id exactly that agent is called, by name one of the
    live ones: with a conversation id always the same one. Timeouts are seconds; a call made inside a hook never outlives
    the request the hook serves.
    """

    app: GenesisApp
    _caller: Caller | None
    _callbacks: list[tuple[frozenset[Change], AgentCallback]]

    def _calling(self) -> Caller:
        """The calling half. Raises ConfigError when it is not open or not enabled."""
        raise NotImplementedError

    # State

    @property
    def discovered_agents(self) -> dict[str, AgentInfo]:
        """The agents that can be called now, by id, this one left out."""
        return {agent.agent_id: agent for agent in self._calling().resolver.visible()}

    @property
    def discovered_functions(self) -> dict[tuple[str, str], FunctionInfo]:
        """The functions on offer, by provider id and name."""
        return dict(self._calling().directory.functions)

    @property
    def agent_connections(self) -> dict[str, Requester]:
        """The open connections, by agent id."""
        return dict(self._calling().pool.requesters)

    @property
    def circuit_states(self) -> dict[str, CircuitState]:
        """The circuit breaker's state by agent id, of every agent that failed since it last answered."""
        return self._calling().breakers.states

    def add_discovery_callback(self, callback: AgentCallback) -> None:
        """Call with the AgentInfo of each agent that arrives, those included that are there already."""
        self._callbacks.append((frozenset({Change.ARRIVED}), callback))
        if self._caller is not None:
            self._caller.replay_arrivals(callback)

    def add_departure_callback(self, callback: AgentCallback) -> None:
        """Call with the AgentInfo of each agent that leaves or crashes."""
        self._callbacks.append((frozenset({Change.LEFT, Change.CRASHED}), callback))

    # Calls

    async def connect_to_agent(self, target_agent_id: str, timeout_seconds: float = 5.0) -> bool:
        """Open the connection ahead of the first request. False when there is no such agent or no match in time.

        Raises:
            InvalidRequest: the timeout is no number from 0 to a year.
        """
        return await self._calling().connect(target_agent_id, timeout_seconds)

    async def wait_for_agent(self, name_or_id: str, timeout_seconds: float = 30.0) -> bool:
        """Wait until the agent is there. False when it does not come in time. Raises as `connect_to_agent`."""
        return await self._calling().wait_for_agent(name_or_id, timeout_seconds)

    async def request_agent(
        self,
        target: str,
        message: str,
        conversation_id: str | None = None,
        timeout_seconds: float | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        attachments: Iterable[Attachment] = (),
        idempotent: bool = False,
        wait: bool = False,
    ) -> dict[str, Any]:
        """Send a request and return the reply.

        Args:
            target: agent id, agent name or base service name.
            message: the request in natural language.
            conversation_id: the conversation it belongs to; both ends see it.
            timeout_seconds: deadline, waiting for the agent included; `request_timeout_seconds` of the settings by default.
            metadata: a JSON object that travels along.
            attachments: bytes that travel along.
            idempotent: running it twice does no harm: it is sent again when its agent is lost in the middle of it.
            wait: wait for the agent until the deadline when it is not there.

        A request that cannot have run (no connection, agent shutting down, Overloaded, RateLimited) is sent again, with
        backoff and not before the agent allows it, `retry_attempts` times in all at most; with a name as target
        perhaps to another agent of that name.

        Returns:
            dict with message (str), status (int, 0 is success; others are the agent's own), conversation_id (str),
            metadata (dict), attachments (list of Attachment) and agent_id (str, who answered).

        Raises:
            AgentNotFound, AgentUnavailable: nothing was executed.
            AgentLost, RequestTimeout: it may have been executed.
            RemoteAgentError: the hook raised or returned the wrong shape.
            GenesisError: whatever else the agent refused it with.
        """
        request = build_request(message, conversation_id, metadata, attachments, idempotent=idempotent)
        return (await self._calling().request(target, request, timeout_seconds, wait=wait)).as_dict()

    async def send_agent_request(
        self,
        target_agent_id: str,
        message: str,
        conversation_id: str | None = None,
        timeout_seconds: float = 10.0,
        *,
        metadata: Mapping[str, Any] | None = None,
        attachments: Iterable[Attachment] = (),
        idempotent: bool = False,
        wait: bool = False,
    ) -> dict[str, Any] | None:
        """As `request_agent`, but a failure is logged and None is returned."""
        try:
            return await self.request_agent(
                target_agent_id,
                message,
                conversation_id,
                timeout_seconds,
                metadata=metadata,
                attachments=attachments,
                idempotent=idempotent,
                wait=wait,
            )
        except GenesisError as error:
            logger.warning("request to %s failed: %s: %s", target_agent_id, type(error).__name__, error)
            return None

    async def stream_agent_request(
        self,
        target: str,
        message: str,
        conversation_id: str | None = None,
        timeout_seconds: float | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        attachments: Iterable[Attachment] = (),
        wait: bool = False,
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Send a request and yield the parts of its reply as they come, each a dict as from `request_agent`.

        A hook that returns instead of yielding is a stream of one part. `timeout_seconds` (60 by default) is for the whole
        stream. Leaving the loop cancels the hook; a slow loop slows the hook down. Raises as `request_agent`.
        """
        request = build_request(message, conversation_id, metadata, attachments)
        async with aclosing(self._calling().stream(target, request, timeout_seconds, wait=wait)) as parts:
            async for part in parts:
                yield part.as_dict()

    async def send_agent_batch(
        self,
        target: str,
        messages: Sequence[str | Mapping[str, Any]],
        timeout_seconds: float | None = None,
        *,
        conversation_id: str | None = None,
    ) -> list[dict[str, Any]]:
        """Several requests to one agent in a single RPC; items are texts, or dicts with message and metadata.

        Returns the reply dicts in order, each with a status of its own: one that failed has the error's text as message, its
        wire status and `metadata["error"]`. Raises as `request_agent` when the batch as a whole fails.
        """
        return await self._calling().batch(target, messages, build_request("", conversation_id), timeout_seconds)

    async def call_function(
        self, target: str, function_name: str, /, *, timeout_seconds: float | None = None, **arguments: Any
    ) -> Any:
        """Call a function an agent offers (`@genesis_function`) and return its result, as JSON gives it.

        Raises:
            InvalidArguments: they do not satisfy the function's JSON Schema; nothing was sent where the schema is known.
            FunctionNotFound: the agent offers no such function.
            GenesisError: as `request_agent`.
        """
        return await self._calling().call_function(target, function_name, arguments, timeout_seconds)

    async def broadcast_to_agents(
        self, message: str, capability_filter: str | None = None, timeout_seconds: float | None = None
    ) -> dict[str, dict[str, Any] | GenesisError]:
        """Send the same request to all agents, or to those with a capability, at once.

        Returns a dict from agent id to reply dict or GenesisError. Costs the slowest reply, not the sum.
        """
        return await self._calling().broadcast(message, capability_filter, timeout_seconds)

    def conversation(self, target: str, conversation_id: str | None = None) -> AgentConversation:
        """A conversation of several turns with one agent."""
        return AgentConversation(self.app.agent_id, target, conversation_id=conversation_id, request=self.request_agent)

    async def route_request_to_best_agent(
        self,
        request: str,
        conversation_id: str | None = None,
        timeout_seconds: float | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        attachments: Iterable[Attachment] = (),
    ) -> dict[str, Any]:
        """Let the language model choose the agent and ask it.

        Returns its reply; `metadata["routed_to"]` is the agent's id and `metadata["reason"]` why it was chosen.

        Raises:
            AgentNotFound: nobody fits.
            GenesisError: as `request_agent`, from the chosen agent.
        """
        built = build_request(request, conversation_id, metadata, attachments)
        return await self._calling().route(request, built, timeout_seconds)

    # Queries

    def get_discovered_agents(self) -> dict[str, AgentInfo]:
        """The agents that can be called now, by id."""
        return self.discovered_agents

    def is_agent_discovered(self, name_or_id: str) -> bool:
        """Is an agent with this id or name there now?"""
        return self._calling().resolver.find(name_or_id) is not None

    def get_agents_by_type(self, agent_type: str) -> list[str]:
        """Ids of the agents of this type, "general" or "specialized"."""
        return queries.by_type(self._calling().resolver.visible(), agent_type)

    def get_agents_by_capability(self, capability: str) -> list[str]:
        """Ids of the agents that name this capability."""
        return queries.by_capability(self._calling().resolver.visible(), capability)

    def get_agents_by_model_type(self, model_type: str) -> list[str]:
        """Ids of the agents whose model_info names this model type."""
        return queries.by_model_type(self._calling().resolver.visible(), model_type)

    def get_agents_by_performance_metric(
        self, metric_name: str, min_value: float | None = None, max_value: float | None = None
    ) -> list[str]:
        """Ids of the agents that report this metric within the limits."""
        return queries.by_performance_metric(self._calling().resolver.visible(), metric_name, min_value, max_value)

    async def find_agent_with_capability(self, capability: str) -> str | None:
        """The id of one agent with this capability, None when there is none. As all `find_*`, it lets a fresh participant
        look around first (`settle_seconds`)."""
        return next(iter(await self.find_agents_by_capability(capability)), None)

    async def find_agents_by_capability(self, capability: str) -> list[str]:
        """Ids of the agents with this capability."""
        await self._calling().settle()
        return self.get_agents_by_capability(capability)

    async def find_agents_by_specialization(self, specialization: str) -> list[str]:
        """Ids of the agents with this specialization."""
        caller = self._calling()
        await caller.settle()
        return queries.by_specialization(caller.resolver.visible(), specialization)

    async def find_general_agents(self) -> list[str]:
        """Ids of the general agents."""
        await self._calling().settle()
        return self.get_agents_by_type("general")

    async def find_specialized_agents(self) -> list[str]:
        """Ids of the specialized agents."""
        await self._calling().settle()
        return self.get_agents_by_type("specialized")
