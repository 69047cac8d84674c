"""The port on Eclipse Cyclone DDS, the embedded default."""

from __future__ import annotations

import asyncio
import ctypes
import logging
from collections import deque
from typing import Any

from cyclonedds._clayer import ddspy_dispose, ddspy_take, ddspy_write
from cyclonedds.builtin import (
    BuiltinDataReader,
    BuiltinTopicDcpsParticipant,
    BuiltinTopicDcpsPublication,
    BuiltinTopicDcpsSubscription,
)
from cyclonedds.core import DDSException, DDSStatus, Entity, Policy, Qos
from cyclonedds.domain import DomainParticipant
from cyclonedds.internal import DDS
from cyclonedds.pub import DataWriter, Publisher
from cyclonedds.sub import DataReader, Subscriber
from cyclonedds.topic import Topic

from genesis_lib.dds.cyclone_domain import acquire_domain, release_domain
from genesis_lib.dds.cyclone_types import idl_type
from genesis_lib.dds.cyclone_waitset import WaitSetThread
from genesis_lib.dds.port import (
    Endpoint,
    InstanceState,
    Match,
    OnMatch,
    OnSamples,
    Participant,
    Reader,
    Sample,
    TopicSpec,
    Writer,
)
from genesis_lib.dds.qos import EndpointQos, profile
from genesis_lib.errors import BusError
from genesis_lib.settings import Settings

logger = logging.getLogger(__name__)

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
_BURST = 8
_TAKE_MOST = 512
_HANDLE_MASK = 2**64 - 1
_STATES = {16: InstanceState.ALIVE, 32: InstanceState.DISPOSED, 64: InstanceState.NO_WRITERS}
_READER_STATUS = DDSStatus.DataAvailable | DDSStatus.SubscriptionMatched | DDSStatus.RequestedIncompatibleQos
_WRITER_STATUS = DDSStatus.PublicationMatched | DDSStatus.OfferedIncompatibleQos
_POLICY_NAMES = {
    Policy.Reliability: "reliability",
    Policy.Durability: "durability",
    Policy.History: "history",
    Policy.Liveliness: "liveliness",
    Policy.Partition: "partition",
    Policy.DataRepresentation: "data representation",
}
# Numbers of the policies in an incompatible-QoS status (DDS 1.4, 2.3.3).
_POLICY_IDS = {
    2: "durability",
    4: "deadline",
    8: "liveliness",
    11: "reliability",
    22: "data representation",
    24: "type",
}


async def open_participant(settings: Settings) -> Participant:
    """Create a DomainParticipant on the running event loop.

    Raises:
        BusError: Cyclone DDS refuses the domain or the participant.
    """
    entity = await asyncio.to_thread(_create_participant, settings)
    return CycloneParticipant(settings, entity)


def _create_participant(settings: Settings) -> DomainParticipant:
    acquire_domain(settings)
    try:
        return DomainParticipant(settings.domain_id)
    except DDSException as error:
        release_domain(settings.domain_id)
        raise BusError(f"Cyclone DDS cannot create a participant on domain {settings.domain_id}: {error}") from error


def _delete(*entities: Entity) -> None:
    for entity in entities:
        if Entity._entities.pop(entity._ref, None) is not None:
            entity._delete(entity._ref)


def _qos(endpoint: EndpointQos, lease_seconds: float, user_data: bytes) -> Qos:
    reliability = (
        Policy.Reliability.Reliable(max_blocking_time=round(endpoint.max_blocking_seconds * 1e9))
        if endpoint.reliable
        else Policy.Reliability.BestEffort
    )
    durability = {
        "VOLATILE": Policy.Durability.Volatile,
        "TRANSIENT_LOCAL": Policy.Durability.TransientLocal,
    }[endpoint.durability]
    history = Policy.History.KeepAll if endpoint.depth is None else Policy.History.KeepLast(endpoint.depth)
    policies: list[Any] = [reliability, durability, history]
    if endpoint.lease_seconds is not None:
        policies.append(Policy.Liveliness.Automatic(round(lease_seconds * 1e9)))
    if not endpoint.autodispose:
        policies.append(Policy.WriterDataLifecycle(autodispose=False))
    if endpoint.lifespan_seconds is not None:
        policies.append(Policy.Lifespan(round(endpoint.lifespan_seconds * 1e9)))
    if user_data:
        policies.append(Policy.Userdata(user_data))
    return Qos(*policies)


