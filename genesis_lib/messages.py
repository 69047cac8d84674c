"""What travels between agents, as typed objects. No DDS, no JSON: those stay at the codec's edge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import IntEnum
from typing import Any


class RequestKind(IntEnum):
    """What a request sample asks for."""

    CALL = 0
    CANCEL = 1
    BATCH = 2
    CREDIT = 3


class Final(IntEnum):
    """Where a reply sample stands in its sequence."""

    MORE = 0
    LAST = 1
    END = 2


@dataclass(frozen=True, slots=True)
class Attachment:
    """Bytes that travel beside a message, in either direction."""

    name: str
    media_type: str
    data: bytes


@dataclass(slots=True)
class AgentRequest:
    """One request, as the caller builds it and the Replier hands it to the handler.

    `timeout_ns` is the time that remained when the request was written, 0 for none. `call_path` holds the ids of the agents
    already in the chain, the first caller first. `instance_name` is the DDS participant that shall execute it, its key in
    hex, "" for any: two processes may announce the same agent while one replaces the other.
    """

    message: str
    writer_guid: bytes = b""
    sequence_number: int = 0
    kind: RequestKind = RequestKind.CALL
    conversation_id: str = ""
    source_agent_id: str = ""
    method: str = ""
    traceparent: str = ""
    tracestate: str = ""
    call_path: tuple[str, ...] = ()
    timeout_ns: int = 0
    idempotent: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    instance_name: str = ""

    @property
    def request_id(self) -> str:
        """The SampleIdentity as text, for logs and errors."""
        return f"{self.writer_guid.hex()}:{self.sequence_number}"


@dataclass(slots=True)
class AgentReply:
    """One part of a reply. A one-shot reply is the only part of its sequence."""

    message: str
    status: int = 0
    conversation_id: str = ""
    replier_agent_id: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    remote_exception: int = 0
    retry_after_ns: int = 0
    part_number: int = 0
    final: Final = Final.LAST
    writer_guid: bytes = b""
    sequence_number: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The reply as applications see it."""
        return {
            "message": self.message,
            "status": self.status,
            "conversation_id": self.conversation_id,
            "metadata": self.metadata,
            "attachments": list(self.attachments),
            "agent_id": self.replier_agent_id,
        }


@dataclass(frozen=True, slots=True)
class AgentInfo(Mapping[str, Any]):
    """What is known of one agent: the members of its AgentCapability, the JSON ones parsed.

    Reads as an object (`info.name`) and as a mapping (`info["name"]`, `dict(info)`).
    """

    agent_id: str
    name: str
    description: str = ""
    agent_type: str = "general"
    service_name: str = ""
    last_seen: int = 0
    capabilities: tuple[str, ...] = ()
    specializations: tuple[str, ...] = ()
    model_info: Mapping[str, Any] = field(default_factory=dict)
    classification_tags: tuple[str, ...] = ()
    performance_metrics: Mapping[str, Any] = field(default_factory=dict)
    default_capable: bool = False
    host: str = ""
    pid: int = 0
    service_instance_tag: str = ""
    agent_communication: bool = True

    @property
    def base_service_name(self) -> str:
        """The service name without the part that makes it unique to this instance."""
        return self.service_name.removesuffix(f"_{self.agent_id}")

    def __getitem__(self, key: str) -> Any:
        if key not in _INFO_KEYS:
            raise KeyError(key)
        return getattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(_INFO_KEYS)

    def __len__(self) -> int:
        return len(_INFO_KEYS)

    __hash__ = object.__hash__


_INFO_KEYS = {f.name: None for f in fields(AgentInfo)}


@dataclass(frozen=True, slots=True)
class FunctionInfo:
    """One function an agent offers: `parameter_schema` is the JSON Schema of its arguments object."""

    provider_id: str
    name: str
    description: str
    parameter_schema: Mapping[str, Any]
    service_name: str
