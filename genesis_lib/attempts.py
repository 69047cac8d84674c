"""One call, made of as many attempts as it may take: who is asked, when again, and when not any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from genesis_lib.discovery.resolver import Resolver
from genesis_lib.errors import AgentUnavailable, GenesisError
from genesis_lib.messages import AgentInfo, AgentReply, AgentRequest
from genesis_lib.rpc.circuit_breaker import CircuitBreakers
from genesis_lib.rpc.client import RpcClient
from genesis_lib.rpc.requester import OnPart
from genesis_lib.rpc.retry import RetryPolicy

Check = Callable[[AgentInfo], None]


class Attempts:
    """Resolves the target of a call anew for each attempt: of several agents of one name, another one may be free."""

    def __init__(self, resolver: Resolver, client: RpcClient, policy: RetryPolicy, breakers: CircuitBreakers) -> None:
        self._resolver = resolver
        self._client = client
        self._policy = policy
        self._breakers = breakers
        self._loop = asyncio.get_running_loop()

    async def request(
        self,
        target: str,
        request: AgentRequest,
        deadline: float,
        *,
        wait: bool = False,
        check: Check | None = None,
        on_part: OnPart | None = None,
    ) -> AgentReply:
        """Send the request until it is answered or may not be sent again.

        Args:
            deadline: on the event loop's clock, for all attempts together.
            wait: wait for the agent until the deadline when it is not there, or goes away before it took the request.
            check: run on the agent before anything is sent to it; raises what is wrong.
            on_part: see `Requester.request`.

        Raises:
            GenesisError: what `Resolver.resolve` and `Requester.request` raise; after the last attempt its error.
        """
        started = self._loop.time()
        attempts = 0
        tried: set[str] = set()
        failure: GenesisError | None = None
        try:
            while True:
                try:
                    refusing = self._breakers.refusing
                    info = self._resolver.find(target, request.conversation_id, refusing | tried if tried else refusing)
                    if info is None:
                        info = await self._resolver.resolve(target, request.conversation_id, deadline, wait=wait)
                    if info.agent_id in refusing:
                        self._breakers.admit(info)
                except AgentUnavailable as error:
                    if not wait:
                        # What became of the last attempt says more than that there is nobody left to ask.
                        raise failure or error from None
                    failure = error
                else:
                    if check is not None:
                        check(info)
                    try:
                        reply = await self._client.request(info, request, deadline, on_part)
                    except GenesisError as error:
                        self._breakers.failed(info, error)
                        failure = error
                        attempts += 1
                        if not request.conversation_id:  # a conversation stays with its agent
                            tried.add(info.agent_id)
                    else:
                        self._breakers.answered(info)
                        return reply
                if not self._may_repeat(failure, attempts, request, wait=wait):
                    raise failure
                other = self._resolver.find(target, request.conversation_id, refusing | tried)
                elsewhere = other is not None and other.agent_id not in tried
                await self._back_off(failure, attempts, deadline, elsewhere=elsewhere)
                request = replace(request)
        except GenesisError as error:
            error.elapsed_seconds = self._loop.time() - started  # the wait for the agent and all attempts included
            raise

    def _may_repeat(self, error: GenesisError, attempts: int, request: AgentRequest, *, wait: bool) -> bool:
        if wait and isinstance(error, AgentUnavailable):
            return True
        return attempts < self._policy.attempts and self._policy.may_repeat(error, idempotent=request.idempotent)

    async def _back_off(self, error: GenesisError, attempts: int, deadline: float, *, elsewhere: bool) -> None:
        """Wait for the next attempt; raises the error when the deadline would come first. What an agent asks for does not
        hold for another one, and an open circuit closes when its agent announces itself anew."""
        hint = None if elsewhere else error.retry_after_seconds
        delay = self._policy.delay_seconds(max(attempts, 1), hint)
        remaining = deadline - self._loop.time()
        if error.target in self._breakers.refusing:
            closed = await self._resolver.wait_for(
                lambda: error.target not in self._breakers.refusing, min(delay, remaining)
            )
            if closed:
                return
        elif delay < remaining:
            await asyncio.sleep(delay)
        if delay >= remaining:
            raise error
