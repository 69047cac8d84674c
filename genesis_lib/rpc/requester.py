"""The client end of one agent's service: sends requests, matches replies to them, gives up on time."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Self

from genesis_lib.dds.port import Match, Participant, Reader, Sample, Writer
from genesis_lib.errors import (
    AgentLost,
    BusError,
    DecodeError,
    GenesisError,
    MessageTooLarge,
    Overloaded,
)
from genesis_lib.handle_each import handle_each
from genesis_lib.log_limit import LimitedWarnings
from genesis_lib.messages import AgentInfo, AgentReply, AgentRequest, Final, RequestKind
from genesis_lib.rpc.call import PendingCall, no_answer, not_sent
from genesis_lib.rpc.caller_identity import INBOX_BYTES, connection_data
from genesis_lib.rpc.diagnosis import explain_no_match
from genesis_lib.rpc.expiry import ExpiryTimer
from genesis_lib.rpc.notices import Notices
from genesis_lib.rpc.peer_matches import PeerMatches
from genesis_lib.rpc.streams import CREDIT_BATCH
from genesis_lib.rpc.wire import decode_reply, encode_request, reply_topic, request_topic
from genesis_lib.unwinding import on_failure

logger = logging.getLogger(__name__)
_warnings = LimitedWarnings(logger)

_MORE = Final.MORE
# As many as the agent's bounds let it keep, and more than it works on: the others wait here and not in its memory.
_MOST_IN_FLIGHT = 16_384

_RETRY_SECONDS = 0.1

OnPart = Callable[[AgentReply], Awaitable[None]]


class Requester:
    """Requests to one agent, and its replies in an inbox of their own.

    The inbox is a partition of the reply topic. The request writer carries its id as user data, and the Replier makes a
    reply writer for it: so `connect` can wait for both directions, and a slow client never delays another one.

    Args:
        info: the agent to call.
        source_agent_id: the agent that calls, "" for an interface.
        peer: the key of the participant that announced the agent: requests are for it, and replies are taken from it
            alone. b"" for any, when it is not known.
        max_message_bytes: largest request, and largest reply that is joined from parts.
        lease_seconds: for diagnosis.
        on_connected: called when both directions have matched.
    """

    def __init__(
        self,
        participant: Participant,
        info: AgentInfo,
        *,
        source_agent_id: str = "",
        peer: bytes = b"",
        max_message_bytes: int,
        lease_seconds: float,
        on_connected: Callable[[AgentInfo], None] = lambda info: None,
    ) -> None:
        self.info = info
        self._source_agent_id = source_agent_id
        self._lease_seconds = lease_seconds
        self._on_connected = on_connected
        self._participant = participant
        self._max_message_bytes = max_message_bytes
        self._inbox = os.urandom(INBOX_BYTES)
        self._instance_name = peer.hex()
        self._loop = asyncio.get_running_loop()
        self._pending: dict[int, PendingCall] = {}
        self._expiry = ExpiryTimer(self._loop, self._sweep)
        self._sequence = 0
        self._guid = b""
        self._matches = PeerMatches(info, peer)
        self._connected = asyncio.Event()
        self._failure: GenesisError | None = None
        self._became_idle: asyncio.Event | None = None
        self._explaining: asyncio.Task[str] | None = None
        self._waiting = 0
        self.last_used = self._loop.time()

    async def open(self) -> Self:
        """Create the endpoints. The match comes later: see `connect`."""
        service = self.info.service_name
        self._reader: Reader = await self._participant.create_reader(
            reply_topic(service), self._on_samples, partition=self._inbox.hex(), on_match=self._on_reply_writer
        )
        async with on_failure(self._reader.close):
            self._writer: Writer = await self._participant.create_writer(
                request_topic(service),
                user_data=connection_data(self._inbox, self._source_agent_id),
                on_match=self._on_request_reader,
            )
        self._guid = self._writer.guid
        self._notices = Notices(self._writer, self._instance_name)
        return self

    @property
    def connected(self) -> bool:
        """Matched in both directions."""
        return self._connected.is_set()

    @property
    def in_flight(self) -> int:
        """Number of calls that wait for the match or for their reply."""
        return len(self._pending) + self._waiting

    @property
    def lost(self) -> bool:
        """The agent went away; this Requester is of no more use."""
        return self._failure is not None

    async def connect(self, timeout_seconds: float) -> bool:
        """Wait for the match in both directions; False when it does not come in time or the agent goes away."""
        if self._failure is None and not self._connected.is_set():
            self._waiting += 1
            try:
                async with asyncio.timeout(timeout_seconds):
                    await self._connected.wait()
            except TimeoutError:
                return False
            finally:
                self._waiting -= 1
        return self._failure is None

    async def request(
        self, request: AgentRequest, deadline: float, *, connect_timeout: float, on_part: OnPart | None = None
    ) -> AgentReply:
        """Send a request and await its reply.

        Args:
            request: filled in by the caller but for identity and remaining time. It belongs to the Requester from here on.
            deadline: on the event loop's clock.
            connect_timeout: seconds to wait for the match, within the deadline.
            on_part: awaited with each part of a streamed reply but the last. Without it parts are joined to one reply.

        Raises:
            AgentUnavailable: no match in time, or the agent went away before the request could be written; nothing was sent.
            AgentLost: the agent went away while the call was in flight.
            RequestTimeout: the deadline passed. The remote handler is cancelled.
            Overloaded: too many calls to this agent are in flight; nothing was sent.
            MessageTooLarge, InvalidRequest: the request cannot go on the wire, or the joined reply is too large.
            GenesisError: the class the agent answered with.
        """
        loop = self._loop
        started = self.last_used = loop.time()
        request.writer_guid, request.instance_name = self._guid, self._instance_name
        if not self._connected.is_set() or self._failure is not None:
            await self._require_connection(request, started, deadline, connect_timeout)
            remaining = deadline - loop.time()
        else:
            remaining = deadline - started
        if len(self._pending) >= _MOST_IN_FLIGHT:
            raise Overloaded(
                f"{len(self._pending)} calls of this program to {self.info.name} are in flight; wait for some of them",
                target=self.info.agent_id,
                retry_after_seconds=_RETRY_SECONDS,
            )
        request.timeout_ns = int(remaining * 1e9)
        # Numbered only now: the Replier takes one that does not rise for a resend.
        self._sequence += 1
        number = request.sequence_number = self._sequence
        payload = encode_request(request)
        if len(payload) > self._max_message_bytes:
            raise MessageTooLarge(
                f"the request to {self.info.name} has {len(payload)} bytes, the limit is {self._max_message_bytes}"
                " (setting max_message_bytes)",
                target=self.info.agent_id,
            )
        if request.timeout_ns <= 0:
            raise no_answer(self.info, loop.time() - started)
        streams = on_part is not None
        call = self._pending[number] = PendingCall(self.info, request, loop.create_future(), started, deadline, streams)
        self._expiry.cover(deadline)
        try:
            if not self._writer.try_write(payload):
                await self._write_when_free(request, payload, started, deadline)
            call.sent = True
            if on_part is None:
                return await call.future
            return await self._receive_parts(request, call, on_part)
        finally:
            if number in self._pending:
                del self._pending[number]
                if call.sent:
                    self._tell(request, RequestKind.CANCEL)
            if self._became_idle is not None and not self._pending:
                self._became_idle.set()
            if call.future.done() and not call.future.cancelled():
                call.future.exception()  # seen, though the caller may have left before it

    async def idle(self) -> None:
        """Wait until no call is in flight."""
        self._became_idle = asyncio.Event()
        if self._pending:
            await self._became_idle.wait()

    def fail(self, error: GenesisError) -> None:
        """End all calls in flight: the agent is gone, or this Requester is being closed."""
        if self._failure is None:
            self._failure = error
            self._connected.set()
        pending, self._pending = self._pending, {}
        self._notices.forget()
        if self._became_idle is not None:
            self._became_idle.set()
        now = self._loop.time()
        for call in pending.values():
            call.fail(
                AgentLost(
                    str(error),
                    target=self.info.agent_id,
                    request_id=call.request.request_id,
                    elapsed_seconds=now - call.started,
                )
            )

    async def close(self) -> None:
        """Fail what is in flight and delete the endpoints."""
        self.fail(AgentLost(f"the connection to {self.info.name} was closed", target=self.info.agent_id))
        self._expiry.cancel()
        await asyncio.gather(self._writer.close(), self._reader.close())
        await self._notices.close()
        if self._explaining is not None:
            await asyncio.gather(self._explaining, return_exceptions=True)

    async def _require_connection(
        self, request: AgentRequest, started: float, deadline: float, connect_timeout: float
    ) -> None:
        timeout = min(connect_timeout, deadline - started)
        if timeout <= 0:
            raise no_answer(self.info, 0.0)
        if await self.connect(timeout):
            return
        if self._failure is not None:
            raise not_sent(self.info, request, self._loop.time() - started, str(self._failure))
        why = (
            f"{self.info.name} is announced but did not match within {timeout:.1f} s: {await self._explain_no_match()}."
            " 'genesis doctor' looks further"
        )
        no_match = not_sent(self.info, request, self._loop.time() - started, why)
        if timeout < min(connect_timeout, self._lease_seconds):
            no_match.request_id = ""  # who has less patience than that learns nothing about the agent
        raise no_match

    async def _explain_no_match(self) -> str:
        """Once for all calls that wait for it, as it takes its time."""
        if self._explaining is None or self._explaining.done():
            explaining = explain_no_match(self._participant, self.info.service_name, self._lease_seconds)
            self._explaining = asyncio.create_task(explaining)
        return await asyncio.shield(self._explaining)

    async def _write_when_free(self, request: AgentRequest, payload: bytes, started: float, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                await self._writer.write(payload)
        except TimeoutError:
            raise no_answer(self.info, self._loop.time() - started, request.request_id) from None
        except BusError:
            if self._failure is None:
                raise
            elapsed = self._loop.time() - started  # closed while the request waited
            raise not_sent(self.info, request, elapsed, str(self._failure)) from None

    async def _receive_parts(self, request: AgentRequest, call: PendingCall, on_part: OnPart) -> AgentReply:
        call.arrived = asyncio.Event()
        taken = 0
        while True:
            while call.parts:
                await on_part(call.parts.pop(0))
                taken += 1
                if taken % CREDIT_BATCH == 0:
                    self._tell(request, RequestKind.CREDIT)
            if call.future.done():
                return call.future.result()
            call.arrived.clear()
            await call.arrived.wait()

    def _sweep(self, now: float) -> float | None:
        earliest: float | None = None
        for call in self._pending.values():
            if call.deadline > now:
                earliest = call.deadline if earliest is None else min(earliest, call.deadline)
            else:
                call.fail(no_answer(self.info, now - call.started, call.request.request_id))
                call.parts.clear()
        return earliest

    def _tell(self, request: AgentRequest, kind: RequestKind) -> None:
        if self._failure is None:
            self._notices.tell(request, kind)

    def _on_request_reader(self, match: Match) -> None:
        self._matches.on_request_reader(match)
        self._update_connected()

    def _on_reply_writer(self, match: Match) -> None:
        self._matches.on_reply_writer(match)
        self._update_connected()

    def _update_connected(self) -> None:
        if self._matches.complete:
            if self._failure is None and not self._connected.is_set():
                self._connected.set()
                self._tell(AgentRequest(""), RequestKind.CREDIT)  # for nothing: by it the Replier measures the way
                self._on_connected(self.info)
        elif self._connected.is_set():
            reason = AgentLost(f"{self.info.name} went away", target=self.info.agent_id)
            if self._matches.reply_writers:  # it takes no more requests; what it has answered may still be on its way
                self._failure = self._failure or reason
            else:
                self.fail(reason)

    def _on_samples(self, samples: Sequence[Sample]) -> None:
        handle_each(samples, self._on_sample)

    def _on_sample(self, sample: Sample) -> None:
        if not sample.valid_data:
            return
        matches, publication = self._matches, sample.publication
        if publication not in matches.reply_writers and not matches.accepts(
            publication, self._reader.lookup_publication
        ):
            return
        try:
            reply = decode_reply(sample.payload)
        except DecodeError as error:
            name, agent_id = self.info.name, self.info.agent_id
            _warnings.warn(agent_id, "refused a reply from %s (%s): %s", name, agent_id, error)
            return
        call = self._pending.get(reply.sequence_number)
        if call is None or call.future.done() or reply.writer_guid != self._guid:
            return  # the answer to a call that was given up
        if reply.final is not _MORE:
            del self._pending[reply.sequence_number]
            call.finish(reply, self._loop.time)
        elif call.take_part(reply, len(sample.payload), self._max_message_bytes):
            self._tell(call.request, RequestKind.CREDIT)
