"""What callers may get wrong: each is a typed error, and the agent goes on serving."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from genesis_lib import (
    AgentNotFound,
    Attachment,
    GenesisError,
    GenesisInterface,
    InvalidRequest,
    MessageTooLarge,
)
from tests.agents_for_tests import Calculator
from tests.bad_input.agents import Faulty
from tests.contract.shared import own_domain, running

LIMIT = 100_000
Circle: dict[str, Any] = {}
Circle["me"] = Circle
DEEP: dict[str, Any] = {}
for _ in range(100_000):
    DEEP = {"d": DEEP}

BAD_METADATA: dict[str, Any] = {
    "set": {"a": {1}},
    "bytes": {"a": b""},
    "object": {"a": object()},
    "nan": {"a": float("nan")},
    "infinity": {"a": float("inf")},
    "tuple as key": {(1, 2): 3},
    "surrogate": {"a": "\ud800"},
    "surrogate as key": {"\udfff": 1},
    "circle": Circle,
    "deep": DEEP,
    "list": [1],
    "text": "{}",
    "number": 7,
}

BAD_ARGUMENTS: dict[str, dict[str, Any]] = {
    "message none": {"message": None},
    "message bytes": {"message": b"x"},
    "message number": {"message": 7},
    "message surrogate": {"message": "\ud800"},
    "message nul": {"message": "a\0b"},
    "conversation number": {"conversation_id": 7},
    "conversation surrogate": {"conversation_id": "\ud800"},
    "conversation nul": {"conversation_id": "\0"},
    "attachments number": {"attachments": 7},
    "attachments bytes": {"attachments": b"ab"},
    "attachments text": {"attachments": "ab"},
    "attachment text": {"attachments": [Attachment("a", "b", "c")]},  # type: ignore[arg-type]
    "attachment bytearray": {"attachments": [Attachment("a", "b", bytearray(1))]},  # type: ignore[arg-type]
    "attachment name none": {"attachments": [Attachment(None, "b", b"")]},  # type: ignore[arg-type]
    "attachment name surrogate": {"attachments": [Attachment("\ud800", "b", b"")]},
    "timeout zero": {"timeout_seconds": 0},
    "timeout negative": {"timeout_seconds": -1},
    "timeout nan": {"timeout_seconds": float("nan")},
    "timeout infinity": {"timeout_seconds": float("inf")},
    "timeout beyond the wire": {"timeout_seconds": 1e12},
    "timeout text": {"timeout_seconds": "5"},
}

BAD_BATCHES: list[Any] = [
    None,
    7,
    "text",
    {"message": "x"},
    [7],
    [None],
    [{"text": "x"}],
    [{"message": 7}],
    [{"message": "x", "metadata": 5}],
    [{"message": "x", "metadata": {"a": {1}}}],
    ["\ud800"],
]


@pytest.fixture(scope="module")
def agents() -> Iterator[None]:
    """A Faulty and a Calculator in other processes, for all tests here."""
    with own_domain(), running((Faulty, {"agent_id": "agent"}, {}), (Calculator, {"agent_id": "calculator"}, {})):
        yield


@pytest.fixture
async def bus(agents: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[GenesisInterface]:
    """A caller that may send 100 kB."""
    monkeypatch.setenv("GENESIS_MAX_MESSAGE_BYTES", str(LIMIT))
    async with GenesisInterface() as interface:
        for agent_id in ("agent", "calculator"):
            assert await interface.wait_for_agent(agent_id)
        yield interface


async def _serves(bus: GenesisInterface) -> None:
    for target in ("agent", "Faulty"):
        assert (await bus.request_agent(target, "hello"))["message"] == "fine"


async def _refusals(bus: GenesisInterface, target: str, cases: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Try each case; what was not refused with an InvalidRequest."""
    wrong: dict[str, str] = {}
    for name, arguments in cases.items():
        try:
            await bus.request_agent(target, **{"message": "hello", "timeout_seconds": 5, **arguments})
            wrong[name] = "accepted"
        except InvalidRequest as error:
            if not str(error):
                wrong[name] = "refused without a word"
        except Exception as error:  # noqa: BLE001  any other error is what the test looks for
            wrong[name] = f"{type(error).__name__}: {error}"
    return wrong


