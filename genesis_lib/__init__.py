"""genesis_lib: agents that find and call each other over DDS, with no broker and no addresses.

Importing this package loads no DDS library, no model client and opens nothing; names load on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genesis_lib.agent import GenesisAgent
    from genesis_lib.agent_classifier import AgentClassifier, Classification
    from genesis_lib.agent_communication import AgentCommunicationMixin
    from genesis_lib.app import GenesisApp
    from genesis_lib.conversation import AgentConversation
    from genesis_lib.errors import (
        AgentLost,
        AgentNotFound,
        AgentUnavailable,
        BusError,
        ClassifierError,
        ConfigError,
        FunctionError,
        FunctionNotFound,
        GenesisError,
        HopLimitExceeded,
        InvalidArguments,
        InvalidRequest,
        LoopDetected,
        MessageTooLarge,
        ModelError,
        NotAuthorised,
        Overloaded,
        RateLimited,
        RemoteAgentError,
        RequestCancelled,
        RequestTimeout,
        VoiceError,
    )
    from genesis_lib.interface import GenesisInterface
    from genesis_lib.messages import AgentInfo, Attachment, FunctionInfo
    from genesis_lib.monitored_agent import MonitoredAgent, MonitoredInterface
    from genesis_lib.rpc.functions import genesis_function
    from genesis_lib.running import run_until_signal
    from genesis_lib.security.policy import AccessPolicy, AccessRule
    from genesis_lib.settings import Settings, load_settings

__version__ = "0.1.0"

_MODULES = {
    "genesis_lib.agent": ("GenesisAgent",),
    "genesis_lib.agent_classifier": ("AgentClassifier", "Classification"),
    "genesis_lib.agent_communication": ("AgentCommunicationMixin",),
    "genesis_lib.app": ("GenesisApp",),
    "genesis_lib.conversation": ("AgentConversation",),
    "genesis_lib.errors": (
        "AgentLost",
        "AgentNotFound",
        "AgentUnavailable",
        "BusError",
        "ClassifierError",
        "ConfigError",
        "FunctionError",
        "FunctionNotFound",
        "GenesisError",
        "HopLimitExceeded",
        "InvalidArguments",
        "InvalidRequest",
        "LoopDetected",
        "MessageTooLarge",
        "ModelError",
        "NotAuthorised",
        "Overloaded",
        "RateLimited",
        "RemoteAgentError",
        "RequestCancelled",
        "RequestTimeout",
        "VoiceError",
    ),
    "genesis_lib.interface": ("GenesisInterface",),
    "genesis_lib.messages": ("AgentInfo", "Attachment", "FunctionInfo"),
    "genesis_lib.monitored_agent": ("MonitoredAgent", "MonitoredInterface"),
    "genesis_lib.rpc.circuit_breaker": ("CircuitState",),
    "genesis_lib.rpc.functions": ("genesis_function",),
    "genesis_lib.running": ("run_until_signal",),
    "genesis_lib.security.policy": ("AccessPolicy", "AccessRule"),
    "genesis_lib.settings": ("Settings", "load_settings"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "AccessPolicy",
    "AccessRule",
    "AgentClassifier",
    "AgentCommunicationMixin",
    "AgentConversation",
    "AgentInfo",
    "AgentLost",
    "AgentNotFound",
    "AgentUnavailable",
    "Attachment",
    "BusError",
    "CircuitState",
    "Classification",
    "ClassifierError",
    "ConfigError",
    "FunctionError",
    "FunctionInfo",
    "FunctionNotFound",
    "GenesisAgent",
    "GenesisApp",
    "GenesisError",
    "GenesisInterface",
    "HopLimitExceeded",
    "InvalidArguments",
    "InvalidRequest",
    "LoopDetected",
    "MessageTooLarge",
    "ModelError",
    "MonitoredAgent",
    "MonitoredInterface",
    "NotAuthorised",
    "Overloaded",
    "RateLimited",
    "RemoteAgentError",
    "RequestCancelled",
    "RequestTimeout",
    "Settings",
    "VoiceError",
    "genesis_function",
    "load_settings",
    "run_until_signal",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
