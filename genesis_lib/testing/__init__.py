"""For tests of one's own agents: a domain of one's own, agents in other processes, stand-ins for model and weather service.

The pytest fixtures in `genesis_lib.testing.fixtures` are there as soon as genesis_lib is installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genesis_lib.testing.domains import free_domain
    from genesis_lib.testing.model_server import ScriptedModelServer
    from genesis_lib.testing.processes import AgentProcess, start_agent_process
    from genesis_lib.testing.weather_server import WeatherServer

_HOME = {
    "AgentProcess": "genesis_lib.testing.processes",
    "ScriptedModelServer": "genesis_lib.testing.model_server",
    "WeatherServer": "genesis_lib.testing.weather_server",
    "free_domain": "genesis_lib.testing.domains",
    "start_agent_process": "genesis_lib.testing.processes",
}

__all__ = ["AgentProcess", "ScriptedModelServer", "WeatherServer", "free_domain", "start_agent_process"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
