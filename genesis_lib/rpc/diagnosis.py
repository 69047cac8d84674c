"""Why an agent that is announced does not match."""

from __future__ import annotations

from genesis_lib.dds.compatibility import misfits
from genesis_lib.dds.port import Participant
from genesis_lib.rpc.wire import reply_topic, request_topic


async def explain_no_match(participant: Participant, service_name: str, lease_seconds: float) -> str:
    """What the built-in topics say of the service's endpoints, for the error message of a call that found no match."""
    requests, replies = request_topic(service_name), reply_topic(service_name)
    seen = [endpoint for endpoint in await participant.endpoints() if endpoint.participant != participant.guid]
    readers = [each for each in seen if each.topic == requests.name and not each.is_writer]
    writers = [each for each in seen if each.topic == replies.name and each.is_writer]
    for topic, endpoints in ((requests, readers), (replies, writers)):
        for endpoint in endpoints:
            for misfit in misfits(endpoint, topic, lease_seconds):
                return (
                    f"its {'writer' if endpoint.is_writer else 'reader'} on topic {topic.name} does not fit ({misfit})"
                )
    if not readers:
        return f"no reader on topic {requests.name} is seen from here"
    return "it made no reply writer for this inbox" if not writers else "its endpoints look compatible"
