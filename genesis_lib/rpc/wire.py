"""AgentRequest and AgentReply to CDR and back. JSON members and attachment manifests exist only here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from genesis_lib.dds.cdr import codec
from genesis_lib.dds.port import TopicSpec
from genesis_lib.errors import DecodeError, InvalidRequest
from genesis_lib.memo import Memo
from genesis_lib.messages import AgentReply, AgentRequest, Attachment, Final, RequestKind

_request = codec(
    "AgentAgentRequest",
    "instance_name",
    "conversation_id",
    "source_agent_id",
    "method",
    "tracestate",
    "call_path",
    "metadata",
    "attachment_manifest",
)
_reply = codec("AgentAgentReply", "conversation_id", "replier_agent_id", "metadata", "attachment_manifest")
_dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_SHORT_PATH = 1024  # characters
_KINDS = {int(kind): kind for kind in RequestKind}
_FINALS = {int(final): final for final in Final}


def request_topic(service_name: str) -> TopicSpec:
    """The topic a service reads its requests from (DDS-RPC 1.0, Basic Service Mapping)."""
    return TopicSpec(f"{service_name}Request", "AgentAgentRequest", "Rpc")


def reply_topic(service_name: str) -> TopicSpec:
    """The topic a service writes its replies to, one partition for each inbox."""
    return TopicSpec(f"{service_name}Reply", "AgentAgentReply", "Rpc")


def encode_request(request: AgentRequest) -> bytes:
    """Serialize a request.

    Raises:
        InvalidRequest: metadata is not JSON, text is not valid Unicode, an attachment is not bytes.
        MessageTooLarge: a bounded member is over its bound.
    """
    manifest, data = _pack_attachments(request.attachments) if request.attachments else ("", b"")
    return _request.encode(
        request.writer_guid,
        request.sequence_number >> 32,
        request.sequence_number & 0xFFFFFFFF,
        request.instance_name,
        request.kind,
        request.message,
        request.conversation_id,
        request.source_agent_id,
        request.method,
        request.traceparent,
        request.tracestate,
        _dumped_paths[request.call_path] if request.call_path else "",
        request.timeout_ns,
        request.idempotent,
        dump_object(request.metadata, "metadata") if request.metadata else "",
        manifest,
        data,
    )


def decode_request(payload: bytes) -> AgentRequest:
    """Deserialize a request.

    Raises:
        DecodeError: the bytes are no request, or one of its JSON members is not what it should be.
    """
    (
        guid,
        high,
        low,
        instance_name,
        kind,
        message,
        conversation_id,
        source_agent_id,
        method,
        traceparent,
        tracestate,
        call_path,
        timeout_ns,
        idempotent,
        metadata,
        manifest,
        data,
    ) = _request.decode(payload)
    return AgentRequest(
        message,
        guid,
        high << 32 | low,
        _known_kind(kind),
        conversation_id,
        source_agent_id,
        method,
        traceparent,
        tracestate,
        _parsed_paths[call_path] if call_path else (),
        timeout_ns,
        idempotent,
        load_object(metadata, "metadata") if metadata else {},
        _unpack_attachments(manifest, data) if manifest else (),
        instance_name,
    )


def decode_request_head(payload: bytes) -> AgentRequest:
    """Deserialize what tells a request apart, for one that is refused: nothing that has to be parsed. Raises as
    `decode_request`."""
    guid, high, low, instance_name, kind, _, conversation_id, source_agent_id, method, *_ = _request.decode(payload)
    return AgentRequest(
        "",
        guid,
        high << 32 | low,
        _known_kind(kind),
        conversation_id,
        source_agent_id,
        method,
        instance_name=instance_name,
    )


def encode_reply(reply: AgentReply) -> bytes:
    """Serialize one part of a reply; raises as `encode_request`."""
    manifest, data = _pack_attachments(reply.attachments) if reply.attachments else ("", b"")
    return _reply.encode(
        reply.writer_guid,
        reply.sequence_number >> 32,
        reply.sequence_number & 0xFFFFFFFF,
        reply.remote_exception,
        reply.part_number,
        reply.final,
        reply.message,
        reply.status,
        reply.conversation_id,
        reply.replier_agent_id,
        dump_object(reply.metadata, "metadata") if reply.metadata else "",
        manifest,
        data,
        reply.retry_after_ns,
    )


def decode_reply(payload: bytes) -> AgentReply:
    """Deserialize one part of a reply; raises as `decode_request`."""
    (
        guid,
        high,
        low,
        remote_exception,
        part_number,
        final,
        message,
        status,
        conversation_id,
        replier_agent_id,
        metadata,
        manifest,
        data,
        retry_after_ns,
    ) = _reply.decode(payload)
    if final not in _FINALS:
        raise DecodeError(f"AgentAgentReply.final is {final}, known are 0 to {max(_FINALS)}")
    return AgentReply(
        message,
        status,
        conversation_id,
        replier_agent_id,
        load_object(metadata, "metadata") if metadata else {},
        _unpack_attachments(manifest, data) if manifest else (),
        remote_exception,
        retry_after_ns,
        part_number,
        _FINALS[final],
        guid,
        high << 32 | low,
    )


def dump_object(value: Mapping[str, Any], what: str) -> str:
    """A JSON object as text.

    Raises:
        InvalidRequest: it is no mapping, or holds what JSON cannot.
    """
    if not isinstance(value, Mapping):
        raise InvalidRequest(f"{what} has to be a dict, this is {type(value).__name__}")
    try:
        return _dumps(dict(value))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"{what} cannot be written as JSON: {error}") from error


def load_object(text: str, what: str) -> dict[str, Any]:
    """The JSON object a member holds.

    Raises:
        DecodeError: it is not JSON, or no object.
    """
    value = load_json(text, what)
    if not isinstance(value, dict):
        raise DecodeError(f"{what} is not a JSON object")
    return value


def load_json(text: str, what: str) -> Any:
    """The JSON value a member holds.

    Raises:
        DecodeError: it is not JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"{what} is not JSON: {error}") from error


