"""What `get_agent_capabilities` returns, checked and made an AgentInfo."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from genesis_lib.errors import ConfigError
from genesis_lib.messages import AgentInfo
from genesis_lib.rpc.functions import explain


class Capabilities(BaseModel):
    """The keys an agent may return from `get_agent_capabilities`, all optional."""

    model_config = ConfigDict(extra="forbid", strict=True)

    agent_type: Literal["general", "specialized"] = "general"
    specializations: list[str] | tuple[str, ...] = ()
    capabilities: list[str] | tuple[str, ...] = ()
    classification_tags: list[str] | tuple[str, ...] = ()
    model_info: dict[str, Any] | None = None
    default_capable: bool | Literal[0, 1] = False
    performance_metrics: dict[str, Any] | None = None


def describe_agent(
    agent_id: str,
    name: str,
    description: str,
    service_name: str,
    service_instance_tag: str,
    capabilities: Mapping[str, Any],
    *,
    agent_communication: bool,
) -> AgentInfo:
    """The AgentInfo an agent announces.

    Raises:
        ConfigError: capabilities is not a dict with the known keys and types.
    """
    if not isinstance(capabilities, Mapping):
        raise ConfigError(
            f"{name}: get_agent_capabilities has to return a dict, it returned {type(capabilities).__name__}",
            target=agent_id,
        )
    try:
        checked = Capabilities.model_validate(dict(capabilities))
    except ValidationError as error:
        raise ConfigError(f"{name}: get_agent_capabilities returned {explain(error)}", target=agent_id) from error
    return AgentInfo(
        agent_id,
        name,
        description,
        checked.agent_type,
        service_name,
        int(time.time()),
        tuple(checked.capabilities),
        tuple(checked.specializations),
        checked.model_info or {},
        tuple(checked.classification_tags),
        checked.performance_metrics or {},
        bool(checked.default_capable),
        socket.gethostname(),
        os.getpid(),
        service_instance_tag,
        agent_communication,
    )
