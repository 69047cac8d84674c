"""Why an agent that is announced does not match."""

from __future__ import annotations

from genesis_lib.dds.port import Endpoint, Participant
from genesis_lib.rpc.wire import reply_topic, request_topic


async def explain_no_match(participant: Participant, service_name: str) -> str:
    """What the built-in topics say of the service's endpoints, for the error message of a call that found no match."""
    requests, replies = request_topic(service_name), reply_topic(service_name)
    seen = [endpoint for endpoint in await participant.endpoints() if endpoint.participant != participant.guid]
    reader = next((each for each in seen if each.topic == requests.name and not each.is_writer), None)
    writer = next((each for each in seen if each.topic == replies.name and each.is_writer), None)
    if reader is None:
        return f"no reader on topic {requests.name} is seen from here"
    return (
        _mismatch(reader, requests.type_name)
        or (_mismatch(writer, replies.type_name) if writer is not None else None)
        or ("it made no reply writer for this inbox" if writer is None else "its endpoints look compatible")
    )


def _mismatch(endpoint: Endpoint, type_name: str) -> str | None:
    what = f"its {'writer' if endpoint.is_writer else 'reader'} on topic {endpoint.topic}"
    if endpoint.type_name != f"genesis_lib::{type_name}":
        return f"{what} has type {endpoint.type_name}, not genesis_lib::{type_name}"
    if endpoint.is_writer and "BestEffort" in endpoint.qos.get("reliability", ""):
        return f"{what} is best effort, reliable is needed"
    return None
