"""The caller's side of RPC: middleware around the pool. Takes an AgentInfo, knows no directory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from genesis_lib.context import current_call
from genesis_lib.messages import AgentInfo, AgentReply, AgentRequest
from genesis_lib.rpc.pool import RequesterPool
from genesis_lib.rpc.requester import OnPart
from genesis_lib.tracing import new_traceparent, sibling_traceparent

Call = Callable[[AgentInfo, AgentRequest, float, OnPart | None], Awaitable[AgentReply]]
ClientMiddleware = Callable[[Call, AgentInfo, AgentRequest, float, OnPart | None], Awaitable[AgentReply]]


class RpcClient:
    """Sends requests on behalf of one agent or interface.

    `request` is the one verb: every middleware has its shape, the first one outermost. Fills in who calls, the chain so far
    and the trace; a call made by a handler inherits the deadline it runs under.
    """

    def __init__(
        self,
        source_id: str,
        pool: RequesterPool,
        *,
        connect_timeout: float,
        middleware: Sequence[ClientMiddleware] = (),
    ) -> None:
        self._source_id = source_id
        self._own_path = (source_id,)
        self._pool = pool
        self._connect_timeout = connect_timeout
        call: Call = self._send
        for layer in reversed(middleware):
            call = partial(layer, call)
        self._call = call

    def request(
        self, info: AgentInfo, request: AgentRequest, deadline: float, on_part: OnPart | None = None
    ) -> Awaitable[AgentReply]:
        """Send the request to this agent; see `Requester.request` for what it raises."""
        context = current_call.get()
        request.source_agent_id = self._source_id
        if context is None:
            request.call_path = self._own_path
            request.traceparent = sibling_traceparent(request.traceparent) if request.traceparent else new_traceparent()
        else:
            request.call_path = context.call_path + self._own_path
            trace = context.trace.child()
            request.traceparent, request.tracestate = trace.traceparent, trace.tracestate
        return self._call(info, request, deadline, on_part)

    def _send(
        self, info: AgentInfo, request: AgentRequest, deadline: float, on_part: OnPart | None
    ) -> Awaitable[AgentReply]:
        requester = self._pool.requesters.get(info.agent_id)
        if requester is None or requester.lost:
            return self._open_and_send(info, request, deadline, on_part)
        return requester.request(request, deadline, connect_timeout=self._connect_timeout, on_part=on_part)

    async def _open_and_send(
        self, info: AgentInfo, request: AgentRequest, deadline: float, on_part: OnPart | None
    ) -> AgentReply:
        requester = await self._pool.get(info)
        return await requester.request(request, deadline, connect_timeout=self._connect_timeout, on_part=on_part)
