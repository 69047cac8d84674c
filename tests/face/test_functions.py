"""Functions that agents offer (`@genesis_function`): announced, checked on both sides, called by name."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest

from genesis_lib import (
    AgentNotFound,
    ConfigError,
    FunctionNotFound,
    GenesisAgent,
    GenesisError,
    GenesisInterface,
    InvalidArguments,
    RemoteAgentError,
    RequestTimeout,
    genesis_function,
)
from genesis_lib.messages import AgentRequest
from tests.face.agents import Toolbox, UnusualTools
from tests.face.watching import PATIENCE_SECONDS, Host

NAMES = {"add", "middle", "words", "nothing", "fail"}


async def all_announced(bus: GenesisInterface) -> None:
    def seen() -> bool:
        return {name for provider, name in bus.discovered_functions if provider == "toolbox"} == NAMES

    assert await bus.app.directory.wait_for(seen, PATIENCE_SECONDS)


async def executed(bus: GenesisInterface) -> int:
    return int((await bus.request_agent("toolbox", "executed"))["message"])


async def test_functions_are_announced_with_their_schema(bus: GenesisInterface, host: Host) -> None:
    await host(Toolbox, agent_id="toolbox")
    await all_announced(bus)
    add = bus.discovered_functions["toolbox", "add"]
    assert add.description == "Add two whole numbers."
    assert add.provider_id == "toolbox"
    assert add.service_name == bus.discovered_agents["toolbox"].service_name
    assert add.parameter_schema["type"] == "object"
    assert add.parameter_schema["properties"]["a"]["type"] == "integer"
    assert add.parameter_schema["properties"]["b"]["default"] == 1
    assert add.parameter_schema["required"] == ["a"]
    assert add.parameter_schema["additionalProperties"] is False


async def test_results_come_back_as_json_gives_them(bus: GenesisInterface, host: Host) -> None:
    await host(Toolbox, agent_id="toolbox")
    assert await bus.call_function("toolbox", "add", a=2, b=3) == 5
    assert await bus.call_function("Toolbox", "add", a=2) == 3
    assert await bus.call_function("toolbox", "middle", of={"low": 1, "high": 4}) == {"x": 2.5, "y": 0.0}
    assert await bus.call_function("toolbox", "middle", of={"low": 0, "high": 4}, axis="y") == {"x": 0.0, "y": 2.0}
    assert await bus.call_function("toolbox", "words", text="schöne Grüße") == {"words": ["schöne", "Grüße"]}
    assert await bus.call_function("toolbox", "nothing") is None


async def test_arguments_are_checked_before_anything_is_sent(bus: GenesisInterface, host: Host) -> None:
    await host(Toolbox, agent_id="toolbox")
    await all_announced(bus)
    calls: list[tuple[str, dict[str, Any]]] = [
        ("add", {}),
        ("add", {"a": "two"}),
        ("add", {"a": 1.5}),
        ("add", {"a": 1, "c": 2}),
        ("middle", {"of": {"low": 1}}),
        ("middle", {"of": {"low": 1, "high": 2}, "axis": "z"}),
        ("words", {"text": None}),
    ]
    for function, arguments in calls:
        with pytest.raises(InvalidArguments, match=function):
            await bus.call_function("toolbox", function, **arguments)
    assert bus.agent_connections == {}


async def test_arguments_are_checked_by_the_agent_too(bus: GenesisInterface, host: Host) -> None:
    """What a caller without the schema, or without manners, may send."""
    await host(Toolbox, agent_id="toolbox")
    assert await bus.connect_to_agent("toolbox")
    requester = bus.agent_connections["toolbox"]
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    wrong: list[tuple[str, type[GenesisError]]] = [
        ("{}", InvalidArguments),
        ('{"a": "two"}', InvalidArguments),
        ('{"a": 1, "c": 2}', InvalidArguments),
        ("[1, 2]", GenesisError),
        ("no JSON", GenesisError),
    ]
    for arguments, error in wrong:
        request = AgentRequest(arguments, method="add", source_agent_id=bus.app.agent_id)
        with pytest.raises(error) as raised:
            await requester.request(request, deadline, connect_timeout=PATIENCE_SECONDS)
        assert not isinstance(raised.value, RequestTimeout)
    assert await executed(bus) == 0


async def test_a_function_that_is_not_offered(bus: GenesisInterface, host: Host) -> None:
    await host(Toolbox, agent_id="toolbox")
    with pytest.raises(FunctionNotFound, match="add") as raised:
        await bus.call_function("toolbox", "subtract", a=1)
    assert "subtract" in str(raised.value)


async def test_only_what_is_offered_can_be_called(bus: GenesisInterface, host: Host) -> None:
    await host(Toolbox, agent_id="toolbox")
    for name in ("process_request", "close", "get_agent_capabilities", "__init__", ""):
        with pytest.raises(FunctionNotFound):
            await bus.call_function("toolbox", name)
    assert await executed(bus) == 0


async def test_a_function_that_raises(bus: GenesisInterface, host: Host) -> None:
    await host(Toolbox, agent_id="toolbox")
    with pytest.raises(RemoteAgentError, match="LookupError: nothing here") as raised:
        await bus.call_function("toolbox", "fail", why="nothing here")
    assert "Traceback" not in str(raised.value)
    assert await bus.call_function("toolbox", "add", a=1) == 2


async def test_an_agent_that_is_not_there(bus: GenesisInterface) -> None:
    with pytest.raises(AgentNotFound):
        await bus.call_function("nobody", "add", a=1)


async def test_many_functions_at_once(bus: GenesisInterface, host: Host) -> None:
    await host(Toolbox, agent_id="toolbox")
    results = await asyncio.gather(*(bus.call_function("toolbox", "add", a=a, b=a) for a in range(200)))
    assert results == [2 * a for a in range(200)]
    assert await executed(bus) == 200


async def test_functions_go_with_their_agent(bus: GenesisInterface, host: Host) -> None:
    process = await host(Toolbox, agent_id="toolbox")
    await all_announced(bus)
    process.send_signal(signal.SIGTERM)
    assert await bus.app.directory.wait_for(lambda: not bus.discovered_functions, PATIENCE_SECONDS)


async def test_a_parameter_may_have_any_name(bus: GenesisInterface, host: Host) -> None:
    process = await host(UnusualTools, agent_id="unusual")
    asked: dict[str, Any] = {"_id": 1, "model_config": {"a": 1}, "schema": "s", "json": "j", "copy": "c"}
    asked |= {"alias": 2, "argument_0": 3}
    assert await bus.call_function("unusual", "names", **asked) == asked
    schema = bus.discovered_functions["unusual", "names"].parameter_schema
    assert (set(schema["properties"]), set(schema["required"])) == (set(asked), {"_id", "model_config"})
    with pytest.raises(InvalidArguments, match="_id"):
        await bus.call_function("unusual", "names", model_config={})
    assert "Warning" not in process.errors()


@pytest.mark.parametrize("name", ["number", "point", "nested", "unspeakable"])
async def test_a_result_that_does_not_fit_its_type_hint(bus: GenesisInterface, host: Host, name: str) -> None:
    process = await host(UnusualTools, agent_id="unusual")
    with pytest.raises(RemoteAgentError, match=rf"UnusualTools\.{name} returned the wrong shape"):
        await bus.call_function("unusual", name)
    assert "Warning" not in process.errors()


def test_what_cannot_be_offered() -> None:
    with pytest.raises(ConfigError, match="async def"):

        @genesis_function  # type: ignore[type-var]
        def plain(self: object) -> int:
            return 1

    with pytest.raises(ConfigError, match="by name"):

        @genesis_function
        async def variadic(self: object, *values: int) -> int:
            return sum(values)

    with pytest.raises(ConfigError, match="timeout_seconds"):

        @genesis_function
        async def reserved(self: object, timeout_seconds: float) -> None: ...


def test_a_parameter_without_a_type_hint_is_refused() -> None:
    class Untyped(GenesisAgent):
        async def process_request(self, request: dict[str, Any]) -> dict[str, Any]:
            return {"message": "unused"}

        @genesis_function
        async def double(self, value) -> int:  # type: ignore[no-untyped-def]  # noqa: ANN001
            return int(value * 2)

    with pytest.raises(ConfigError, match="double: parameter value needs a type hint"):
        Untyped("Untyped")
