"""Names on the bus, checked before they become topic names."""

from __future__ import annotations

import re
import uuid

from genesis_lib.errors import ConfigError

_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TOPIC_PART = re.compile(r"[A-Za-z0-9_.-]+")
_ID_RULE = "has to be 1 to 64 characters of A-Z, a-z, 0-9, '_', '.', '-'"
_SERVICE = re.compile(r"[A-Za-z0-9_.-]{1,63}")
_NO_TEXT = re.compile(r"[\0\ud800-\udfff]")
_NAME_BYTES = 256


def checked_agent_id(agent_id: str | None) -> str:
    """The id given, or a new one: a uuid4 in hex.

    Raises:
        ConfigError: it is not 1 to 64 characters of `[A-Za-z0-9_.-]`.
    """
    if agent_id is None:
        return uuid.uuid4().hex
    if not isinstance(agent_id, str) or not _ID.fullmatch(agent_id):
        raise ConfigError(f"agent_id {agent_id!r} {_ID_RULE}")
    return agent_id


def checked_agent_name(agent_name: str) -> str:
    """The name, which is free text.

    Raises:
        ConfigError: it is blank, no valid text, or over 256 bytes.
    """
    if not isinstance(agent_name, str) or not agent_name.strip():
        raise ConfigError(f"agent_name has to be text that is not blank, this is {agent_name!r}")
    if _NO_TEXT.search(agent_name):
        raise ConfigError(f"agent_name {agent_name!r} has a NUL character or a lone surrogate")
    if len(agent_name.encode()) > _NAME_BYTES:
        raise ConfigError(f"agent_name {agent_name[:40]!r}... is over {_NAME_BYTES} bytes")
    return agent_name


def problem_of_names(agent_id: str, name: str, service: str) -> str | None:
    """Why no agent can have been announced under these names; None when one can."""
    if not _ID.fullmatch(agent_id):
        return f"agent_id {_ID_RULE}"
    if not name.strip():
        return "name is blank"
    if not _TOPIC_PART.fullmatch(service):
        return f"service_name {service!r} has to be characters of A-Z, a-z, 0-9, '_', '.', '-'"
    return None


def service_name(base_service_name: str | None, agent_id: str) -> str:
    """The service name unique to this instance; `AgentService_{agent_id}` without a base name.

    Raises:
        ConfigError: the base name is not 1 to 63 characters of `[A-Za-z0-9_.-]`.
    """
    if base_service_name and (not isinstance(base_service_name, str) or not _SERVICE.fullmatch(base_service_name)):
        raise ConfigError(
            f"base_service_name {base_service_name!r} has to be 1 to 63 characters of A-Z, a-z, 0-9, '_', '.', '-':"
            " it becomes part of DDS topic names"
        )
    return f"{base_service_name or 'AgentService'}_{agent_id}"
