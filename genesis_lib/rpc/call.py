"""One call under way: what has come of its reply, and the errors it ends with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from genesis_lib.errors import (
    AgentUnavailable,
    GenesisError,
    MessageTooLarge,
    RemoteAgentError,
    RequestTimeout,
    error_class_for,
)
from genesis_lib.messages import AgentInfo, AgentReply, AgentRequest
from genesis_lib.rpc.streams import CREDIT_BATCH, CREDIT_WINDOW, join_parts


@dataclass(slots=True)
class PendingCall:
    """A request that was sent.

    Attributes:
        info: the agent that is called.
        future: the reply, or what the call ended with. Done is done: what comes after that is not taken.
        started, deadline: on the event loop's clock.
        sent: the request has been written.
        streams: parts are handed on as they come; otherwise they are joined to one reply.
        arrived: set at each part, and when the future is done; only while somebody waits for parts.
    """

    info: AgentInfo
    request: AgentRequest
    future: asyncio.Future[AgentReply]
    started: float
    deadline: float
    streams: bool
    sent: bool = False
    parts: list[AgentReply] = field(default_factory=list)
    size: int = 0
    arrived: asyncio.Event | None = None

    def take_part(self, part: AgentReply, size: int, max_message_bytes: int) -> bool:
        """Keep a part of the reply that is not the last, of so many bytes; whether the agent may send more for it now."""
        self.parts.append(part)
        if self.streams:
            if len(self.parts) > CREDIT_WINDOW:
                problem = f"{self.info.name} sent more parts of its reply than it was allowed to"
                self.future.set_exception(RemoteAgentError(problem, target=self.info.agent_id))
            if self.arrived is not None:
                self.arrived.set()
            return False
        self.size += size
        if self.size > max_message_bytes:
            problem = (
                f"the parts of the reply from {self.info.name} add up to more than {max_message_bytes} bytes"
                " (setting max_message_bytes); receive them with stream_agent_request"
            )
            self.future.set_exception(MessageTooLarge(problem, target=self.info.agent_id))
            return False
        return len(self.parts) % CREDIT_BATCH == 0

    def finish(self, reply: AgentReply, clock: Callable[[], float]) -> None:
        """Take the last part of the reply, or all of it."""
        if reply.remote_exception:
            self.future.set_exception(self._error_from(reply, clock()))
        elif self.streams or not self.parts:
            self.future.set_result(reply)
        else:
            self.future.set_result(join_parts(self.parts, reply))
        if self.arrived is not None:
            self.arrived.set()

    def fail(self, error: GenesisError) -> None:
        """End it, unless it has ended."""
        if not self.future.done():
            self.future.set_exception(error)
        if self.arrived is not None:
            self.arrived.set()

    def _error_from(self, reply: AgentReply, now: float) -> GenesisError:
        name = str(reply.metadata.get("error", ""))
        return error_class_for(name, reply.status)(
            reply.message,
            target=self.info.agent_id,
            request_id=f"{reply.writer_guid.hex()}:{reply.sequence_number}",
            elapsed_seconds=now - self.started,
            retry_after_seconds=reply.retry_after_ns / 1e9 if reply.retry_after_ns else None,
        )


def no_answer(info: AgentInfo, elapsed_seconds: float, request_id: str = "") -> RequestTimeout:
    """What a call ends with at its deadline; without a request id when nothing was sent."""
    return RequestTimeout(
        f"no answer from {info.name} within {elapsed_seconds:.3f} s",
        target=info.agent_id,
        request_id=request_id,
        elapsed_seconds=elapsed_seconds,
    )


def not_sent(info: AgentInfo, request: AgentRequest, elapsed_seconds: float, why: str) -> AgentUnavailable:
    """What a call ends with whose request could not be sent."""
    return AgentUnavailable(why, target=info.agent_id, request_id=request.request_id, elapsed_seconds=elapsed_seconds)
