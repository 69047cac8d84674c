"""A6 and A7: one request, one reply; a failure is logged and None, or raised; waiting for an agent."""

from __future__ import annotations

import asyncio
import logging
import math
import signal
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from genesis_lib import (
    AgentNotFound,
    AgentUnavailable,
    Attachment,
    GenesisError,
    GenesisInterface,
    InvalidRequest,
    RemoteAgentError,
    RequestTimeout,
)
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.agents_for_tests import Echo, Misbehaving
from tests.face.agents import Probe
from tests.face.watching import Host, departure_of, soon


async def test_the_reply(bus: GenesisInterface, host: Host) -> None:
    await host(Echo, agent_id="echo-1")
    picture = Attachment("a.png", "image/png", bytes(range(256)))
    calls: list[Callable[..., Awaitable[dict[str, Any]]]] = [bus.request_agent, cast("Any", bus.send_agent_request)]
    for call in calls:
        reply = await call(
            "echo-1",
            "héllo",
            "conversation-1",
            10.0,
            metadata={"deep": [1, {"ü": None}]},
            attachments=[picture],
            idempotent=True,
        )
        assert set(reply) == {"message", "status", "conversation_id", "metadata", "attachments", "agent_id"}
        assert (reply["message"], reply["status"], reply["agent_id"]) == ("héllo", 0, "echo-1")
        assert reply["conversation_id"] == "conversation-1"
        assert reply["metadata"]["deep"] == [1, {"ü": None}]
        assert reply["metadata"]["conversation_id"] == "conversation-1"
        assert reply["metadata"]["source_agent_id"] == bus.app.agent_id
        assert reply["attachments"] == [picture]


async def test_the_target_may_be_an_id_or_a_name(bus: GenesisInterface, host: Host) -> None:
    await host(Echo, agent_id="echo-1")
    for target in ("echo-1", "Echo", "EchoService"):
        reply = await bus.send_agent_request(target, "hello")
        assert reply is not None
        assert reply["agent_id"] == "echo-1"


async def test_a_status_that_the_agent_set_is_a_reply(bus: GenesisInterface, host: Host) -> None:
    await host(Misbehaving)
    reply = await bus.send_agent_request("Misbehaving", "status")
    assert reply is not None
    assert (reply["status"], reply["message"]) == (-1, "no")
    assert (await bus.request_agent("Misbehaving", "status"))["status"] == -1


async def fails(
    bus: GenesisInterface, caplog: pytest.LogCaptureFixture, target: str, message: str, timeout_seconds: float = 10.0
) -> GenesisError:
    """The error that `request_agent` raises, after `send_agent_request` logged the same one and gave None."""
    with caplog.at_level(logging.WARNING, logger="genesis_lib"):
        assert await bus.send_agent_request(target, message, timeout_seconds=timeout_seconds) is None
    with pytest.raises(GenesisError) as raised:
        await bus.request_agent(target, message, timeout_seconds=timeout_seconds)
    logged = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert any(target in line and type(raised.value).__name__ in line for line in logged), logged
    return raised.value


async def test_an_agent_that_was_never_seen(bus: GenesisInterface, caplog: pytest.LogCaptureFixture) -> None:
    error = await fails(bus, caplog, "Nobody", "hello")
    assert isinstance(error, AgentNotFound)
    assert error.target == "Nobody"
    assert "Nobody" in str(error)