def _known_kind(kind: int) -> RequestKind:
    if kind not in _KINDS:
        raise DecodeError(f"AgentAgentRequest.kind is {kind}, known are 0 to {max(_KINDS)}")
    return _KINDS[kind]


def _parse_path(text: str) -> tuple[str, ...]:
    value = load_json(text, "call_path")
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise DecodeError("call_path is not a JSON array of strings")
    return tuple(value)


_dumped_paths: Memo[tuple[str, ...], str] = Memo(_dumps, lambda path: sum(map(len, path)) <= _SHORT_PATH)
_parsed_paths: Memo[str, tuple[str, ...]] = Memo(_parse_path, lambda text: len(text) <= _SHORT_PATH)


def _pack_attachments(attachments: tuple[Attachment, ...]) -> tuple[str, bytes]:
    for attachment in attachments:
        match attachment:
            case Attachment(str(), str(), bytes()):
                pass
            case _:
                raise InvalidRequest(
                    "an attachment has to be an Attachment with a name and a media type, both text, and bytes;"
                    f" this is {attachment!r:.200}"
                )
    manifest = [[attachment.name, attachment.media_type, len(attachment.data)] for attachment in attachments]
    return _dumps(manifest), b"".join(attachment.data for attachment in attachments)


def _unpack_attachments(manifest: str, data: bytes) -> tuple[Attachment, ...]:
    entries = load_json(manifest, "attachment_manifest")
    if not isinstance(entries, list):
        raise DecodeError("attachment_manifest is not a JSON array")
    attachments: list[Attachment] = []
    start = 0
    for entry in entries:
        match entry:
            case [str(name), str(media_type), int(size)] if 0 <= size <= len(data) - start:
                attachments.append(Attachment(name, media_type, data[start : start + size]))
                start += size
            case _:
                raise DecodeError(f"attachment_manifest does not fit attachment_data: {entry!r}")
    return tuple(attachments)
