"""Readers and writers of Cyclone DDS, behind the port."""

from __future__ import annotations

import asyncio
import ctypes
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from cyclonedds._clayer import ddspy_dispose, ddspy_take, ddspy_write
from cyclonedds.core import DDSException, DDSStatus, Entity, Policy
from cyclonedds.internal import DDS
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader

from genesis_lib.dds.misfit_reports import MisfitReports
from genesis_lib.dds.port import InstanceState, Match, OnMatch, OnSamples, Sample, TopicSpec
from genesis_lib.errors import BusError

if TYPE_CHECKING:
    from genesis_lib.dds.cyclone import CycloneParticipant

# Called without letting go of the GIL: they return at once, and taking it back would cost a change of threads.
_quick = ctypes.PyDLL(DDS._dll_handle._name)
_write_flush = _quick.dds_write_flush
_write_flush.argtypes, _write_flush.restype = [ctypes.c_int32], ctypes.c_int32
_take_status = _quick.dds_take_status
_take_status.argtypes = [ctypes.c_int32, ctypes.POINTER(ctypes.c_uint32), ctypes.c_uint32]
_take_status.restype = ctypes.c_int32
_qset_writer_batching = DDS._dll_handle.dds_qset_writer_batching
_qset_writer_batching.argtypes, _qset_writer_batching.restype = [ctypes.c_void_p, ctypes.c_bool], None

_ANY_STATE = 0x7F
_BURST = 12
_TAKE_MOST = 64
_LAST_TAKES = 64
_HANDLE_MASK = 2**64 - 1
_STATES = {16: InstanceState.ALIVE, 32: InstanceState.DISPOSED, 64: InstanceState.NO_WRITERS}
_READER_STATUS = DDSStatus.SubscriptionMatched | DDSStatus.RequestedIncompatibleQos
_WRITER_STATUS = DDSStatus.PublicationMatched | DDSStatus.OfferedIncompatibleQos


def delete_entities(*entities: Entity) -> None:
    for entity in entities:
        if Entity._entities.pop(entity._ref, None) is not None:
            entity._delete(entity._ref)


class CycloneEndpoint:
    """What readers and writers have in common: the entity, its statuses, its matches."""

    _status_mask: int
    _peers_write: bool

    def __init__(
        self,
        participant: CycloneParticipant,
        topic: TopicSpec,
        entity: Entity,
        owned: list[Entity],
        on_match: OnMatch | None,
    ) -> None:
        self._participant = participant
        self._topic = topic
        self._entity = entity
        self._ref: int = entity._ref
        self._owned = [entity, *owned]
        self._on_match = on_match
        self._matches: dict[int, Match] = {}
        self._misfits = MisfitReports(
            lambda: participant.endpoints_on(topic.name, writers=self._peers_write),
            topic,
            participant.lease_seconds,
            participant.blocking,
        )
        self._status = ctypes.c_uint32()
        self._status_pointer = ctypes.pointer(self._status)
        self._closed = False
        entity.set_status_mask(self._status_mask)
        self._key = participant.waitset.attach(entity, self._on_trigger)

    @property
    def guid(self) -> bytes:
        return bytes(self._entity.guid.bytes)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        unused_topics = self._participant.forget(self, self._key)
        await self._misfits.close()
        # Deleting a writer lingers until its samples are acknowledged or their reader's lease has run out.
        await self._participant.blocking.run(delete_entities, *self._owned, *unused_topics)

    def _take_status(self) -> int:
        _take_status(self._ref, self._status_pointer, self._status_mask)
        return self._status.value

    def _on_trigger(self) -> None:
        raise NotImplementedError

    def _matched_handles(self) -> list[int]:
        raise NotImplementedError

    def _matched_data(self, handle: int) -> Any:
        raise NotImplementedError

    def _describe(self, handle: int) -> Match | None:
        data = self._matched_data(handle)
        if data is None:
            return None
        user_data = data.qos[Policy.Userdata].data if Policy.Userdata in data.qos else b""
        return Match(handle & _HANDLE_MASK, True, bytes(data.participant_key.bytes), user_data)

    def _update_matches(self) -> list[Match]:
        """Report new matches; return those that went away, to be reported when their samples have been."""
        current = {handle & _HANDLE_MASK: handle for handle in self._current_handles()}
        for key, handle in current.items():
            if key not in self._matches:
                match = self._describe(handle)
                if match is not None:
                    self._add_match(match)
        return [self._matches.pop(key) for key in list(self._matches) if key not in current]

    def _current_handles(self) -> list[int]:
        while True:
            with suppress(IndexError):  # the list grew between the binding's two calls
                return self._matched_handles()

    def _add_match(self, match: Match) -> None:
        self._matches[match.handle] = match
        if self._on_match is not None:
            self._on_match(match)

    def _report_gone(self, gone: list[Match]) -> None:
        if self._on_match is not None:
            for match in gone:
                self._on_match(match._replace(matched=False))