class _Endpoint:
    """What readers and writers have in common: the entity, its statuses, its matches."""

    _status_mask: int

    def __init__(
        self, participant: CycloneParticipant, topic: str, entity: Entity, owned: list[Entity], on_match: OnMatch | None
    ) -> None:
        self._participant = participant
        self._topic = topic
        self._entity = entity
        self._ref: int = entity._ref
        self._owned = [entity, *owned]
        self._on_match = on_match
        self._matches: dict[int, Match] = {}
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
        # Deleting a writer lingers until its samples are acknowledged or their reader's lease has run out.
        await asyncio.to_thread(_delete, *self._owned, *unused_topics)

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
        try:
            current = {handle & _HANDLE_MASK: handle for handle in self._matched_handles()}
        except IndexError:  # the list grew between the binding's two calls
            current = {handle & _HANDLE_MASK: handle for handle in self._matched_handles()}
        for key, handle in current.items():
            if key not in self._matches:
                match = self._describe(handle)
                if match is not None:
                    self._add_match(match)
        return [self._matches.pop(key) for key in list(self._matches) if key not in current]

    def _add_match(self, match: Match) -> None:
        self._matches[match.handle] = match
        if self._on_match is not None:
            self._on_match(match)

    def _report_gone(self, gone: list[Match]) -> None:
        if self._on_match is not None:
            for match in gone:
                self._on_match(match._replace(matched=False))

    def _report_incompatible(self, policy_id: int, *, peers_write: bool) -> None:
        policy = _POLICY_IDS.get(policy_id, f"policy {policy_id}")
        for peer in self._participant.endpoints_on(self._topic, writers=peers_write):
            if peer.participant != self._participant.guid:
                logger.warning(
                    "refused: participant %s has a %s on topic %s with incompatible QoS (%s; it has %s)",
                    peer.participant.hex(),
                    "writer" if peers_write else "reader",
                    self._topic,
                    policy,
                    peer.qos.get(policy, "nothing we know of"),
                )


class _BatchingDataWriter(DataWriter):
    """A DataWriter that collects samples until it is flushed. The binding has no policy for it, the C library has."""

    def _create_writer(self, publisher: int, topic: int, qos: Any, listener: Any) -> int:
        _qset_writer_batching(qos, True)
        return int(super()._create_writer(publisher, topic, qos, listener))


