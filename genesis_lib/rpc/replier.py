"""The server end of an agent's service: admits its clients' requests once, sends the replies."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Self

from genesis_lib.dds.port import Match, Participant, Reader, Sample
from genesis_lib.errors import (
    AgentUnavailable,
    BusError,
    DecodeError,
    GenesisError,
    InvalidRequest,
    MessageTooLarge,
    Overloaded,
    RequestTimeout,
    clean_text,
    remote_exception_for,
)
from genesis_lib.handle_each import handle_each
from genesis_lib.log_limit import LimitedWarnings
from genesis_lib.messages import AgentReply, AgentRequest, Final, RequestKind
from genesis_lib.rpc.caller_identity import Announcements, CallerIdentity
from genesis_lib.rpc.clients import Clients
from genesis_lib.rpc.execution import Client, Execution
from genesis_lib.rpc.executor import Executor, Outcome
from genesis_lib.rpc.guards import Guard, identity_guard
from genesis_lib.rpc.places import Places
from genesis_lib.rpc.wire import decode_request, decode_request_head, encode_reply, request_topic
from genesis_lib.rpc.wrong_shape import wrong_shape

logger = logging.getLogger(__name__)
_warnings = LimitedWarnings(logger)

_CANCEL, _CREDIT, _MORE = RequestKind.CANCEL, RequestKind.CREDIT, Final.MORE
_BACKLOG_RETRY_SECONDS = 0.1
_FAREWELL_SECONDS = 0.5
_LONGEST_ECHO = 4096  # characters of a conversation id

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
        places, max_queue: see `Executor`.
        max_message_bytes: largest request, and largest reply.
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
        places: Places,
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
            agent_id, self._handle, self._finish, places, max_queue=max_queue, max_message_bytes=max_message_bytes
        )
        self._draining = False

    async def open(self, participant: Participant) -> Self:
        """Start to listen."""
        self._instance_name = participant.guid.hex()
        self._loop = asyncio.get_running_loop()
        self._clients = Clients(
            self._service_name,
            self._agent_id,
            participant,
            self._announcements,
            max_message_bytes=self._max_message_bytes,
        )
        self._reader: Reader = await participant.create_reader(
            request_topic(self._service_name), self._on_samples, on_match=self._on_client
        )
        return self

    async def close(self, grace_seconds: float) -> None:
        """Refuse new requests, let those that run finish within the grace time, cancel the rest, delete the endpoints."""
        self._draining = True
        farewell = min(grace_seconds, _FAREWELL_SECONDS)
        end = self._loop.time() + grace_seconds
        await self._executor.drain(grace_seconds)
        await self._clients.until_drained(max(end - self._loop.time(), farewell))
        # Callers close their connections when they learn that the agent leaves. What they have sent by then is refused;
        # without a reader it would be lost.
        await self._clients.until_gone(farewell)
        await self._reader.close()
        await self._clients.close()

    def _on_client(self, match: Match) -> None:
        if match.matched:
            self._clients.add(match)
            return
        client = self._clients.remove(match.handle)
        if client is not None:
            for execution in list(client.executions.values()):
                self._executor.abort(execution, None)

    # Requests

    def _on_samples(self, samples: Sequence[Sample]) -> None:
        handle_each(samples, self._on_sample)

    def _on_sample(self, sample: Sample) -> None:
        if not sample.valid_data:
            return
        client = self._clients.get(sample.publication)
        if client is None:
            match = self._reader.lookup_publication(sample.publication)
            client = self._clients.add(match) if match is not None else None
            if client is None:
                return
        now = self._loop.time()
        delay = client.transit.delay(sample.sent, now)
        if not client.gate.lets_in(delay):
            return
        size = len(sample.payload)
        decode = decode_request if size <= self._max_message_bytes else decode_request_head
        try:
            request = decode(sample.payload)
        except DecodeError as error:
            who = client.caller.participant.hex()
            _warnings.warn(who, "agent %s refused a request from participant %s: %s", self._agent_id, who, error)
            self._note_refusal(client)
            return
        if request.instance_name and request.instance_name != self._instance_name:
            return  # for another process that announces the same agent
        deadline = now + request.timeout_ns / 1e9 - delay if request.timeout_ns > 0 else None
        self._receive(Execution(request, client, deadline, size), now)

    def _receive(self, execution: Execution, now: float) -> None:
        client, request = execution.client, execution.request
        number = request.sequence_number
        if request.kind is _CANCEL:
            cancelled = client.executions.get(number)
            if cancelled is not None:
                self._executor.abort(cancelled, None)
        elif request.kind is _CREDIT:
            streaming = client.executions.get(number)
            if streaming is not None:
                streaming.grant_credit()
        elif not client.executed.admit(number):
            if client.channel.takes_refusals:
                for payload in client.executed.replies(number):
                    client.channel.send(payload)
        else:
            refusal = self._refusal(execution, now) or self._executor.submit(execution, now)
            if refusal is None:
                client.executions[number] = execution
                client.gate.admitted()
                return
            self._note_refusal(client)
            self._on_refused(request, client.caller, refusal)
            if client.channel.takes_refusals:
                self._send_error(client, request, refusal)

    def _note_refusal(self, client: Client) -> None:
        if client.gate.refused():
            who = client.caller.name
            _warnings.warn(
                who, "agent %s drops what %s sends: it comes faster than it can be refused", self._agent_id, who
            )

    def _refusal(self, execution: Execution, now: float) -> GenesisError | None:
        if execution.size > self._max_message_bytes:
            return MessageTooLarge(
                f"the request has {execution.size} bytes, agent {self._agent_id} takes {self._max_message_bytes}"
                " (setting max_message_bytes)",
                target=self._agent_id,
            )
        if self._draining:
            return AgentUnavailable(f"agent {self._agent_id} is shutting down", target=self._agent_id)
        if execution.deadline is not None and execution.deadline <= now:
            return RequestTimeout(
                f"the request reached agent {self._agent_id} after its deadline", target=self._agent_id
            )
        client = execution.client
        for guard in self._guards:
            error = guard(execution.request, client.caller)
            if error is not None:
                return error
        backlog = client.channel.backlog
        if backlog.is_full:
            return Overloaded(
                f"agent {self._agent_id} has {backlog.messages} replies for you, {backlog.bytes} bytes,"
                " that you have not taken in",
                target=self._agent_id,
                retry_after_seconds=_BACKLOG_RETRY_SECONDS,
            )
        return None

    def _handle(self, execution: Execution) -> Awaitable[AgentReply]:
        async def send(part: AgentReply) -> None:
            await execution.take_credit()
            await execution.client.channel.backlog.room()
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
        if not reply.conversation_id:
            reply.conversation_id = request.conversation_id
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
        try:
            return encode_reply(reply)
        except InvalidRequest as error:
            raise wrong_shape(f"agent {self._agent_id}", str(error)) from error

    def _write(self, client: Client, request: AgentRequest, payload: bytes) -> None:
        client.executed.keep(request.sequence_number, payload)
        try:
            client.channel.send(payload)
        except BusError as error:
            logger.error("agent %s cannot send a reply: %s", self._agent_id, error)

    def _send_error(self, client: Client, request: AgentRequest, error: GenesisError, part_number: int = 0) -> None:
        """Small, however large the request was."""
        conversation_id = request.conversation_id
        reply = AgentReply(
            clean_text(str(error)),
            error.status,
            conversation_id if len(conversation_id) <= _LONGEST_ECHO else "",
            metadata={"error": type(error).__name__},
            remote_exception=remote_exception_for(error),
            retry_after_ns=round((error.retry_after_seconds or 0) * 1e9),
            part_number=part_number,
        )
        self._write(client, request, self._encode(request, reply))