@pytest.mark.parametrize("target", ["agent", "Faulty"])
async def test_bad_arguments_are_invalid_requests(bus: GenesisInterface, target: str) -> None:
    assert await _refusals(bus, target, BAD_ARGUMENTS) == {}
    await _serves(bus)


async def test_metadata_that_is_not_json_is_an_invalid_request(bus: GenesisInterface) -> None:
    assert await _refusals(bus, "agent", {name: {"metadata": value} for name, value in BAD_METADATA.items()}) == {}
    await _serves(bus)


async def test_send_agent_request_gives_none(bus: GenesisInterface) -> None:
    wrong: dict[str, object] = {}
    for name, arguments in BAD_ARGUMENTS.items():
        try:
            reply = await bus.send_agent_request("agent", **{"message": "hello", "timeout_seconds": 5, **arguments})
        except Exception as error:  # noqa: BLE001  any error is what the test looks for
            wrong[name] = error
        else:
            if reply is not None:
                wrong[name] = reply
    assert wrong == {}


async def test_a_target_that_is_no_text_is_a_typed_error(bus: GenesisInterface) -> None:
    targets: list[Any] = [None, 7, b"agent", ["agent"], {}]
    wrong: dict[str, BaseException] = {}
    for target in targets:
        try:
            await bus.request_agent(target, "hello")
        except GenesisError:
            continue
        except Exception as error:  # noqa: BLE001  any other error is what the test looks for
            wrong[repr(target)] = error
    assert wrong == {}
    await _serves(bus)


async def test_a_target_nobody_has_is_not_found(bus: GenesisInterface) -> None:
    for target in ("", "\ud800", "\0", "x" * 1_000_000, "agent ", "../agent", "*", "AGENT"):
        with pytest.raises(AgentNotFound):
            await bus.request_agent(target, "hello")
    await _serves(bus)


async def test_a_target_nearly_right_is_suggested(bus: GenesisInterface) -> None:
    with pytest.raises(AgentNotFound, match="Did you mean 'Faulty'") as caught:
        await bus.request_agent("Fautly", "hello")
    assert caught.value.target == "Fautly"


async def test_a_request_over_the_limit_is_too_large(bus: GenesisInterface) -> None:
    cases: list[dict[str, Any]] = [
        {"message": "x" * LIMIT},
        {"attachments": [Attachment("a", "b", bytes(LIMIT))]},
        {"metadata": {"a": "x" * LIMIT}},
        {"conversation_id": "x" * LIMIT},
    ]
    for arguments in cases:
        with pytest.raises(MessageTooLarge, match="max_message_bytes") as caught:
            await bus.request_agent("agent", **{"message": "hello", **arguments})
        assert caught.value.target == "agent"
    await _serves(bus)


async def test_a_bad_batch_is_an_invalid_request(bus: GenesisInterface) -> None:
    wrong: dict[str, object] = {}
    for messages in BAD_BATCHES:
        try:
            wrong[repr(messages)] = await bus.send_agent_batch("agent", messages)
        except InvalidRequest:
            continue
        except Exception as error:  # noqa: BLE001  any other error is what the test looks for
            wrong[repr(messages)] = error
    assert wrong == {}
    await _serves(bus)


async def test_bad_function_arguments_are_typed_errors(bus: GenesisInterface) -> None:
    for arguments in ({}, {"a": "1"}, {"a": 1, "c": 2}, {"a": {1}}, {"a": float("nan")}, {"a": "\ud800"}):
        with pytest.raises(GenesisError):
            await bus.call_function("calculator", "add", **arguments)
    for name in ("", "subtract", "process_request", "__init__", "x" * 1000, "\ud800", "\0"):
        with pytest.raises(GenesisError):
            await bus.call_function("calculator", name)
    assert await bus.call_function("calculator", "add", a=1, b=2) == 3


async def test_bad_timeouts_of_streams_and_batches_are_invalid_requests(bus: GenesisInterface) -> None:
    for timeout in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InvalidRequest):
            await anext(bus.stream_agent_request("agent", "hello", timeout_seconds=timeout))
        with pytest.raises(InvalidRequest):
            await bus.send_agent_batch("agent", ["hello"], timeout)
    await _serves(bus)
