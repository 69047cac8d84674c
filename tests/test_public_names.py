"""The names the library promises: exactly these, each there, each documented."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import genesis_lib
import genesis_lib.testing

NAMES = [
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
TESTING_NAMES = ["AgentProcess", "ScriptedModelServer", "WeatherServer", "free_domain", "start_agent_process"]
# What requirements.md promises of the face, by name.
METHODS = {
    "AgentCommunicationMixin": [
        "agent_connections",
        "add_departure_callback",
        "add_discovery_callback",
        "broadcast_to_agents",
        "call_function",
        "connect_to_agent",
        "conversation",
        "discovered_agents",
        "discovered_functions",
        "find_agent_with_capability",
        "find_agents_by_capability",
        "find_agents_by_specialization",
        "find_general_agents",
        "find_specialized_agents",
        "get_agents_by_capability",
        "get_agents_by_model_type",
        "get_agents_by_performance_metric",
        "get_agents_by_type",
        "get_discovered_agents",
        "is_agent_discovered",
        "request_agent",
        "route_request_to_best_agent",
        "send_agent_batch",
        "send_agent_request",
        "stream_agent_request",
        "wait_for_agent",
    ],
    "GenesisAgent": [
        "get_agent_capabilities",
        "process_agent_request",
        "process_request",
        "process_request_with_routing",
        "run",
    ],
    "MonitoredAgent": ["send_agent_request_monitored"],
    "AgentClassifier": ["classify", "classify_request"],
    "AgentConversation": ["send"],
}
Function = Callable[..., Any]


def test_the_names_are_exactly_these() -> None:
    assert genesis_lib.__all__ == NAMES
    assert genesis_lib.testing.__all__ == TESTING_NAMES


def test_names_are_sorted_and_listed() -> None:
    assert sorted(NAMES) == NAMES
    assert set(NAMES) <= set(dir(genesis_lib))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_there_and_documented(name: str) -> None:
    value = getattr(genesis_lib, name)
    assert inspect.getdoc(value)
    assert value.__doc__, f"{name} has no docstring of its own"
    assert value.__module__.startswith("genesis_lib.")
    assert getattr(importlib.import_module(value.__module__), name) is value


@pytest.mark.parametrize("name", TESTING_NAMES)
def test_a_name_for_tests_is_there_and_documented(name: str) -> None:
    assert getattr(genesis_lib.testing, name).__doc__


@pytest.mark.parametrize("module", ["genesis_lib", "genesis_lib.testing"])
def test_a_star_import_brings_them_all(module: str) -> None:
    program = f"from {module} import *\nimport {module} as library\nassert set(library.__all__) <= set(globals())"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="NoSuchName"):
        _ = genesis_lib.NoSuchName
    with pytest.raises(AttributeError, match="NoSuchName"):
        _ = genesis_lib.testing.NoSuchName


@pytest.mark.parametrize(("owner", "methods"), METHODS.items())
def test_the_promised_methods(owner: str, methods: list[str]) -> None:
    assert [method for method in methods if getattr(getattr(genesis_lib, owner), method, None) is None] == []


def classes() -> list[type[Any]]:
    values = [getattr(genesis_lib, name) for name in NAMES]
    return [value for value in values if inspect.isclass(value) and not issubclass(value, BaseException)]


def public_functions() -> Iterator[tuple[str, Function]]:
    """Public functions, and the public methods and properties that our classes define themselves."""
    for name in NAMES:
        value = getattr(genesis_lib, name)
        if inspect.isfunction(value):
            yield name, value
    for cls in classes():
        for base in cls.__mro__:
            if not base.__module__.startswith("genesis_lib"):
                continue
            for name, member in vars(base).items():
                function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
                if inspect.isfunction(function) and not name.startswith("_") and function.__module__ == base.__module__:
                    yield f"{cls.__name__}.{name}", function


@pytest.mark.parametrize(("name", "function"), sorted(dict(public_functions()).items()))
def test_a_function_is_documented_and_typed(name: str, function: Function) -> None:
    assert inspect.getdoc(function), f"{name} has no docstring"
    signature = inspect.signature(function)
    assert signature.return_annotation is not signature.empty, name
    untyped = [
        parameter.name
        for parameter in list(signature.parameters.values())[0 if "." not in name else 1 :]
        if parameter.annotation is parameter.empty
    ]
    assert untyped == [], name


@pytest.mark.parametrize("cls", classes(), ids=lambda cls: cls.__name__)
def test_a_constructors_arguments_are_documented(cls: type[Any]) -> None:
    """Each is named in the docstring of the class that takes it."""
    if not inspect.isfunction(cls.__init__) or cls.__module__ == "genesis_lib.messages":
        return
    owner = next(base for base in cls.__mro__ if "__init__" in vars(base))
    if not owner.__module__.startswith("genesis_lib"):
        return
    documentation = inspect.getdoc(owner) or ""
    arguments = [name for name in inspect.signature(cls.__init__).parameters if name != "self"]
    assert [argument for argument in arguments if argument not in documentation] == []