async def test_an_agent_with_a_similar_name_is_suggested(
    bus: GenesisInterface, host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    await host(Probe, agent_name="Translator")
    error = await fails(bus, caplog, "Translater", "hello")
    assert isinstance(error, AgentNotFound)
    assert "Did you mean 'Translator'?" in str(error)


async def test_an_agent_that_has_left(bus: GenesisInterface, host: Host, caplog: pytest.LogCaptureFixture) -> None:
    process = await host(Probe, agent_id="leaver")
    assert await bus.wait_for_agent("leaver")
    gone = departure_of(bus, "leaver")
    process.send_signal(signal.SIGTERM)
    await soon(gone)
    assert isinstance(await fails(bus, caplog, "leaver", "hello"), AgentUnavailable)
    assert isinstance(await fails(bus, caplog, "Probe", "hello"), AgentUnavailable)


async def test_a_hook_that_raises(bus: GenesisInterface, host: Host, caplog: pytest.LogCaptureFixture) -> None:
    await host(Misbehaving)
    error = await fails(bus, caplog, "Misbehaving", "raise")
    assert isinstance(error, RemoteAgentError)
    assert "ValueError: no such thing" in str(error)
    assert "Traceback" not in str(error)
    assert error.request_id
    assert (await bus.request_agent("Misbehaving", "hello"))["message"] == "fine"


async def test_a_hook_that_takes_too_long(bus: GenesisInterface, host: Host, caplog: pytest.LogCaptureFixture) -> None:
    process = await host(Misbehaving)
    error = await fails(bus, caplog, "Misbehaving", "hang", timeout_seconds=0.3)
    assert isinstance(error, RequestTimeout)
    assert isinstance(error, TimeoutError)
    assert error.target == process.agent_id
    assert error.elapsed_seconds > 0


async def test_a_timeout_that_is_none_is_refused(bus: GenesisInterface, host: Host) -> None:
    await host(Probe)
    for patience in (-1, math.nan, math.inf, None, "1"):
        with pytest.raises(InvalidRequest, match="timeout_seconds"):
            await bus.wait_for_agent("Nobody", patience)  # type: ignore[arg-type]
        with pytest.raises(InvalidRequest, match="timeout_seconds"):
            await bus.connect_to_agent("Probe", patience)  # type: ignore[arg-type]
    for timeout_seconds in (0, 0.0, -1, math.nan, math.inf):
        with pytest.raises(InvalidRequest, match="timeout_seconds"):
            await bus.request_agent("Probe", "hello", timeout_seconds=timeout_seconds)
        assert await bus.send_agent_request("Probe", "hello", timeout_seconds=timeout_seconds) is None


async def test_a_call_waits_for_an_agent_that_comes_later(
    genesis_domain: int, monkeypatch: pytest.MonkeyPatch, agent_process: StartAgentProcess
) -> None:
    monkeypatch.setenv("GENESIS_SETTLE_SECONDS", "0")
    async with GenesisInterface("early") as bus:
        with pytest.raises(AgentNotFound):
            await bus.request_agent("Late", "hello")
        by_name = asyncio.create_task(bus.request_agent("Late", "by name", timeout_seconds=25, wait=True))
        by_id = asyncio.create_task(bus.send_agent_request("late-1", "by id", timeout_seconds=25, wait=True))
        await agent_process(Probe, {"agent_name": "Late", "agent_id": "late-1"})
        assert (await by_name)["message"] == "by name"
        reply = await by_id
        assert reply is not None
        assert reply["message"] == "by id"


async def test_waiting_ends_with_the_deadline(bus: GenesisInterface) -> None:
    with pytest.raises(AgentNotFound):
        await bus.request_agent("Nobody", "hello", timeout_seconds=0.2, wait=True)


async def test_the_first_call_of_a_fresh_caller_is_answered(
    genesis_domain: int, agent_process: StartAgentProcess
) -> None:
    await agent_process(Probe)
    async with GenesisInterface("fresh") as bus:
        assert (await bus.request_agent("Probe", "hello"))["message"] == "hello"


async def test_wait_for_an_agent_that_comes_later(bus: GenesisInterface, host: Host) -> None:
    targets = ("Late", "late-1", "LateService")
    arrivals = [asyncio.create_task(bus.wait_for_agent(target)) for target in targets]
    await host(Probe, agent_name="Late", agent_id="late-1", base_service_name="LateService")
    assert await soon(asyncio.gather(*arrivals)) == [True, True, True]
    for target in targets:
        assert bus.is_agent_discovered(target)
        assert await bus.wait_for_agent(target, timeout_seconds=0)


async def test_wait_for_an_agent_in_another_process(bus: GenesisInterface, host: Host) -> None:
    await host(Probe, agent_id="waiter")
    assert await bus.wait_for_agent("waiter")
    waiting = asyncio.create_task(bus.request_agent("waiter", "wait Late", timeout_seconds=25))
    await host(Probe, agent_name="Late")
    assert (await waiting)["message"] == "True"


async def test_wait_for_nobody_is_false(bus: GenesisInterface) -> None:
    assert await bus.wait_for_agent("Nobody", timeout_seconds=0.1) is False
