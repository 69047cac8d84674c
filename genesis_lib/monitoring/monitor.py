"""Where monitoring plugs in. This one does nothing; `BusMonitor` publishes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from genesis_lib.dds.port import Participant
from genesis_lib.errors import GenesisError
from genesis_lib.messages import AgentInfo, AgentReply, AgentRequest
from genesis_lib.rpc.caller_identity import CallerIdentity
from genesis_lib.rpc.circuit_breaker import CircuitState
from genesis_lib.rpc.client import ClientMiddleware
from genesis_lib.rpc.replier import Handler, Send
from genesis_lib.security.policy import AccessPolicy

ServerMiddleware = Callable[[Handler, AgentRequest, Send], Awaitable[AgentReply]]


class Monitor:
    """Middleware for both directions, and what else there is to report of a component."""

    client_middleware: Sequence[ClientMiddleware] = ()
    server_middleware: Sequence[ServerMiddleware] = ()

    async def open(self, participant: Participant) -> None:
        """The component joined the domain."""

    def ready(self) -> None:
        """The component listens and is announced."""

    def connection_established(self, info: AgentInfo) -> None:
        """A Requester matched."""

    def connection_lost(self, info: AgentInfo, reason: str) -> None:
        """An agent with a Requester went away."""

    def circuit_changed(self, info: AgentInfo, state: CircuitState) -> None:
        """Calls to an agent are refused from now on, or go through again."""

    def request_refused(
        self, request: AgentRequest, caller: CallerIdentity, error: GenesisError, suppressed: int
    ) -> None:
        """A request was refused before its handler ran, and so many of the same kind since the last one reported."""

    def policy_changed(self, policy: AccessPolicy) -> None:
        """The policy file was read again, and this is in force now."""

    def policy_refused(self, policy: AccessPolicy, error: GenesisError) -> None:
        """The policy file changed and cannot be used; this one stays in force."""

    async def close(self) -> None:
        """The component leaves the domain."""
