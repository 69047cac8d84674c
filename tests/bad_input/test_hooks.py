"""What hooks may get wrong: each is a typed error at the caller, and the agent goes on serving."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from genesis_lib import (
    Attachment,
    GenesisError,
    GenesisInterface,
    MessageTooLarge,
    RemoteAgentError,
    RequestCancelled,
    RequestTimeout,
)
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.bad_input.agents import (
    NOT_FOR_THE_WIRE,
    UNUSUAL_BUT_RIGHT,
    WRONG_SHAPES,
    Faulty,
    FaultyStreamer,
    FaultyWithin,
)
from tests.contract.shared import own_domain, running

SMALL = {"GENESIS_MAX_MESSAGE_BYTES": "1000000"}


@pytest.fixture(scope="module")
def agents() -> Iterator[None]:
    """Agents in other processes that may reply 1 MB, one of them one request at a time, for all tests here."""
    with (
        own_domain(),
        running(
            (Faulty, {"agent_id": "agent"}, SMALL),
            (FaultyStreamer, {"agent_id": "streamer"}, SMALL),
            (Faulty, {"agent_id": "narrow", "agent_name": "Narrow"}, {"GENESIS_MAX_CONCURRENCY": "1"}),
            (Faulty, {"agent_id": "tight"}, {"GENESIS_MAX_CONCURRENCY": "1", "GENESIS_MAX_MESSAGE_BYTES": "1024"}),
        ),
    ):
        yield


@pytest.fixture
async def bus(agents: None) -> AsyncIterator[GenesisInterface]:
    async with GenesisInterface() as interface:
        for agent_id in ("agent", "streamer", "narrow", "tight"):
            assert await interface.wait_for_agent(agent_id)
        yield interface


async def _serves(bus: GenesisInterface) -> None:
    assert (await bus.request_agent("agent", "hello"))["message"] == "fine"
    assert (await bus.request_agent("streamer", "hello"))["message"] == "good"


async def _outcomes(bus: GenesisInterface, messages: list[str]) -> dict[str, BaseException | dict[str, Any]]:
    """What comes of each message: a reply or an error."""
    asked = (bus.request_agent("agent", message, timeout_seconds=5) for message in messages)
    return dict(zip(messages, await asyncio.gather(*asked, return_exceptions=True), strict=True))


async def test_a_reply_of_the_wrong_shape_is_the_agents_error(bus: GenesisInterface) -> None:
    for name, error in (await _outcomes(bus, list(WRONG_SHAPES))).items():
        assert isinstance(error, RemoteAgentError), (name, error)
        assert "Faulty" in str(error), (name, error)
        assert error.target == "agent"
    await _serves(bus)


async def test_a_reply_that_cannot_go_on_the_wire_is_the_agents_error(bus: GenesisInterface) -> None:
    for name, error in (await _outcomes(bus, list(NOT_FOR_THE_WIRE))).items():
        assert isinstance(error, RemoteAgentError), (name, error)
        assert "agent agent returned the wrong shape: " in str(error), (name, error)
    await _serves(bus)


async def test_a_part_that_cannot_go_on_the_wire_is_the_agents_error(bus: GenesisInterface) -> None:
    with pytest.raises(RemoteAgentError, match=r"agent streamer returned the wrong shape: .*message is not valid text"):
        await bus.request_agent("streamer", "wire", timeout_seconds=30)


async def test_in_a_batch_what_cannot_go_on_the_wire_is_the_agents_error(bus: GenesisInterface) -> None:
    faults = ["surrogate", "metadata set", "metadata circle", "attachments tuple", "conversation surrogate"]
    for fault, item in zip(faults, await bus.send_agent_batch("agent", faults, 10), strict=True):
        assert item["metadata"]["error"] == "RemoteAgentError", (fault, item)
        assert "returned the wrong shape" in item["message"], (fault, item)


async def test_what_is_right_in_substance_is_a_reply(bus: GenesisInterface) -> None:
    for name, reply in (await _outcomes(bus, list(UNUSUAL_BUT_RIGHT))).items():
        right = UNUSUAL_BUT_RIGHT[name]
        assert not isinstance(reply, BaseException), (name, reply)
        assert reply["status"] == right.get("status", 0)
        assert reply["metadata"] == (right.get("metadata") or {})
        assert reply["attachments"] == list(right.get("attachments") or ())


async def test_attachments_are_never_dropped_silently(bus: GenesisInterface) -> None:
    (outcome,) = (await _outcomes(bus, ["generator attachments"])).values()
    if isinstance(outcome, BaseException):
        assert isinstance(outcome, RemoteAgentError)
    else:
        assert outcome["attachments"] == [Attachment("a", "b", b"")] * 2


async def test_a_hook_that_raises_is_the_agents_error(bus: GenesisInterface) -> None:
    expected = {
        "raise": "ValueError: no such thing",
        "raise long": "ValueError: xxx",
        "raise group": "ExceptionGroup: several",
        "raise timeout": "TimeoutError: a timeout of its own",
        "raise stop": "stop",
        "raise base": "Panic: it panicked",
        "raise base group": "BaseExceptionGroup: several",
    }
    for message, error in (await _outcomes(bus, list(expected))).items():
        assert isinstance(error, RemoteAgentError), (message, error)
        assert expected[message] in str(error)
        assert "Traceback" not in str(error)
        assert len(str(error)) < 10_000
        assert error.target == "agent"
        assert error.request_id
    await _serves(bus)


async def test_an_error_that_cannot_be_printed_is_the_agents_error_too(bus: GenesisInterface) -> None:
    with pytest.raises(RemoteAgentError, match="Unprintable"):
        await bus.request_agent("agent", "raise unprintable", timeout_seconds=5)
    await _serves(bus)


@pytest.mark.parametrize("fault", ["raise unprintable", "raise base", "raise base group", "cancel", "cancel own task"])
async def test_errors_of_any_kind_use_up_no_places(bus: GenesisInterface, fault: str) -> None:
    with pytest.raises((RemoteAgentError, RequestCancelled)):
        await bus.request_agent("narrow", fault, timeout_seconds=5)
    assert (await bus.request_agent("narrow", "hello", timeout_seconds=5))["message"] == "fine"


async def test_an_error_outside_of_the_hook_uses_up_no_place(agent_process: StartAgentProcess) -> None:
    await agent_process(FaultyWithin, {"agent_id": "within"}, {"GENESIS_MAX_CONCURRENCY": "1"})
    async with GenesisInterface() as bus:
        with pytest.raises(RemoteAgentError, match="Panic: it panicked"):
            await bus.request_agent("within", "panic", timeout_seconds=5)
        assert (await bus.request_agent("within", "hello", timeout_seconds=5))["message"] == "fine"


async def test_a_hook_that_exits_ends_its_request_and_not_the_agent(agent_process: StartAgentProcess) -> None:
    await agent_process(Faulty, {"agent_id": "exiting"})
    async with GenesisInterface() as bus:
        with pytest.raises(RemoteAgentError, match="SystemExit"):
            await bus.request_agent("exiting", "exit", timeout_seconds=5)
        assert (await bus.request_agent("exiting", "hello"))["message"] == "fine"


async def test_a_hook_that_cancels_itself_is_a_typed_error(bus: GenesisInterface) -> None:
    for message, error in (await _outcomes(bus, ["cancel", "cancel own task"])).items():
        assert isinstance(error, (RemoteAgentError, RequestCancelled)), (message, error)
    await _serves(bus)


async def test_a_hook_that_never_returns_is_a_timeout(bus: GenesisInterface) -> None:
    async with GenesisInterface() as other:  # the circuits are each caller's own
        hanging = [other.request_agent("agent", "hang", timeout_seconds=0.5) for _ in range(20)]
        for error in await asyncio.gather(*hanging, return_exceptions=True):
            assert isinstance(error, RequestTimeout)
    await _serves(bus)


async def test_a_reply_over_the_limit_is_too_large(bus: GenesisInterface) -> None:
    for message, error in (await _outcomes(bus, ["too large", "too large an attachment"])).items():
        assert isinstance(error, MessageTooLarge), (message, error)
        assert "max_message_bytes" in str(error)
    await _serves(bus)


async def test_a_request_whose_every_reply_is_over_the_limit_gets_an_error(bus: GenesisInterface) -> None:
    """A reply carries the conversation's id. The agent takes one request at a time: its turn has to pass on."""
    asked = [
        bus.request_agent("tight", "raise long", timeout_seconds=5),
        bus.request_agent("tight", "hello", "c" * 10_000, timeout_seconds=5),
        bus.request_agent("tight", "hello", timeout_seconds=5),
    ]
    long_error, too_large, answered = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(long_error, RemoteAgentError)
    assert isinstance(too_large, MessageTooLarge)
    assert isinstance(answered, dict)
    assert answered["message"] == "fine"


async def test_a_stream_that_goes_wrong_keeps_its_good_parts(bus: GenesisInterface) -> None:
    for message in ("shape", "wire", "large", "raise", "cancel", "status"):
        stream = bus.stream_agent_request("streamer", message, timeout_seconds=30)
        assert (await anext(stream))["message"] == "good"
        with pytest.raises(GenesisError) as caught:
            await anext(stream)
        assert not isinstance(caught.value, RequestTimeout), message
        with pytest.raises(type(caught.value)):
            await bus.request_agent("streamer", message, timeout_seconds=30)
    await _serves(bus)


async def test_in_a_batch_each_item_fails_for_itself(bus: GenesisInterface) -> None:
    faults = ["raise", "text", "surrogate", "metadata set", "attachment text", "attachments tuple", "cancel"]
    faults += ["cancel own task", "raise base"]
    wrong: dict[str, object] = {}
    for fault in faults:
        try:
            items = await bus.send_agent_batch("agent", ["hello", fault, "hello"], 10)
        except GenesisError as error:
            wrong[fault] = error
            continue
        if [item["status"] == 0 for item in items] != [True, False, True] or not items[1]["metadata"]["error"]:
            wrong[fault] = items
    assert wrong == {}
    await _serves(bus)
