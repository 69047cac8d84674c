"""The port on Eclipse Cyclone DDS, the embedded default."""

from __future__ import annotations

import asyncio
from typing import Any

from cyclonedds.builtin import (
    BuiltinDataReader,
    BuiltinTopicDcpsParticipant,
    BuiltinTopicDcpsPublication,
    BuiltinTopicDcpsSubscription,
)
from cyclonedds.core import DDSException, Entity, Policy, Qos
from cyclonedds.domain import DomainParticipant
from cyclonedds.pub import DataWriter, Publisher
from cyclonedds.sub import DataReader, Subscriber
from cyclonedds.topic import Topic

from genesis_lib.dds.blocking import BlockingCalls
from genesis_lib.dds.cyclone_data_pipe import DataPipe
from genesis_lib.dds.cyclone_domain import acquire_domain, release_domain
from genesis_lib.dds.cyclone_endpoints import (
    BatchingDataWriter,
    CycloneEndpoint,
    CycloneReader,
    CycloneWriter,
    delete_entities,
)
from genesis_lib.dds.cyclone_types import idl_type
from genesis_lib.dds.cyclone_waitset import WaitSetThread
from genesis_lib.dds.port import (
    Endpoint,
    OnMatch,
    OnSamples,
    Participant,
    Reader,
    TopicSpec,
    Writer,
)
from genesis_lib.dds.qos import EndpointQos, profile
from genesis_lib.errors import BusError
from genesis_lib.settings import Settings
from genesis_lib.unwinding import on_failure

_POLICY_NAMES = {
    Policy.Reliability: "reliability",
    Policy.Durability: "durability",
    Policy.History: "history",
    Policy.Liveliness: "liveliness",
    Policy.Partition: "partition",
    Policy.DataRepresentation: "data representation",
}


async def open_participant(settings: Settings) -> Participant:
    """Create a DomainParticipant on the running event loop.

    Raises:
        BusError: Cyclone DDS refuses the domain or the participant.
    """
    blocking = BlockingCalls()
    async with on_failure(blocking.close):
        return CycloneParticipant(settings, await blocking.run(_create_participant, settings), blocking)


def _create_participant(settings: Settings) -> DomainParticipant:
    acquire_domain(settings)
    try:
        return DomainParticipant(settings.domain_id)
    except DDSException as error:
        release_domain(settings.domain_id)
        raise BusError(f"Cyclone DDS cannot create a participant on domain {settings.domain_id}: {error}") from error


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


class CycloneParticipant:
    def __init__(self, settings: Settings, entity: DomainParticipant, blocking: BlockingCalls) -> None:
        self.blocking = blocking
        self._settings = settings
        self._entity = entity
        self._guid = bytes(entity.guid.bytes)
        self._topics: dict[TopicSpec, Topic[Any]] = {}
        self._endpoints: dict[CycloneEndpoint, TopicSpec] = {}
        self._closed = False
        self.waitset = WaitSetThread(entity)
        self.data_pipe = DataPipe()

    @property
    def domain_id(self) -> int:
        return self._settings.domain_id

    @property
    def lease_seconds(self) -> float:
        return self._settings.lease_seconds

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
            kind = BatchingDataWriter if endpoint.asynchronous else DataWriter
            entity = kind(parent, self._topic(topic), qos)
        except DDSException as error:
            raise BusError(f"Cyclone DDS cannot create a writer on topic {topic.name}: {error}") from error
        writer = CycloneWriter(self, topic, entity, owned, on_match)
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
            entity = DataReader(parent, self._topic(topic), qos, self.data_pipe.listener)
        except DDSException as error:
            raise BusError(f"Cyclone DDS cannot create a reader on topic {topic.name}: {error}") from error
        reader = CycloneReader(self, topic, entity, owned, on_match, on_samples)
        self._endpoints[reader] = topic
        return reader

    async def endpoints(self, topic: str = "") -> list[Endpoint]:
        return await self.blocking.run(self._endpoints_of_all, topic)

    async def participants(self) -> list[bytes]:
        found = await self.blocking.run(self._read_builtin, BuiltinTopicDcpsParticipant)
        return [bytes(sample.key.bytes) for sample in found]

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await asyncio.gather(*(endpoint.close() for endpoint in list(self._endpoints)))
        self.data_pipe.stop()
        await self.blocking.run(self._close_blocking)
        await self.blocking.close()

    def forget(self, endpoint: CycloneEndpoint, key: int) -> list[Topic[Any]]:
        """Take an endpoint that is being closed off the books. Returns its topic when nobody else uses it."""
        self.waitset.detach(key)
        topic = self._endpoints.pop(endpoint)
        return [] if topic in self._endpoints.values() else [self._topics.pop(topic)]

    def endpoints_on(self, topic: str, *, writers: bool) -> list[Endpoint]:
        """What the built-in topics say of readers or writers, on one topic or on all. Blocks."""
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

    def _endpoints_of_all(self, topic: str) -> list[Endpoint]:
        return self.endpoints_on(topic, writers=True) + self.endpoints_on(topic, writers=False)

    def _read_builtin(self, topic: Any) -> list[Any]:
        try:
            reader = BuiltinDataReader(self._entity, topic)
        except DDSException as error:
            raise BusError(f"Cyclone DDS cannot say who is on domain {self.domain_id}: {error}") from error
        try:
            return [sample for sample in reader.read(10_000) if sample.sample_info.valid_data]
        finally:
            delete_entities(reader)

    def _topic(self, spec: TopicSpec) -> Topic[Any]:
        topic = self._topics.get(spec)
        if topic is None:
            topic = self._topics[spec] = Topic(self._entity, spec.name, idl_type(spec.type_name))
        return topic

    def _close_blocking(self) -> None:
        self.waitset.close()
        delete_entities(self._entity)
        self.data_pipe.close()
        release_domain(self.domain_id)
