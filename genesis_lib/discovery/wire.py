"""AgentInfo and FunctionInfo to CDR and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from genesis_lib.dds.cdr import codec
from genesis_lib.dds.port import TopicSpec
from genesis_lib.errors import DecodeError, InvalidRequest
from genesis_lib.identity import problem_of_names
from genesis_lib.messages import AgentInfo, FunctionInfo

AGENT_TOPIC = TopicSpec("AgentCapability", "AgentCapability", "Discovery")
FUNCTION_TOPIC = TopicSpec("FunctionCapability", "FunctionCapability", "Discovery")

_agent = codec("AgentCapability")
_function = codec("FunctionCapability")


def encode_agent(info: AgentInfo) -> bytes:
    """Serialize an agent's capability.

    Raises:
        MessageTooLarge: a member is over its bound.
        InvalidRequest: a member holds what JSON or the wire cannot.
    """
    return _agent.encode(
        info.agent_id,
        info.name,
        info.description,
        info.agent_type,
        info.service_name,
        info.last_seen,
        _dump_names(info.capabilities, "capabilities"),
        _dump_names(info.specializations, "specializations"),
        _dump(dict(info.model_info), "model_info") if info.model_info else "",
        _dump_names(info.classification_tags, "classification_tags"),
        _dump(dict(info.performance_metrics), "performance_metrics") if info.performance_metrics else "",
        info.default_capable,
        info.host,
        info.pid,
        info.service_instance_tag,
        info.agent_communication,
    )


def decode_agent(payload: bytes) -> AgentInfo:
    """Deserialize an agent's capability.

    Raises:
        DecodeError: the bytes are no capability, no agent can have such names, or a JSON member is not what it should be.
    """
    (
        agent_id,
        name,
        description,
        agent_type,
        service_name,
        last_seen,
        capabilities,
        specializations,
        model_info,
        classification_tags,
        performance_metrics,
        default_capable,
        host,
        pid,
        service_instance_tag,
        agent_communication,
    ) = _agent.decode(payload)
    with _reading(f"agent {agent_id!r} named {name!r}"):
        problem = problem_of_names(agent_id, name, service_name)
        if problem is not None:
            raise DecodeError(problem)
        return AgentInfo(
            agent_id,
            name,
            description,
            agent_type,
            service_name,
            last_seen,
            _load_names(capabilities, "capabilities"),
            _load_names(specializations, "specializations"),
            _load_object(model_info, "model_info"),
            _load_names(classification_tags, "classification_tags"),
            _load_object(performance_metrics, "performance_metrics"),
            bool(default_capable),
            host,
            pid,
            service_instance_tag,
            bool(agent_communication),
        )


def encode_agent_key(agent_id: str) -> bytes:
    """The key of an agent's instance."""
    return _agent.encode_key(agent_id)


def decode_agent_key(payload: bytes) -> str:
    """The agent id of a sample without data."""
    return str(_agent.decode_key(payload)[0])


def encode_function(info: FunctionInfo) -> bytes:
    """Serialize a function's capability; raises as `encode_agent`."""
    return _function.encode(
        info.provider_id,
        info.name,
        info.description,
        _dump(dict(info.parameter_schema), f"the schema of function {info.name}"),
        info.service_name,
    )


def decode_function(payload: bytes) -> FunctionInfo:
    """Deserialize a function's capability; raises as `decode_agent`."""
    provider_id, name, description, schema, service_name = _function.decode(payload)
    with _reading(f"function {name!r} of agent {provider_id!r}"):
        return FunctionInfo(provider_id, name, description, _load_object(schema, "parameter_schema"), service_name)


def encode_function_key(provider_id: str, name: str) -> bytes:
    """The key of a function's instance."""
    return _function.encode_key(provider_id, name)


def decode_function_key(payload: bytes) -> tuple[str, str]:
    """Provider id and function name of a sample without data."""
    provider_id, name = _function.decode_key(payload)
    return provider_id, name


@contextmanager
def _reading(what: str) -> Iterator[None]:
    try:
        yield
    except DecodeError as error:
        raise DecodeError(f"{what}: {error}") from error


def _dump(value: object, what: str) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"{what} cannot be written as JSON: {error}") from error


def _dump_names(names: Sequence[str], what: str) -> str:
    return _dump(list(names), what) if names else ""


def _load(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"{what} is not JSON: {error}") from error


def _load_names(text: str, what: str) -> tuple[str, ...]:
    value = _load(text, what) if text else []
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise DecodeError(f"{what} is not a JSON array of strings")
    return tuple(value)


def _load_object(text: str, what: str) -> Mapping[str, Any]:
    value = _load(text, what) if text else {}
    if not isinstance(value, dict):
        raise DecodeError(f"{what} is not a JSON object")
    return value