class CycloneWriter(_Endpoint):
    """A writer. A batching one sends what is written in one turn of the event loop in as few packets as it takes."""

    _status_mask = _WRITER_STATUS
    _entity: DataWriter

    def __init__(
        self,
        participant: CycloneParticipant,
        topic: str,
        entity: DataWriter,
        owned: list[Entity],
        on_match: OnMatch | None,
    ) -> None:
        super().__init__(participant, topic, entity, owned, on_match)
        self._loop = asyncio.get_running_loop()
        self._batching = isinstance(entity, _BatchingDataWriter)
        self._turn_is_open = False
        self._written = 0
        self._unflushed = 0
        self._bursts = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    def try_write(self, payload: bytes) -> bool:
        return not self._waiting and self._write_now(payload)

    def _write_now(self, payload: bytes) -> bool:
        if self._closed:
            raise BusError(f"the writer on topic {self._topic} is closed")
        code = ddspy_write(self._ref, payload)
        if code == DDSException.DDS_RETCODE_OK:
            if self._batching:
                self._count_written()
            return True
        if code == DDSException.DDS_RETCODE_TIMEOUT:
            self._flush()
            return False
        raise BusError(f"Cyclone DDS refuses a sample on topic {self._topic}: {DDSException(code)}")

    def _count_written(self) -> None:
        """A lone sample leaves at once. Where the last turn wrote several, this one's go in packets of a few: fewer
        packets cost less, but the other side should be at work while this one still writes."""
        self._written += 1
        self._unflushed += 1
        if not self._turn_is_open:
            self._turn_is_open = True
            self._loop.call_soon(self._end_turn)
            if not self._bursts:
                self._flush()
        elif self._unflushed == _BURST:
            self._flush()

    def _end_turn(self) -> None:
        self._turn_is_open = False
        self._bursts = self._written > 1
        self._written = 0
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
                await asyncio.to_thread(self._entity._wait_for_acks, self._ref, 1_000_000_000)
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
            raise BusError(f"Cyclone DDS cannot dispose an instance on topic {self._topic}: {DDSException(code)}")

    def _on_trigger(self) -> None:
        status = self._take_status()
        if status & DDSStatus.PublicationMatched:
            self._report_gone(self._update_matches())
        if status & DDSStatus.OfferedIncompatibleQos:
            self._report_incompatible(
                self._entity.get_offered_incompatible_qos_status().last_policy_id, peers_write=False
            )

    def _matched_handles(self) -> list[int]:
        return list(self._entity.get_matched_subscriptions())

    def _matched_data(self, handle: int) -> Any:
        return self._entity.get_matched_subscription_data(handle)


class CycloneReader(_Endpoint):
    _status_mask = _READER_STATUS
    _entity: DataReader

    def __init__(
        self,
        participant: CycloneParticipant,
        topic: str,
        entity: DataReader,
        owned: list[Entity],
        on_match: OnMatch | None,
        on_samples: OnSamples,
    ) -> None:
        self._on_samples = on_samples
        super().__init__(participant, topic, entity, owned, on_match)

    def lookup_publication(self, handle: int) -> Match | None:
        match = self._matches.get(handle)
        if match is None:
            match = self._describe(handle if handle < 2**63 else handle - 2**64)
            if match is not None:
                self._add_match(match)
        return match

    def _on_trigger(self) -> None:
        status = self._take_status()
        gone = self._update_matches() if status & DDSStatus.SubscriptionMatched else []
        if status & DDSStatus.DataAvailable:
            self._take()
        self._report_gone(gone)
        if status & DDSStatus.RequestedIncompatibleQos:
            self._report_incompatible(
                self._entity.get_requested_incompatible_qos_status().last_policy_id, peers_write=True
            )

    def _take(self) -> None:
        while not self._closed:
            taken = ddspy_take(self._ref, _ANY_STATE, _TAKE_MOST)
            if isinstance(taken, int):
                raise BusError(f"Cyclone DDS cannot take from topic {self._topic}: {DDSException(taken)}")
            if taken:
                self._on_samples(
                    [
                        Sample(payload, info.valid_data, _STATES[info.instance_state], info.publication_handle)
                        for payload, info in taken
                    ]
                )
            if len(taken) < _TAKE_MOST:
                return

    def _matched_handles(self) -> list[int]:
        return list(self._entity.get_matched_publications())

    def _matched_data(self, handle: int) -> Any:
        return self._entity.get_matched_publication_data(handle)


