"""What agents and interfaces do as callers: resolve a target, send, shape the reply."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from genesis_lib.app import GenesisApp
from genesis_lib.attempts import Attempts
from genesis_lib.context import current_call
from genesis_lib.discovery.directory import Change
from genesis_lib.discovery.resolver import Resolver
from genesis_lib.errors import AgentNotFound, FunctionNotFound, GenesisError, InvalidRequest
from genesis_lib.messages import AgentInfo, AgentReply, AgentRequest, Attachment, Final, RequestKind
from genesis_lib.monitoring.monitor import Monitor
from genesis_lib.rpc.argument_check import check_arguments
from genesis_lib.rpc.batch import decode_replies, encode_items
from genesis_lib.rpc.circuit_breaker import CircuitBreakers
from genesis_lib.rpc.client import RpcClient
from genesis_lib.rpc.pool import RequesterPool
from genesis_lib.rpc.retry import RetryPolicy
from genesis_lib.rpc.wire import dump_object, load_json

if TYPE_CHECKING:
    from genesis_lib.agent_classifier import AgentClassifier

logger = logging.getLogger(__name__)

STREAM_TIMEOUT_SECONDS = 60.0
_LONGEST_TIMEOUT = 366 * 86400.0

AgentCallback = Callable[[AgentInfo], None]


class Caller:
    """The calling half of an agent or interface, while it is open."""

    def __init__(
        self,
        app: GenesisApp,
        monitor: Monitor,
        classifier: AgentClassifier,
        callbacks: Sequence[tuple[frozenset[Change], AgentCallback]],
        *,
        agents_only: bool,
    ) -> None:
        self._callbacks = callbacks
        self._settings = app.settings
        self._monitor = monitor
        self._classifier = classifier
        self._loop = asyncio.get_running_loop()
        self.directory = app.directory
        self.resolver = Resolver(app.directory, app.agent_id, agents_only=agents_only)
        self.pool = RequesterPool(
            app.participant,
            app.agent_id if agents_only else "",
            app.directory.participant_of,
            max_message_bytes=app.settings.max_message_bytes,
            lease_seconds=app.settings.lease_seconds,
            idle_seconds=app.settings.pool_idle_seconds,
            on_connected=monitor.connection_established,
        )
        settings = app.settings
        client = RpcClient(
            app.agent_id,
            self.pool,
            connect_timeout=settings.connect_timeout_seconds,
            middleware=monitor.client_middleware,
        )
        self.breakers = CircuitBreakers(
            settings.breaker_failures, settings.breaker_open_seconds, self._loop.time, monitor.circuit_changed
        )
        policy = RetryPolicy(
            settings.retry_attempts, settings.retry_backoff_seconds, settings.retry_max_backoff_seconds
        )
        self._attempts = Attempts(self.resolver, client, policy, self.breakers)
        self.directory.add_listener(self._on_change)
        for agent in self.resolver.visible():  # another user of the directory saw them arrive
            self._call_back(Change.ARRIVED, agent)

    async def close(self) -> None:
        """Drop all connections."""
        self.directory.remove_listener(self._on_change)
        await self.pool.close()

    def replay_arrivals(self, callback: AgentCallback) -> None:
        """Tell it of the agents that are there already."""
        for agent in self.resolver.visible():
            self._loop.call_soon(callback, agent)

    async def wait_for_agent(self, target: str, timeout_seconds: float) -> bool:
        """Wait until the target is there. False when it does not come in time."""
        _require_patience(timeout_seconds)
        return await self.directory.wait_for(lambda: self.resolver.find(target) is not None, timeout_seconds)

    async def connect(self, target: str, timeout_seconds: float) -> bool:
        """Open a connection ahead of the first request."""
        _require_patience(timeout_seconds)
        deadline = self._loop.time() + timeout_seconds
        try:
            info = await self.resolver.resolve(target, "", deadline, wait=True)
        except GenesisError as error:
            logger.warning("cannot connect to %s: %s", target, error)
            return False
        requester = await self.pool.get(info)
        return await requester.connect(max(0.0, deadline - self._loop.time()))

    def request(
        self, target: str, request: AgentRequest, timeout_seconds: float | None, *, wait: bool
    ) -> Awaitable[AgentReply]:
        """One request, one reply; raises as `Attempts.request`."""
        return self._attempts.request(target, request, self._deadline(timeout_seconds), wait=wait)

    async def stream(
        self, target: str, request: AgentRequest, timeout_seconds: float | None, *, wait: bool
    ) -> AsyncGenerator[AgentReply, None]:
        """The parts of one reply as they come. Leaving the iteration cancels the remote handler."""
        deadline = self._deadline(STREAM_TIMEOUT_SECONDS if timeout_seconds is None else timeout_seconds)
        parts: asyncio.Queue[AgentReply | None] = asyncio.Queue()

        async def hand_over(part: AgentReply) -> None:
            parts.put_nowait(part)
            await parts.join()

        receiving = asyncio.ensure_future(
            self._attempts.request(target, request, deadline, wait=wait, on_part=hand_over)
        )
        receiving.add_done_callback(lambda _: parts.put_nowait(None))
        try:
            while (part := await parts.get()) is not None:
                yield part
                parts.task_done()
            last = await receiving
            if last.final is Final.LAST:
                yield last
        finally:
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)

    async def batch(
        self,
        target: str,
        messages: Sequence[str | Mapping[str, Any]],
        request: AgentRequest,
        timeout_seconds: float | None,
    ) -> list[dict[str, Any]]:
        """Several requests to one agent in a single RPC."""
        request.kind, request.message = RequestKind.BATCH, encode_items(messages)
        return decode_replies(await self.request(target, request, timeout_seconds, wait=False), len(messages))

    async def call_function(
        self, target: str, name: str, arguments: Mapping[str, Any], timeout_seconds: float | None
    ) -> Any:
        """Call a function by name, its arguments checked against the announced schema first."""
        if not name:
            raise FunctionNotFound("the name of the function to call is empty", target=target)

        def check(info: AgentInfo) -> None:
            announced = self.directory.function(info.agent_id, name)
            if announced is not None:
                check_arguments(announced.parameter_schema, name, arguments)

        request = AgentRequest(dump_object(arguments, f"arguments of {name}"), method=name)
        reply = await self._attempts.request(target, request, self._deadline(timeout_seconds), check=check)
        return load_json(reply.message, f"the result of {name}")

    async def broadcast(
        self, message: str, capability_filter: str | None, timeout_seconds: float | None
    ) -> dict[str, dict[str, Any] | GenesisError]:
        """The same request to every agent at once: costs the slowest reply. A failure is the value, not an exception."""
        deadline = self._deadline(timeout_seconds)
        await self.settle((deadline - self._loop.time()) / 2)
        targets = [
            agent
            for agent in self.resolver.visible()
            if capability_filter is None or capability_filter in agent.capabilities
        ]
        remaining = deadline - self._loop.time()

        async def ask(agent: AgentInfo) -> dict[str, Any] | GenesisError:
            try:
                return (await self.request(agent.agent_id, build_request(message), remaining, wait=False)).as_dict()
            except GenesisError as error:
                return error

        async with asyncio.TaskGroup() as group:
            asked = {agent.agent_id: group.create_task(ask(agent)) for agent in targets}
        return {agent_id: task.result() for agent_id, task in asked.items()}

    async def route(self, message: str, request: AgentRequest, timeout_seconds: float | None) -> dict[str, Any]:
        """Let the language model pick the agent, ask it, and say in the reply's metadata who it was and why.

        Raises:
            AgentNotFound: the model found nobody fit, and nobody is default-capable.
            GenesisError: as `request`, from the chosen agent.
        """
        deadline = self._deadline(timeout_seconds)
        await self.settle((deadline - self._loop.time()) / 2)
        context = current_call.get()
        in_chain = context.call_path if context is not None else ()
        candidates = [agent for agent in self.resolver.visible() if agent.agent_id not in in_chain]
        half = (deadline - self._loop.time()) / 2  # the chosen agent has the other half
        choice = await self._classifier.classify(message, candidates, timeout_seconds=half)
        if choice.agent_id is None:
            raise AgentNotFound(f"no agent on the domain fits the request: {choice.reason}")
        remaining = deadline - self._loop.time()
        reply = (await self.request(choice.agent_id, request, remaining, wait=False)).as_dict()
        reply["metadata"] = {**reply["metadata"], "routed_to": choice.agent_id, "reason": choice.reason}
        return reply

    async def settle(self, limit_seconds: float = float("inf")) -> None:
        """Wait until a fresh participant has had its time to see who is there."""
        remaining = min(self.directory.seconds_until_settled, limit_seconds)
        if remaining > 0:
            await asyncio.sleep(remaining)

    def _deadline(self, timeout_seconds: float | None) -> float:
        timeout = self._settings.request_timeout_seconds if timeout_seconds is None else timeout_seconds
        if not isinstance(timeout, (int, float)) or not 0 < timeout <= _LONGEST_TIMEOUT:
            raise InvalidRequest(f"timeout_seconds has to be a number above 0 and at most a year, this is {timeout!r}")
        deadline = self._loop.time() + timeout
        context = current_call.get()
        if context is None or context.deadline is None:
            return deadline
        return min(deadline, context.deadline)

    def _on_change(self, change: Change, info: AgentInfo) -> None:
        if info.agent_id in self.pool.requesters and change in (Change.LEFT, Change.CRASHED, Change.RESTARTED):
            if change is Change.CRASHED:
                self.pool.drop(info.agent_id, f"{info.name} ({info.agent_id}) crashed")
            else:
                self.pool.retire(info.agent_id)  # who leaves in order answers first what it has begun
            self._monitor.connection_lost(info, change.value)
        if change in (Change.ARRIVED, Change.UPDATED, Change.RESTARTED):
            self.breakers.answered(info)
        if self.resolver.can_call(info):
            self._call_back(change, info)

    def _call_back(self, change: Change, info: AgentInfo) -> None:
        for changes, callback in self._callbacks:
            if change in changes:
                self._loop.call_soon(callback, info)  # its errors are its own


def _require_patience(seconds: float) -> None:
    if not isinstance(seconds, (int, float)) or not 0 <= seconds <= _LONGEST_TIMEOUT:
        raise InvalidRequest(f"timeout_seconds has to be a number from 0 to a year, this is {seconds!r}")


def build_request(
    message: str,
    conversation_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    attachments: Iterable[Attachment] = (),
    *,
    idempotent: bool = False,
) -> AgentRequest:
    """An AgentRequest from what applications pass.

    Raises:
        InvalidRequest: an argument has the wrong type.
    """
    if not isinstance(message, str):
        raise InvalidRequest(f"message has to be text, this is {type(message).__name__}")
    if conversation_id is not None and not isinstance(conversation_id, str):
        raise InvalidRequest(f"conversation_id has to be text, this is {type(conversation_id).__name__}")
    if metadata is not None and not isinstance(metadata, Mapping):
        raise InvalidRequest(f"metadata has to be a dict, this is {type(metadata).__name__}")
    if type(attachments) is not tuple and not isinstance(attachments, Iterable):
        raise InvalidRequest(f"attachments have to be a list of Attachment, this is {type(attachments).__name__}")
    return AgentRequest(
        message,
        conversation_id=conversation_id or "",
        idempotent=idempotent,
        metadata=dict(metadata) if metadata else {},
        attachments=tuple(attachments),
    )
