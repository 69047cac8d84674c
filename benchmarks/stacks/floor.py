"""The raw Cyclone DDS floor: the library's types, QoS and domain, and nothing else of it.

No guards, no deadlines, no tasks for requests on the server. One WaitSet thread takes samples in batches and hands each
batch to the event loop with one call; requests and replies are correlated by sequence number. Writers batch: what is
written in one turn of the event loop shares UDP packets, and a request that is the only one in flight goes out at once.
"""

from __future__ import annotations

import asyncio
import ctypes
import itertools
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from cyclonedds._clayer import ddspy_take, ddspy_write
from cyclonedds.core import DDSException, DDSStatus, GuardCondition, Policy, Qos, WaitSet
from cyclonedds.domain import DomainParticipant
from cyclonedds.internal import dds_infinity, load_cyclonedds
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic

from benchmarks.stack import Client, Stack, run_stack
from genesis_lib.dds.cdr import codec
from genesis_lib.dds.cyclone_domain import acquire_domain, release_domain
from genesis_lib.dds.cyclone_types import idl_type
from genesis_lib.settings import load_settings

SERVICE = "BenchmarkFloor"
NO_GUID = bytes(16)
ANY_STATE = 0x7F
TAKE_MOST = 512
# Profile Rpc of config/qos.xml.
RPC_QOS = Qos(Policy.Reliability.Reliable(max_blocking_time=0), Policy.Durability.Volatile, Policy.History.KeepAll)
FIRST_REPLY_SECONDS = 0.25
FIRST_REPLY_ATTEMPTS = 40

_ddsc = load_cyclonedds()
_ddsc.dds_qset_writer_batching.argtypes = (ctypes.c_void_p, ctypes.c_bool)
_ddsc.dds_write_flush.argtypes = (ctypes.c_int32,)

OnBatch = Callable[[list[bytes]], None]
_encode_request = codec("AgentAgentRequest").encode
_decode_request = codec("AgentAgentRequest").decode
_encode_reply = codec("AgentAgentReply").encode
_decode_reply = codec("AgentAgentReply").decode


class _BatchingWriter(DataWriter):  # type: ignore[misc]
    """The binding has no name for this policy of Cyclone's."""

    def _create_writer(self, parent: Any, topic: Any, qos: Any, listener: Any) -> Any:
        _ddsc.dds_qset_writer_batching(qos, True)
        return super()._create_writer(parent, topic, qos, listener)


class _Bus:
    """A writer and a reader, the thread that waits for the reader, and what a throttled writer still has to send."""

    def __init__(self, writes: str, reads: str, on_batch: OnBatch) -> None:
        settings = load_settings()
        acquire_domain(settings)
        self._domain_id = settings.domain_id
        self._loop = asyncio.get_running_loop()
        self._on_batch = on_batch
        self._backlog: deque[bytes] = deque()
        self._catching_up: asyncio.Task[None] | None = None
        self._flush_due = False
        self._participant = DomainParticipant(settings.domain_id)
        self._writer = _BatchingWriter(self._participant, self._topic(writes), RPC_QOS)
        self._reader = DataReader(self._participant, self._topic(reads), RPC_QOS)
        self._reader.set_status_mask(DDSStatus.DataAvailable)
        self._guard = GuardCondition(self._participant)
        self._waitset = WaitSet(self._participant)
        self._waitset.attach(self._reader)
        self._waitset.attach(self._guard)
        self._closing = False
        self._thread = threading.Thread(target=self._wait, daemon=True)
        self._thread.start()

    def _topic(self, direction: str) -> Topic[Any]:
        return Topic(self._participant, SERVICE + direction, idl_type(f"AgentAgent{direction}"))

    def write(self, payload: bytes) -> None:
        """Write into the batch, or as soon as the readers have caught up."""
        if self._backlog or not self._try_write(payload):
            self._backlog.append(payload)
            if self._catching_up is None:
                self._catching_up = self._loop.create_task(self._catch_up())

    def flush(self) -> None:
        """Send what was written."""
        self._flush_due = False
        _ddsc.dds_write_flush(self._writer._ref)

    def flush_soon(self) -> None:
        """Send what is written in this turn of the event loop."""
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self.flush)

    def _try_write(self, payload: bytes) -> bool:
        code = ddspy_write(self._writer._ref, payload)
        if code not in (DDSException.DDS_RETCODE_OK, DDSException.DDS_RETCODE_TIMEOUT):
            raise DDSException(code)
        return bool(code == DDSException.DDS_RETCODE_OK)

    async def _catch_up(self) -> None:
        while self._backlog:
            if self._try_write(self._backlog[0]):
                self._backlog.popleft()
            else:
                self.flush()
                await asyncio.to_thread(self._writer._wait_for_acks, self._writer._ref, 1_000_000_000)
        self.flush()
        self._catching_up = None

    def _wait(self) -> None:
        waitset, reader, hand_over = self._waitset, self._reader._ref, self._loop.call_soon_threadsafe
        while waitset._waitset_wait(waitset._ref, None, 0, dds_infinity) >= 0 and not self._closing:
            taken = ddspy_take(reader, ANY_STATE, TAKE_MOST)
            batch = [payload for payload, info in taken if info.valid_data]
            if batch:
                hand_over(self._on_batch, batch)

    def close(self) -> None:
        self._closing = True
        self._guard.set(True)
        self._thread.join()
        self._participant._delete(self._participant._ref)
        release_domain(self._domain_id)


@asynccontextmanager
async def serve() -> AsyncIterator[str]:
    def echo(batch: list[bytes]) -> None:
        for payload in batch:
            guid, high, low, _instance, _kind, message, *_ = _decode_request(payload)
            bus.write(_encode_reply(guid, high, low, 0, 0, 1, message, 0, "", "", "", "", b"", 0))
        bus.flush()

    bus = _Bus("Reply", "Request", echo)
    try:
        yield SERVICE
    finally:
        bus.close()


class _Client:
    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count(1)
        self._pending: dict[int, asyncio.Future[str]] = {}
        self.bus = _Bus("Request", "Reply", self._on_replies)

    async def request(self, text: str) -> str:
        number = next(self._numbers)
        future: asyncio.Future[str] = self._loop.create_future()
        self._pending[number] = future
        self.bus.write(_encode_request(NO_GUID, 0, number, "", 0, text, "", "", "", "", "", "", 0, False, "", "", b""))
        if len(self._pending) == 1:
            self.bus.flush()
        else:
            self.bus.flush_soon()
        return await future

    def _on_replies(self, batch: list[bytes]) -> None:
        for payload in batch:
            _guid, _high, number, _code, _part, _final, message, *_ = _decode_reply(payload)
            future = self._pending.pop(number)
            if not future.cancelled():
                future.set_result(message)

    async def first_reply(self) -> None:
        """Ask until the endpoints have found each other in both directions."""
        for _attempt in range(FIRST_REPLY_ATTEMPTS):
            try:
                async with asyncio.timeout(FIRST_REPLY_SECONDS):
                    await self.request("hello")
                return
            except TimeoutError:
                continue
        raise ConnectionError("the floor's server did not answer")


@asynccontextmanager
async def connect(address: str) -> AsyncIterator[Client]:
    client = _Client()
    try:
        await client.first_reply()
        yield client
    finally:
        client.bus.close()


STACK = Stack(serve, connect)

if __name__ == "__main__":
    run_stack(STACK)
