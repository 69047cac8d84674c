"""Topics and samples for the port's tests: of types the data model has, on topics of their own."""

from __future__ import annotations

from genesis_lib.dds.port import InstanceState, Sample, TopicSpec
from genesis_lib.discovery.wire import decode_agent_key, encode_agent, encode_agent_key
from genesis_lib.messages import AgentInfo, AgentRequest
from genesis_lib.rpc.wire import decode_request, encode_request

RPC = TopicSpec("ContractRpc", "AgentAgentRequest", "Rpc")
DURABLE = TopicSpec("ContractDurable", "AgentCapability", "Discovery")
EVENTS = TopicSpec("ContractEvents", "MonitoringEvent", "Events")


def request(number: int, text: str = "") -> bytes:
    """A payload for `RPC`."""
    return encode_request(AgentRequest(text, bytes(16), number))


def numbers(payloads: list[bytes]) -> list[int]:
    """The numbers of such payloads."""
    return [decode_request(payload).sequence_number for payload in payloads]


def agent(agent_id: str, name: str = "someone") -> bytes:
    """A payload for `DURABLE`."""
    return encode_agent(AgentInfo(agent_id, name))


def agent_key(agent_id: str) -> bytes:
    return encode_agent_key(agent_id)


def departures(taken: list[Sample]) -> list[tuple[str, InstanceState]]:
    """The ids in samples without data, and what became of them."""
    return [(decode_agent_key(sample.payload), sample.state) for sample in taken if not sample.valid_data]
