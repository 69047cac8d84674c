"""The DomainParticipant on RTI Connext."""

from __future__ import annotations

import asyncio

import rti.connextdds as dds

from genesis_lib.dds.blocking import BlockingCalls
from genesis_lib.dds.connext_data import dynamic_type
from genesis_lib.dds.connext_endpoints import (
    ConnextEndpoint,
    ConnextReader,
    ConnextWriter,
    DataReader,
    DataWriter,
    Topic,
    describe_qos,
    entity_guid,
    instance_state,
    key_guid,
)
from genesis_lib.dds.connext_qos import reader_qos, writer_qos
from genesis_lib.dds.connext_waitset import WaitSetThread
from genesis_lib.dds.port import Endpoint, InstanceState, OnMatch, OnSamples, Participant, Reader, TopicSpec, Writer
from genesis_lib.errors import BusError
from genesis_lib.settings import Settings


class ConnextParticipant(Participant):
    def __init__(self, settings: Settings, entity: dds.DomainParticipant, blocking: BlockingCalls) -> None:
        self.settings = settings
        self.blocking = blocking
        self.waitset = WaitSetThread()
        self._entity = entity
        self._guid = entity_guid(entity)
        # The built-in readers know only what was discovered since they were first asked for.
        self._publications = entity.publication_reader
        self._subscriptions = entity.subscription_reader
        self._topics: dict[TopicSpec, Topic] = {}
        self._endpoints: set[ConnextEndpoint] = set()
        self._closing: asyncio.Future[None] | None = None

    @property
    def domain_id(self) -> int:
        return self.settings.domain_id

    @property
    def guid(self) -> bytes:
        return self._guid

    async def create_writer(
        self, topic: TopicSpec, *, partition: str = "", user_data: bytes = b"", on_match: OnMatch | None = None
    ) -> Writer:
        try:
            qos = writer_qos(topic.profile, self.settings, user_data)
            parent = None
            if partition:
                publisher_qos = dds.PublisherQos()
                publisher_qos.partition = dds.Partition(partition)
                parent = dds.Publisher(self._entity, publisher_qos)
            entity = DataWriter(parent or self._entity.implicit_publisher, self._topic(topic), qos)
        except dds.Exception as error:
            raise BusError(f"RTI Connext cannot create a writer on topic {topic.name}: {error}") from error
        writer = ConnextWriter(self, topic, entity, parent, on_match)
        self._endpoints.add(writer)
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
        try:
            qos = reader_qos(topic.profile, self.settings, user_data)
            parent = None
            if partition:
                subscriber_qos = dds.SubscriberQos()
                subscriber_qos.partition = dds.Partition(partition)
                parent = dds.Subscriber(self._entity, subscriber_qos)
            entity = DataReader(parent or self._entity.implicit_subscriber, self._topic(topic), qos)
        except dds.Exception as error:
            raise BusError(f"RTI Connext cannot create a reader on topic {topic.name}: {error}") from error
        reader = ConnextReader(self, topic, entity, parent, on_match, on_samples)
        self._endpoints.add(reader)
        return reader

    async def endpoints(self, topic: str = "") -> list[Endpoint]:
        own = [each.describe() for each in self._endpoints if not topic or each.spec.name == topic]
        return own + self.remote_endpoints(topic, writers=True) + self.remote_endpoints(topic, writers=False)

    async def participants(self) -> list[bytes]:
        found = [self._entity.discovered_participant_data(each) for each in self._entity.discovered_participants()]
        return [self._guid, *(key_guid(data.key) for data in found)]

    async def close(self) -> None:
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        await asyncio.gather(*(endpoint.close() for endpoint in self._endpoints))
        await self.blocking.run(self._close_blocking)
        await self.blocking.close()

    def forget(self, endpoint: ConnextEndpoint) -> None:
        """Take a closed endpoint off the books, and its topic when nobody else uses it."""
        self._endpoints.discard(endpoint)
        if all(each.spec != endpoint.spec for each in self._endpoints):
            self._topics.pop(endpoint.spec).close()

    def remote_endpoints(self, topic: str, *, writers: bool) -> list[Endpoint]:
        """What the built-in topics say of others' readers or writers, on one topic or on all."""
        reader = self._publications if writers else self._subscriptions
        with reader.read_loaned() as loaned:
            return [
                Endpoint(
                    each.data.topic_name,
                    each.data.type_name,
                    writers,
                    key_guid(each.data.participant_key),
                    bytes(each.data.user_data.value),
                    describe_qos(each.data),
                )
                for each in loaned
                if each.info.valid
                and instance_state(each.info) is InstanceState.ALIVE
                and topic in ("", each.data.topic_name)
            ]

    def _topic(self, spec: TopicSpec) -> Topic:
        if spec not in self._topics:
            self._topics[spec] = Topic(self._entity, spec.name, dynamic_type(spec.type_name))
        return self._topics[spec]

    def _close_blocking(self) -> None:
        self.waitset.close()
        self._entity.close()