class CycloneParticipant:
    def __init__(self, settings: Settings, entity: DomainParticipant) -> None:
        self._settings = settings
        self._entity = entity
        self._guid = bytes(entity.guid.bytes)
        self._topics: dict[TopicSpec, Topic[Any]] = {}
        self._endpoints: dict[_Endpoint, TopicSpec] = {}
        self._closed = False
        self.waitset = WaitSetThread(entity)

    @property
    def domain_id(self) -> int:
        return self._settings.domain_id

    @property
    def guid(self) -> bytes:
        return self._guid

    async def create_writer(
        self, topic: TopicSpec, *, partition: str = "", user_data: bytes = b"", on_match: OnMatch | None = None
    ) -> Writer:
        endpoint = profile(topic.profile).writer
        qos = _qos(endpoint, self._settings.lease_seconds, user_data)
        owned: list[Entity] = []
        try:
            parent: DomainParticipant | Publisher = self._entity
            if partition:
                parent = Publisher(self._entity, Qos(Policy.Partition([partition])))
                owned.append(parent)
            kind = _BatchingDataWriter if endpoint.asynchronous else DataWriter
            entity = kind(parent, self._topic(topic), qos)
        except DDSException as error:
            raise BusError(f"Cyclone DDS cannot create a writer on topic {topic.name}: {error}") from error
        writer = CycloneWriter(self, topic.name, entity, owned, on_match)
        self._endpoints[writer] = topic
        return writer

    async def create_reader(
        self,
        topic: TopicSpec,
        on_samples: OnSamples,
        *,
        partition: str = "",
        user_data: bytes = b"",
        on_match: OnMatch | None = None,
    ) -> Reader:
        qos = _qos(profile(topic.profile).reader, self._settings.lease_seconds, user_data)
        owned: list[Entity] = []
        try:
            parent: DomainParticipant | Subscriber = self._entity
            if partition:
                parent = Subscriber(self._entity, Qos(Policy.Partition([partition])))
                owned.append(parent)
            entity = DataReader(parent, self._topic(topic), qos)
        except DDSException as error:
            raise BusError(f"Cyclone DDS cannot create a reader on topic {topic.name}: {error}") from error
        reader = CycloneReader(self, topic.name, entity, owned, on_match, on_samples)
        self._endpoints[reader] = topic
        return reader

    async def endpoints(self, topic: str = "") -> list[Endpoint]:
        return self.endpoints_on(topic, writers=True) + self.endpoints_on(topic, writers=False)

    async def participants(self) -> list[bytes]:
        return [bytes(sample.key.bytes) for sample in self._read_builtin(BuiltinTopicDcpsParticipant)]

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await asyncio.gather(*(endpoint.close() for endpoint in list(self._endpoints)))
        await asyncio.to_thread(self._close_blocking)

    def forget(self, endpoint: _Endpoint, key: int) -> list[Topic[Any]]:
        """Take an endpoint that is being closed off the books. Returns its topic when nobody else uses it."""
        self.waitset.detach(key)
        topic = self._endpoints.pop(endpoint)
        return [] if topic in self._endpoints.values() else [self._topics.pop(topic)]

    def endpoints_on(self, topic: str, *, writers: bool) -> list[Endpoint]:
        """What the built-in topics say of readers or writers, on one topic or on all."""
        found = self._read_builtin(BuiltinTopicDcpsPublication if writers else BuiltinTopicDcpsSubscription)
        return [
            Endpoint(
                sample.topic_name,
                sample.type_name,
                writers,
                bytes(sample.participant_key.bytes),
                sample.qos[Policy.Userdata].data if Policy.Userdata in sample.qos else b"",
                {name: repr(sample.qos[kind]) for kind, name in _POLICY_NAMES.items() if kind in sample.qos},
            )
            for sample in found
            if not topic or sample.topic_name == topic
        ]

    def _read_builtin(self, topic: Any) -> list[Any]:
        reader = BuiltinDataReader(self._entity, topic)
        try:
            return [sample for sample in reader.read(10_000) if sample.sample_info.valid_data]
        finally:
            _delete(reader)

    def _topic(self, spec: TopicSpec) -> Topic[Any]:
        topic = self._topics.get(spec)
        if topic is None:
            topic = self._topics[spec] = Topic(self._entity, spec.name, idl_type(spec.type_name))
        return topic

    def _close_blocking(self) -> None:
        self.waitset.close()
        _delete(self._entity)
        release_domain(self.domain_id)
