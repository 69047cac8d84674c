"""Which topic of this library an endpoint is on."""

from __future__ import annotations

from genesis_lib.dds.datamodel import struct
from genesis_lib.dds.port import Endpoint, TopicSpec
from genesis_lib.discovery.wire import AGENT_TOPIC, FUNCTION_TOPIC
from genesis_lib.monitoring.wire import EVENT_TOPIC, STATUS_TOPIC
from genesis_lib.rpc.wire import reply_topic, request_topic

_FIXED_TOPICS = {topic.name: topic for topic in (AGENT_TOPIC, FUNCTION_TOPIC, EVENT_TOPIC, STATUS_TOPIC)}


def expected_topic(endpoint: Endpoint) -> TopicSpec | None:
    """The topic of this library that the endpoint is on, None when it is somebody else's."""
    if endpoint.topic in _FIXED_TOPICS:
        return _FIXED_TOPICS[endpoint.topic]
    for ending, topic_of in (("Request", request_topic), ("Reply", reply_topic)):
        service = endpoint.topic.removesuffix(ending)
        topic = topic_of(service)
        if service != endpoint.topic and endpoint.type_name == struct(topic.type_name).qualified_name:
            return topic
    return None