class BatchingDataWriter(DataWriter):
    """A DataWriter that collects samples until it is flushed. The binding has no policy for it, the C library has."""

    def _create_writer(self, publisher: int, topic: int, qos: Any, listener: Any) -> int:
        _qset_writer_batching(qos, True)
        return int(super()._create_writer(publisher, topic, qos, listener))


class CycloneWriter(CycloneEndpoint):
    """A writer. A batching one sends what is written in one turn of the event loop in as few packets as it takes."""

    _status_mask = _WRITER_STATUS
    _peers_write = False
    _entity: DataWriter

    def __init__(
        self,
        participant: CycloneParticipant,
        topic: TopicSpec,
        entity: DataWriter,
        owned: list[Entity],
        on_match: OnMatch | None,
    ) -> None:
        super().__init__(participant, topic, entity, owned, on_match)
        self._loop = asyncio.get_running_loop()
        self._batching = isinstance(entity, BatchingDataWriter)
        self._wake = 0
        self._turn_is_open = False
        self._written = 0
        self._unflushed = 0
        self._bursts = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    def try_write(self, payload: bytes) -> bool:
        return not self._waiting and self._write_now(payload)

    def _write_now(self, payload: bytes) -> bool:
        if self._closed:
            raise BusError(f"the writer on topic {self._topic.name} is closed")
        code = ddspy_write(self._ref, payload)
        if code == DDSException.DDS_RETCODE_OK:
            if self._batching:
                self._count_written()
            return True
        if code == DDSException.DDS_RETCODE_TIMEOUT:
            self._flush()
            return False
        raise BusError(f"Cyclone DDS refuses a sample on topic {self._topic.name}: {DDSException(code)}")

    def _count_written(self) -> None:
        """A lone sample leaves at once. Where the last turn wrote several, this one's go in packets of a few: fewer
        packets cost less, but the other side should be at work while this one still writes.

        Where a turn ends is found out by a callback, which costs a turn of its own: the first sample after data came in
        does without.
        """
        self._unflushed += 1
        if self._turn_is_open:
            self._written += 1
            if self._unflushed == _BURST:
                self._flush()
            return
        wake = self._participant.data_pipe.wakes
        if self._bursts or wake == self._wake:
            self._turn_is_open = True
            self._written = 1
            self._loop.call_soon(self._end_turn)
        self._wake = wake
        if not self._bursts:
            self._flush()

    def _end_turn(self) -> None:
        self._turn_is_open = False
        self._bursts = self._written > 1
        if self._unflushed and not self._closed:
            self._flush()

    def _flush(self) -> None:
        self._unflushed = 0
        _write_flush(self._ref)

    async def write(self, payload: bytes) -> None:
        if self.try_write(payload):
            return
        turn = self._loop.create_future()
        self._waiting.append(turn)
        try:
            if self._waiting[0] is not turn:
                await turn
            while not self._write_now(payload):
                # Ends when the readers have acknowledged everything, or one of them is given up.
                await self._participant.blocking.run(self._entity._wait_for_acks, self._ref, 1_000_000_000)
        finally:
            self._waiting.remove(turn)
            if self._waiting and not self._waiting[0].done():
                self._waiting[0].set_result(None)

    async def close(self) -> None:
        if self._unflushed and not self._closed:
            self._flush()
        await super().close()

    def dispose(self, key_payload: bytes) -> None:
        code = ddspy_dispose(self._ref, key_payload)
        if code != DDSException.DDS_RETCODE_OK:
            raise BusError(f"Cyclone DDS cannot dispose an instance on topic {self._topic.name}: {DDSException(code)}")

    def _on_trigger(self) -> None:
        status = self._take_status()
        if status & DDSStatus.PublicationMatched:
            self._report_gone(self._update_matches())
        if status & DDSStatus.OfferedIncompatibleQos:
            self._misfits.look()

    def _matched_handles(self) -> list[int]:
        return list(self._entity.get_matched_subscriptions())

    def _matched_data(self, handle: int) -> Any:
        return self._entity.get_matched_subscription_data(handle)


