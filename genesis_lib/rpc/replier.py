"""The server end of an agent's service: knows its clients, admits their requests once, sends the replies."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Self

from genesis_lib.dds.port import Match, Participant, Reader, Sample
from genesis_lib.errors import (
    AgentUnavailable,
    BusError,
    DecodeError,
    GenesisError,
    MessageTooLarge,
    Overloaded,
    RequestTimeout,
    clean_text,
    remote_exception_for,
)
from genesis_lib.log_limit import LimitedWarnings
from genesis_lib.messages import AgentReply, AgentRequest, Final, RequestKind
from genesis_lib.rpc.caller_identity import Announcements, CallerIdentity, parse_connection_data
from genesis_lib.rpc.execution import Client, Execution
from genesis_lib.rpc.executor import Executor, Outcome
from genesis_lib.rpc.guards import Guard, identity_guard
from genesis_lib.rpc.memory import ConnectionMemories
from genesis_lib.rpc.reply_channel import ReplyChannel
from genesis_lib.rpc.wire import decode_request, encode_reply, reply_topic, request_topic

logger = logging.getLogger(__name__)
_warnings = LimitedWarnings(logger)

_CANCEL, _CREDIT, _MORE = RequestKind.CANCEL, RequestKind.CREDIT, Final.MORE
_BACKLOG_LARGEST = 4  # messages of the largest size
_BACKLOG_MESSAGES = 2**13
_BACKLOG_RETRY_SECONDS = 0.1
_FAREWELL_SECONDS = 0.5

Send = Callable[[AgentReply], Awaitable[None]]
Handler = Callable[[AgentRequest, Send], Awaitable[AgentReply]]
OnRefused = Callable[[AgentRequest, CallerIdentity, GenesisError], None]


class Replier:
    """Serves `{service_name}Request`. A request is executed at most once, resends included.

    Args:
        service_name: unique to this agent.
        agent_id: goes into replies and refusals.
        handler: answers a request; sends the parts of a stream, and returns its last part or end mark.
        announcements: tells which participant speaks for which agent.
        guards: asked before a request is admitted.
        on_refused: told of each request that a guard, the queue or the drain refused.
        max_concurrency, max_queue: see `Executor`.
        max_message_bytes: largest reply.
    """

    def __init__(
        self,
        service_name: str,
        agent_id: str,
        handler: Handler,
        announcements: Announcements,
        *,
        guards: Iterable[Guard] = (),
        on_refused: OnRefused = lambda request, caller, error: None,
        max_concurrency: int,
        max_queue: int,
        max_message_bytes: int,
    ) -> None:
        self._service_name = service_name
        self._agent_id = agent_id
        self._handler = handler
        self._announcements = announcements
        self._guards = (identity_guard(announcements), *guards)
        self._on_refused = on_refused
        self._max_message_bytes = max_message_bytes
        self._executor = Executor(
            agent_id, self._handle, self._finish, max_concurrency=max_concurrency, max_queue=max_queue
        )
        self._clients: dict[int, Client] = {}
        self._memories = ConnectionMemories()
        self._housekeeping: set[asyncio.Future[object]] = set()
        self._draining = False
        self._a_client_left = asyncio.Event()

    async def open(self, participant: Participant) -> Self:
        """Start to listen."""
        self._participant = participant
        self._instance_name = participant.guid.hex()
        self._loop = asyncio.get_running_loop()
        self._reader: Reader = await participant.create_reader(
            request_topic(self._service_name), self._on_samples, on_match=self._on_client
        )
        return self

    async def close(self, grace_seconds: float) -> None:
        """Refuse new requests, let those that run finish within the grace time, cancel the rest, delete the endpoints."""
        self._draining = True
        await self._executor.drain(grace_seconds)
        await asyncio.gather(*(client.channel.drained() for client in self._clients.values()))
        await self._until_callers_left(min(grace_seconds, _FAREWELL_SECONDS))
        await self._reader.close()
        clients, self._clients = self._clients, {}
        await asyncio.gather(*self._housekeeping, *(client.channel.close() for client in clients.values()))

    async def _until_callers_left(self, timeout_seconds: float) -> None:
        """Callers close their connections when they learn that the agent leaves. What they have sent by then is refused;
        without a reader it would be lost."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while self._clients:
                    self._a_client_left.clear()
                    await self._a_client_left.wait()

    # Clients

    def _on_client(self, match: Match) -> None:
        if match.matched:
            self._add_client(match)
            return
        client = self._clients.pop(match.handle, None)
        if client is not None:
            for execution in list(client.executions.values()):
                self._executor.abort(execution, None)
            client.executed.forget_replies()
            self._keep_house(client.channel.close())
            self._a_client_left.set()

    def _add_client(self, match: Match) -> Client | None:
        known = self._clients.get(match.handle)
        if known is not None:
            return known
        try:
            inbox, agent_id = parse_connection_data(match.user_data)
        except DecodeError as error:
            logger.warning(
                "agent %s refused participant %s, which writes on %s: %s",
                self._agent_id,
                match.participant.hex(),
                request_topic(self._service_name).name,
                error,
            )
            return None
        caller = CallerIdentity(match.participant, agent_id)
        channel = ReplyChannel(reply_topic(self._service_name), inbox)
        client = Client(caller, channel, self._memories.of(match.participant, inbox))
        self._clients[match.handle] = client
        self._keep_house(self._open_channel(client))
        return client

    async def _open_channel(self, client: Client) -> None:
        """Its caller counts as connected from here on, so who it is comes first."""
        if client.caller.agent_id:
            await client.caller.confirm(self._announcements)
        try:
            await client.channel.open(self._participant)
        except BusError as error:
            logger.error("agent %s cannot answer %s: %s", self._agent_id, client.caller.name, error)

    def _keep_house(self, work: Awaitable[object]) -> None:
        task = asyncio.ensure_future(work)
        self._housekeeping.add(task)
        task.add_done_callback(self._housekeeping.discard)

    # Requests

    def _on_samples(self, samples: Sequence[Sample]) -> None:
        now = self._loop.time()
        for sample in samples:
            if not sample.valid_data:
                continue
            client = self._clients.get(sample.publication)
            if client is None:
                match = self._reader.lookup_publication(sample.publication)
                client = self._add_client(match) if match is not None else None
                if client is None:
                    continue
            delay = client.transit.delay(sample.sent, now)
            try:
                request = decode_request(sample.payload)
            except DecodeError as error:
                who = client.caller.participant.hex()
                _warnings.warn(who, "agent %s refused a request from participant %s: %s", self._agent_id, who, error)
                continue
            if request.instance_name and request.instance_name != self._instance_name:
                continue  # for another process that announces the same agent
            deadline = now + request.timeout_ns / 1e9 - delay if request.timeout_ns > 0 else None
            self._receive(client, request, deadline)

    def _receive(self, client: Client, request: AgentRequest, deadline: float | None) -> None:
        number = request.sequence_number
        if request.kind is _CANCEL:
            execution = client.executions.get(number)
            if execution is not None:
                self._executor.abort(execution, None)
        elif request.kind is _CREDIT:
            execution = client.executions.get(number)
            if execution is not None:
                execution.grant_credit()
        elif not client.executed.admit(number):
            if self._listens(client):
                for payload in client.executed.replies(number):
                    client.channel.send(payload)
        else:
            refusal = self._refusal(client, request, deadline) or self._admit(client, request, deadline)
            if refusal is not None:
                self._on_refused(request, client.caller, refusal)
                if self._listens(client):
                    self._send_error(client, request, refusal)

    def _listens(self, client: Client) -> bool:
        return client.channel.backlog_messages < 2 * _BACKLOG_MESSAGES

    def _refusal(self, client: Client, request: AgentRequest, deadline: float | None) -> GenesisError | None:
        if self._draining:
            return AgentUnavailable(f"agent {self._agent_id} is shutting down", target=self._agent_id)
        if deadline is not None and deadline <= self._loop.time():
            return RequestTimeout(
                f"the request reached agent {self._agent_id} after its deadline", target=self._agent_id
            )
        for guard in self._guards:
            error = guard(request, client.caller)
            if error is not None:
                return error
        channel = client.channel
        if (
            channel.backlog_bytes > _BACKLOG_LARGEST * self._max_message_bytes
            or channel.backlog_messages >= _BACKLOG_MESSAGES
        ):
            return Overloaded(
                f"agent {self._agent_id} has {channel.backlog_messages} replies for you, {channel.backlog_bytes} bytes,"
                " that you have not taken in",
                target=self._agent_id,
                retry_after_seconds=_BACKLOG_RETRY_SECONDS,
            )
        return None

    def _admit(self, client: Client, request: AgentRequest, deadline: float | None) -> GenesisError | None:
        execution = Execution(request, client, deadline)
        refusal = self._executor.submit(execution)
        if refusal is None:
            client.executions[request.sequence_number] = execution
        return refusal

    def _handle(self, execution: Execution) -> Awaitable[AgentReply]:
        async def send(part: AgentReply) -> None:
            await execution.take_credit()
            await execution.client.channel.room()
            part.part_number, part.final = execution.parts_sent, _MORE
            self._send(execution.client, execution.request, part)
            execution.parts_sent += 1

        return self._handler(execution.request, send)

    def _finish(self, execution: Execution, outcome: Outcome) -> None:
        client, request = execution.client, execution.request
        client.executions.pop(request.sequence_number, None)
        if execution.task is None and isinstance(outcome, Overloaded):  # its place went to another caller
            self._on_refused(request, client.caller, outcome)
        if isinstance(outcome, AgentReply):
            outcome.part_number = execution.parts_sent
            try:
                self._send(client, request, outcome)
            except GenesisError as error:  # the reply itself cannot go on the wire
                outcome = error
        if isinstance(outcome, GenesisError):
            self._send_error(client, request, outcome, execution.parts_sent)

    # Replies

    def _send(self, client: Client, request: AgentRequest, reply: AgentReply) -> None:
        payload = self._encode(request, reply)
        if len(payload) > self._max_message_bytes:
            raise MessageTooLarge(
                f"the reply of agent {self._agent_id} has {len(payload)} bytes, the limit is {self._max_message_bytes}"
                " (setting max_message_bytes); yield it in parts",
                target=self._agent_id,
            )
        self._write(client, request, payload)

    def _encode(self, request: AgentRequest, reply: AgentReply) -> bytes:
        reply.writer_guid, reply.sequence_number = request.writer_guid, request.sequence_number
        reply.replier_agent_id = self._agent_id
        if not reply.conversation_id:
            reply.conversation_id = request.conversation_id
        return encode_reply(reply)

    def _write(self, client: Client, request: AgentRequest, payload: bytes) -> None:
        client.executed.keep(request.sequence_number, payload)
        try:
            client.channel.send(payload)
        except BusError as error:
            logger.error("agent %s cannot send a reply: %s", self._agent_id, error)

    def _send_error(self, client: Client, request: AgentRequest, error: GenesisError, part_number: int = 0) -> None:
        """Whatever its size: it is small but for the conversation id, which is the caller's own."""
        reply = AgentReply(
            clean_text(str(error)),
            error.status,
            metadata={"error": type(error).__name__},
            remote_exception=remote_exception_for(error),
            retry_after_ns=round((error.retry_after_seconds or 0) * 1e9),
            part_number=part_number,
        )
        self._write(client, request, self._encode(request, reply))
