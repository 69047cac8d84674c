"""The server end of an agent's service: admits requests, runs the handler within limits, sends replies."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Self

from genesis_lib.context import CallContext, current_call
from genesis_lib.dds.port import Match, Participant, Reader, Sample
from genesis_lib.errors import (
    AgentUnavailable,
    BusError,
    DecodeError,
    GenesisError,
    MessageTooLarge,
    Overloaded,
    RemoteAgentError,
    RequestCancelled,
    remote_exception_for,
)
from genesis_lib.messages import AgentReply, AgentRequest, Final, RequestKind
from genesis_lib.rpc.execution import Client, Execution
from genesis_lib.rpc.guards import Guard
from genesis_lib.rpc.reply_channel import ReplyChannel
from genesis_lib.rpc.wire import decode_request, encode_reply, reply_topic, request_topic
from genesis_lib.tracing import new_trace, parse_traceparent

logger = logging.getLogger(__name__)

_ERROR_TEXT = 4096

Send = Callable[[AgentReply], Awaitable[None]]
Handler = Callable[[AgentRequest, Send], Awaitable[AgentReply]]


class Replier:
    """Serves `{service_name}Request`.

    A request is executed at most once, within its deadline, with at most `max_concurrency` others. Up to `max_queue` wait
    for their turn; one that expires there never starts. What comes after that is refused with `Overloaded`.
    """

    def __init__(
        self,
        service_name: str,
        agent_id: str,
        handler: Handler,
        *,
        guards: Iterable[Guard] = (),
        max_concurrency: int,
        max_queue: int,
        max_message_bytes: int,
    ) -> None:
        self._service_name = service_name
        self._agent_id = agent_id
        self._handler = handler
        self._guards = tuple(guards)
        self._max_concurrency = max_concurrency
        self._max_queue = max_queue
        self._max_message_bytes = max_message_bytes
        self._clients: dict[int, Client] = {}
        self._running = 0
        self._queue: deque[Execution] = deque()
        self._mean_seconds = 0.01
        self._housekeeping: set[asyncio.Task[object]] = set()
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()

    async def open(self, participant: Participant) -> Self:
        """Start to listen."""
        self._participant = participant
        self._loop = asyncio.get_running_loop()
        self._reader: Reader = await participant.create_reader(
            request_topic(self._service_name), self._on_samples, on_match=self._on_client
        )
        return self

    async def close(self, grace_seconds: float = 0.0) -> None:
        """Refuse new requests, let those that run finish within the grace time, cancel the rest, delete the endpoints."""
        self._draining = True
        try:
            async with asyncio.timeout(grace_seconds):
                await self._idle.wait()
        except TimeoutError:
            for client in self._clients.values():
                client.abort_all(RequestCancelled(f"agent {self._agent_id} is shutting down", target=self._agent_id))
            async with asyncio.timeout(max(grace_seconds, 1.0)):
                await self._idle.wait()
        finally:
            await asyncio.gather(*(client.channel.drained() for client in self._clients.values()))
            await self._reader.close()
            clients, self._clients = self._clients, {}
            await asyncio.gather(*self._housekeeping, *(client.channel.close() for client in clients.values()))

    def _on_client(self, match: Match) -> None:
        if match.matched:
            self._add_client(match)
            return
        client = self._clients.pop(match.handle, None)
        if client is not None:
            client.abort_all(None)
            self._keep_house(client.channel.close())

    def _add_client(self, match: Match) -> Client | None:
        known = self._clients.get(match.handle)
        if known is not None:
            return known
        if len(match.user_data) != 16:
            logger.warning(
                "refused: participant %s writes on %s without an inbox id as user data",
                match.participant.hex(),
                request_topic(self._service_name).name,
            )
            return None
        channel = ReplyChannel(
            reply_topic(self._service_name), match.user_data, backlog_bytes=2 * self._max_message_bytes
        )
        client = self._clients[match.handle] = Client(match, channel)
        self._keep_house(channel.open(self._participant))
        return client

    def _keep_house(self, work: Awaitable[object]) -> None:
        task = asyncio.ensure_future(work)
        self._housekeeping.add(task)
        task.add_done_callback(self._housekeeping.discard)

    def _on_samples(self, samples: Sequence[Sample]) -> None:
        for sample in samples:
            if not sample.valid_data:
                continue
            client = self._clients.get(sample.publication)
            if client is None:
                match = self._reader.lookup_publication(sample.publication)
                client = self._add_client(match) if match is not None else None
                if client is None:
                    continue
            try:
                request = decode_request(sample.payload)
            except DecodeError as error:
                logger.warning(
                    "agent %s refused a request from participant %s: %s",
                    self._agent_id,
                    client.match.participant.hex(),
                    error,
                )
                continue
            self._receive(client, request)

    def _receive(self, client: Client, request: AgentRequest) -> None:
        number = request.sequence_number
        if request.kind is RequestKind.CANCEL or request.kind is RequestKind.CREDIT:
            execution = client.executions.get(number)
            if execution is None:
                return
            if request.kind is RequestKind.CREDIT:
                execution.grant_credit()
            else:
                execution.abort(None)
            return
        if client.executed.seen(number):
            for payload in client.executed.replies(number):
                client.channel.send(payload)
            return
        client.executed.add(number)
        error = self._refusal(request)
        if error is not None:
            self._send_error(client, request, error)
            return
        deadline = self._loop.time() + request.timeout_ns / 1e9 if request.timeout_ns > 0 else None
        execution = Execution(request, client, deadline, self._loop, self._on_done)
        client.executions[number] = execution
        self._idle.clear()
        if self._running < self._max_concurrency:
            self._start(execution)
        else:
            self._queue.append(execution)

    def _start(self, execution: Execution) -> None:
        self._running += 1
        execution.start(self._loop, self._execute(execution))

    def _refusal(self, request: AgentRequest) -> GenesisError | None:
        if self._draining:
            return AgentUnavailable(f"agent {self._agent_id} is shutting down", target=self._agent_id)
        for guard in self._guards:
            error = guard(request)
            if error is not None:
                return error
        if self._running >= self._max_concurrency and len(self._queue) >= self._max_queue:
            wait = self._mean_seconds * len(self._queue) / self._max_concurrency
            return Overloaded(
                f"agent {self._agent_id} has {self._running} requests running and {len(self._queue)} waiting;"
                f" try again in {wait:.2f} s",
                target=self._agent_id,
                retry_after_seconds=max(wait, 0.01),
            )
        return None

    async def _execute(self, execution: Execution) -> None:
        """Body of a request's task: the handler, and the reply it leads to."""
        request, client = execution.request, execution.client
        trace = parse_traceparent(request.traceparent, request.tracestate) or new_trace()
        current_call.set(
            CallContext(
                request.request_id,
                request.source_agent_id,
                request.conversation_id,
                request.call_path,
                execution.deadline,
                trace,
            )
        )

        async def send(part: AgentReply) -> None:
            await execution.take_credit()
            part.part_number, part.final = execution.parts_sent, Final.MORE
            self._send(client, request, part)
            execution.parts_sent += 1

        reply = await self._handler(request, send)
        reply.part_number = execution.parts_sent
        self._send(client, request, reply)

    def _on_done(self, execution: Execution) -> None:
        execution.client.executions.pop(execution.request.sequence_number, None)
        if execution.started is not None:
            self._running -= 1
            self._mean_seconds += 0.1 * (self._loop.time() - execution.started - self._mean_seconds)
        if execution.error is not None:
            self._answer_failure(execution, execution.error)
        while self._queue and self._running < self._max_concurrency:
            waiting = self._queue.popleft()
            if not waiting.done:
                self._start(waiting)
        if not self._running and not self._queue:
            self._idle.set()

    def _answer_failure(self, execution: Execution, error: BaseException) -> None:
        if not isinstance(error, GenesisError):
            logger.error("agent %s: the handler failed", self._agent_id, exc_info=error)
            error = RemoteAgentError(f"{type(error).__name__}: {error}", target=self._agent_id)
        self._send_error(execution.client, execution.request, error, execution.parts_sent)

    def _send(self, client: Client, request: AgentRequest, reply: AgentReply) -> None:
        reply.writer_guid, reply.sequence_number = request.writer_guid, request.sequence_number
        reply.replier_agent_id = self._agent_id
        if not reply.conversation_id:
            reply.conversation_id = request.conversation_id
        payload = encode_reply(reply)
        if len(payload) > self._max_message_bytes:
            raise MessageTooLarge(
                f"the reply of agent {self._agent_id} has {len(payload)} bytes, the limit is {self._max_message_bytes}"
                " (setting max_message_bytes); yield it in parts",
                target=self._agent_id,
            )
        client.executed.keep(request.sequence_number, payload)
        try:
            client.channel.send(payload)
        except BusError as error:
            logger.error("agent %s cannot send a reply: %s", self._agent_id, error)

    def _send_error(self, client: Client, request: AgentRequest, error: GenesisError, part_number: int = 0) -> None:
        self._send(
            client,
            request,
            AgentReply(
                _as_text(error),
                error.status,
                metadata={"error": type(error).__name__},
                remote_exception=remote_exception_for(error),
                retry_after_ns=round((error.retry_after_seconds or 0) * 1e9),
                part_number=part_number,
            ),
        )


def _as_text(error: GenesisError) -> str:
    """The error's message, fit for the wire whatever text an application put into it."""
    return str(error)[:_ERROR_TEXT].replace("\0", "").encode("utf-8", "replace").decode("utf-8")
