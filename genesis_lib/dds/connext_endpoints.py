"""Writers and readers on RTI Connext."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, TypeAlias

import rti.connextdds as dds

from genesis_lib.dds.connext_data import data_to_key, data_to_payload, key_to_data, payload_to_data
from genesis_lib.dds.misfit_reports import MisfitReports
from genesis_lib.dds.port import Endpoint, InstanceState, Match, OnMatch, OnSamples, Sample, TopicSpec
from genesis_lib.errors import BusError

if TYPE_CHECKING:
    from genesis_lib.dds.connext_participant import ConnextParticipant

DataWriter: TypeAlias = dds.DynamicData.DataWriter
DataReader: TypeAlias = dds.DynamicData.DataReader
Topic: TypeAlias = dds.DynamicData.Topic
RemoteEndpoint: TypeAlias = dds.PublicationBuiltinTopicData | dds.SubscriptionBuiltinTopicData

_WRITER_STATUS = dds.StatusMask.PUBLICATION_MATCHED | dds.StatusMask.OFFERED_INCOMPATIBLE_QOS
_READER_STATUS = (
    dds.StatusMask.DATA_AVAILABLE | dds.StatusMask.SUBSCRIPTION_MATCHED | dds.StatusMask.REQUESTED_INCOMPATIBLE_QOS
)


def _number(handle: dds.InstanceHandle) -> int:
    return int(str(handle), 16)


def entity_guid(entity: dds.IEntity) -> bytes:
    return bytes.fromhex(str(entity.instance_handle))


def key_guid(key: dds.BuiltinTopicKey) -> bytes:
    return bytes.fromhex(str(dds.Guid(key)))


def instance_state(info: dds.SampleInfo) -> InstanceState:
    state = info.state.instance_state
    if state == dds.InstanceState.NOT_ALIVE_DISPOSED:
        return InstanceState.DISPOSED
    return InstanceState.ALIVE if state == dds.InstanceState.ALIVE else InstanceState.NO_WRITERS


def describe_qos(qos: RemoteEndpoint | dds.DataWriterQos | dds.DataReaderQos) -> dict[str, str]:
    return {
        "reliability": str(qos.reliability.kind),
        "durability": str(qos.durability.kind),
        "liveliness": f"{qos.liveliness.kind}, lease {qos.liveliness.lease_duration}",
    }


class ConnextEndpoint:
    """What readers and writers have in common: statuses and matches."""

    _peers_write: bool

    def __init__(
        self,
        participant: ConnextParticipant,
        spec: TopicSpec,
        entity: DataWriter | DataReader,
        parent: dds.Publisher | dds.Subscriber | None,
        on_match: OnMatch | None,
    ) -> None:
        self.spec = spec
        self._participant = participant
        self._parent = parent
        self._on_match = on_match
        self._matches: dict[int, Match] = {}
        self._misfits = MisfitReports(
            lambda: participant.remote_endpoints(spec.name, writers=self._peers_write),
            spec,
            participant.settings.lease_seconds,
            participant.blocking,
        )
        self._closing: asyncio.Future[None] | None = None
        self.guid = entity_guid(entity)
        self._condition = dds.StatusCondition(entity)
        self._condition.enabled_statuses = _WRITER_STATUS if isinstance(entity, DataWriter) else _READER_STATUS
        self._condition.set_handler(self._handle)
        participant.waitset.attach(self._condition)

    def describe(self) -> Endpoint:
        """Oneself, as others see one in the built-in topics."""
        raise NotImplementedError

    async def close(self) -> None:
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self._participant.waitset.detach(self._condition)
        self._condition.reset_handler()
        await self._misfits.close()
        await self._participant.blocking.run(self._close_blocking)
        self._participant.forget(self)

    def _close_blocking(self) -> None:
        self._close_entity()
        if self._parent is not None:
            self._parent.close()

    def _close_entity(self) -> None:
        raise NotImplementedError

    def _handle(self, _: dds.StatusCondition) -> None:
        if self._closing is None:
            self._on_trigger()

    def _on_trigger(self) -> None:
        raise NotImplementedError

    def _matched_handles(self) -> dds.InstanceHandleSeq:
        raise NotImplementedError

    def _matched_data(self, handle: dds.InstanceHandle) -> RemoteEndpoint:
        raise NotImplementedError

    def _update_matches(self) -> list[Match]:
        """Report new matches; return those that went away, to be reported when their samples have been."""
        current = {_number(handle): handle for handle in self._matched_handles()}
        for number, handle in current.items():
            if number not in self._matches:
                self._add_match(handle)
        return [self._matches.pop(number) for number in list(self._matches) if number not in current]

    def _add_match(self, handle: dds.InstanceHandle) -> Match | None:
        try:
            data = self._matched_data(handle)
        except dds.Exception:
            return None  # it went away in this very moment
        match = Match(_number(handle), True, key_guid(data.participant_key), bytes(data.user_data.value))
        self._matches[match.handle] = match
        self._report(match)
        return match

    def _report_gone(self, gone: list[Match]) -> None:
        for match in gone:
            self._report(match._replace(matched=False))

    def _report(self, match: Match) -> None:
        if self._on_match is not None and self._closing is None:
            self._on_match(match)


class ConnextWriter(ConnextEndpoint):
    _peers_write = False

    def __init__(
        self,
        participant: ConnextParticipant,
        spec: TopicSpec,
        entity: DataWriter,
        parent: dds.Publisher | None,
        on_match: OnMatch | None,
    ) -> None:
        self._entity = entity
        self._waiting: deque[asyncio.Future[None]] = deque()
        super().__init__(participant, spec, entity, parent, on_match)

    def try_write(self, payload: bytes) -> bool:
        return not self._waiting and self._write_now(payload)

    def _write_now(self, payload: bytes) -> bool:
        if self._closing is not None:
            raise BusError(f"the writer on topic {self.spec.name} is closed")
        data = payload_to_data(payload, self.spec.type_name)
        try:
            self._entity.write(data)
        except (dds.TimeoutError, dds.OutOfResourcesError):
            return False
        except dds.Exception as error:
            raise BusError(f"RTI Connext refuses a sample on topic {self.spec.name}: {error}") from error
        return True

    async def write(self, payload: bytes) -> None:
        if self.try_write(payload):
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            if self._waiting[0] is not turn:
                await turn
            while not self._write_now(payload):
                # Ends when the readers have acknowledged everything, or one of them is given up.
                await self._participant.blocking.run(self._wait_for_acknowledgments, 1.0)
        finally:
            self._waiting.remove(turn)
            if self._waiting and not self._waiting[0].done():
                self._waiting[0].set_result(None)

    def dispose(self, key_payload: bytes) -> None:
        try:
            self._entity.dispose_instance(self._entity.register_instance(key_to_data(key_payload, self.spec.type_name)))
        except dds.Exception as error:
            raise BusError(f"RTI Connext cannot dispose an instance on topic {self.spec.name}: {error}") from error

    def describe(self) -> Endpoint:
        qos = self._entity.qos
        user_data = bytes(qos.user_data.value)
        type_name = self._entity.type_name
        return Endpoint(self.spec.name, type_name, True, self._participant.guid, user_data, describe_qos(qos))

    def _wait_for_acknowledgments(self, seconds: float) -> None:
        with contextlib.suppress(dds.TimeoutError):
            self._entity.wait_for_acknowledgments(dds.Duration.from_seconds(seconds))

    def _close_entity(self) -> None:
        # Connext forgets what is not acknowledged when its writer is deleted, a last reply or a dispose among it.
        self._wait_for_acknowledgments(self._participant.settings.lease_seconds)
        self._entity.close()

    def _on_trigger(self) -> None:
        changes = self._entity.status_changes
        if dds.StatusMask.PUBLICATION_MATCHED in changes:
            _ = self._entity.publication_matched_status  # reading it clears it
            self._report_gone(self._update_matches())
        if dds.StatusMask.OFFERED_INCOMPATIBLE_QOS in changes:
            self._misfits.look()

    def _matched_handles(self) -> dds.InstanceHandleSeq:
        return self._entity.matched_subscriptions

    def _matched_data(self, handle: dds.InstanceHandle) -> RemoteEndpoint:
        return self._entity.matched_subscription_data(handle)


class ConnextReader(ConnextEndpoint):
    _peers_write = True

    def __init__(
        self,
        participant: ConnextParticipant,
        spec: TopicSpec,
        entity: DataReader,
        parent: dds.Subscriber | None,
        on_match: OnMatch | None,
        on_samples: OnSamples,
    ) -> None:
        self._entity = entity
        self._on_samples = on_samples
        super().__init__(participant, spec, entity, parent, on_match)

    def lookup_publication(self, handle: int) -> Match | None:
        if handle in self._matches:
            return self._matches[handle]
        found = next((each for each in self._entity.matched_publications if _number(each) == handle), None)
        return None if found is None else self._add_match(found)

    def describe(self) -> Endpoint:
        qos = self._entity.qos
        user_data = bytes(qos.user_data.value)
        type_name = self._entity.type_name
        return Endpoint(self.spec.name, type_name, False, self._participant.guid, user_data, describe_qos(qos))

    def _close_entity(self) -> None:
        self._entity.close()

    def _on_trigger(self) -> None:
        changes = self._entity.status_changes
        gone: list[Match] = []
        if dds.StatusMask.SUBSCRIPTION_MATCHED in changes:
            _ = self._entity.subscription_matched_status  # reading it clears it
            gone = self._update_matches()
        if dds.StatusMask.DATA_AVAILABLE in changes:
            self._take()
        self._report_gone(gone)
        if self._closing is None and dds.StatusMask.REQUESTED_INCOMPATIBLE_QOS in changes:
            self._misfits.look()

    def _take(self) -> None:
        with self._entity.take_loaned() as loaned:
            samples = [self._sample(each) for each in loaned]
        if samples and self._closing is None:
            self._on_samples(samples)

    def _sample(self, loaned: dds.DynamicData.LoanedSample) -> Sample:
        info = loaned.info
        if info.valid:
            payload = data_to_payload(loaned.data)
        else:
            payload = data_to_key(self._entity.key_value(info.instance_handle), self.spec.type_name)
        sent = info.source_timestamp
        return Sample(
            payload, info.valid, instance_state(info), _number(info.publication_handle), sent.sec + sent.nanosec / 1e9
        )

    def _matched_handles(self) -> dds.InstanceHandleSeq:
        return self._entity.matched_publications

    def _matched_data(self, handle: dds.InstanceHandle) -> RemoteEndpoint:
        return self._entity.matched_publication_data(handle)