class CycloneReader(CycloneEndpoint):
    _status_mask = _READER_STATUS
    _peers_write = True
    _entity: DataReader

    def __init__(
        self,
        participant: CycloneParticipant,
        topic: TopicSpec,
        entity: DataReader,
        owned: list[Entity],
        on_match: OnMatch | None,
        on_samples: OnSamples,
    ) -> None:
        self._on_samples = on_samples
        super().__init__(participant, topic, entity, owned, on_match)
        self._loop = asyncio.get_running_loop()
        self._rest_is_due = False
        participant.data_pipe.attach(self._ref, self._on_data)

    async def close(self) -> None:
        self._participant.data_pipe.detach(self._ref)
        await super().close()

    def lookup_publication(self, handle: int) -> Match | None:
        match = self._matches.get(handle)
        if match is None:
            match = self._describe(handle if handle < 2**63 else handle - 2**64)
            if match is not None:
                self._add_match(match)
        return match

    def _on_trigger(self) -> None:
        status = self._take_status()
        if status & DDSStatus.SubscriptionMatched:
            self._take_leave(self._update_matches())
        if status & DDSStatus.RequestedIncompatibleQos:
            self._misfits.look()

    def _take_leave(self, gone: list[Match]) -> None:
        """Report those that went away after what they wrote, as far as that is not behind a flood of others."""
        try:
            for _ in range(_LAST_TAKES if gone else 0):
                if not self._take():
                    break
        finally:
            self._report_gone(gone)

    def _on_data(self) -> None:
        """Take so much in one turn of the event loop: who writes faster than we read must not keep all else from running."""
        if not self._rest_is_due and self._take():
            self._rest_is_due = True
            self._loop.call_soon(self._on_rest)

    def _on_rest(self) -> None:
        self._rest_is_due = False
        self._on_data()

    def _take(self) -> bool:
        """Hand over what is there, so much at most; there may be more when it returns True."""
        if self._closed:
            return False
        taken = ddspy_take(self._ref, _ANY_STATE, _TAKE_MOST)
        if isinstance(taken, int):
            raise BusError(f"Cyclone DDS cannot take from topic {self._topic.name}: {DDSException(taken)}")
        if taken:
            self._on_samples(
                [
                    Sample(
                        payload,
                        info.valid_data,
                        _STATES[info.instance_state],
                        info.publication_handle,
                        info.source_timestamp / 1e9,
                    )
                    for payload, info in taken
                ]
            )
        return len(taken) == _TAKE_MOST

    def _matched_handles(self) -> list[int]:
        return list(self._entity.get_matched_publications())

    def _matched_data(self, handle: int) -> Any:
        return self._entity.get_matched_publication_data(handle)
