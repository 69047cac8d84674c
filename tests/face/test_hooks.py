"""A8: what an agent overrides, what its hooks are told, and what it says of itself."""

from __future__ import annotations

import json

import pytest

from genesis_lib import Attachment, ConfigError, GenesisAgent, GenesisInterface
from tests.face.agents import (
    BothHooks,
    HandsOn,
    OnlyProcessAgentRequest,
    OnlyProcessRequest,
    StreamsFromProcessAgentRequest,
    StreamsFromProcessRequest,
)
from tests.face.watching import Host

STREAMS = [StreamsFromProcessRequest, StreamsFromProcessAgentRequest]


async def test_process_request_alone(bus: GenesisInterface, host: Host) -> None:
    await host(OnlyProcessRequest)
    assert (await bus.request_agent("Hook", "hello"))["message"] == "process_request: hello"


async def test_every_request_enters_process_agent_request(bus: GenesisInterface, host: Host) -> None:
    await host(BothHooks)
    reply = await bus.request_agent("Hook", "hello")
    assert reply["message"] == "process_request: HELLO"
    assert reply["metadata"] == {"entered": "process_agent_request"}
    (item,) = await bus.send_agent_batch("Hook", ["hello"])
    assert item["metadata"] == {"entered": "process_agent_request"}


async def test_what_a_hook_is_told_and_what_travels_back(bus: GenesisInterface, host: Host) -> None:
    await host(OnlyProcessAgentRequest)
    attachment = Attachment("voice.wav", "audio/wav", b"\0\1\2")
    reply = await bus.request_agent(
        "Hook", "hello", "c1", 20, metadata={"language": "fr", "n": [1.5, None]}, attachments=[attachment]
    )
    told = json.loads(reply["message"])
    assert set(told) == {"message", "conversation_id", "source_agent_id", "request_id", "timeout_seconds"}
    assert (told["message"], told["conversation_id"]) == ("hello", "c1")
    assert told["source_agent_id"] == bus.app.agent_id
    assert told["request_id"]
    assert 0 < told["timeout_seconds"] <= 20
    assert reply["metadata"] == {"heard": {"language": "fr", "n": [1.5, None]}}
    assert reply["attachments"] == [attachment]
    assert reply["conversation_id"] == "c1/answered"


async def test_a_request_without_extras(bus: GenesisInterface, host: Host) -> None:
    await host(OnlyProcessAgentRequest)
    reply = await bus.request_agent("Hook", "")
    told = json.loads(reply["message"])
    assert (told["message"], told["conversation_id"]) == ("", "")
    assert reply["metadata"] == {"heard": {}}
    assert reply["attachments"] == []
    assert reply["conversation_id"] == ""
    assert reply["status"] == 0


@pytest.mark.parametrize("agent", STREAMS)
async def test_a_hook_that_yields_is_a_stream(bus: GenesisInterface, host: Host, agent: type[GenesisAgent]) -> None:
    await host(agent)
    parts = [part async for part in bus.stream_agent_request("Hook", "one two three", "c1")]
    assert [part["message"] for part in parts] == ["one", "two", "three"]
    assert [part["conversation_id"] for part in parts] == ["c1"] * 3
    assert [part["metadata"] for part in parts] == [{"one": True}, {"two": True}, {"three": True}]


@pytest.mark.parametrize("agent", STREAMS)
async def test_a_stream_is_one_reply_to_who_asks_for_one(
    bus: GenesisInterface, host: Host, agent: type[GenesisAgent]
) -> None:
    await host(agent)
    reply = await bus.request_agent("Hook", "one two three")
    assert reply["message"] == "onetwothree"
    assert reply["metadata"] == {"one": True, "two": True, "three": True}
    (item,) = await bus.send_agent_batch("Hook", ["a b"])
    assert item["message"] == "ab"


async def test_a_hook_that_returns_is_a_stream_of_one_part(bus: GenesisInterface, host: Host) -> None:
    await host(OnlyProcessRequest)
    parts = [part["message"] async for part in bus.stream_agent_request("Hook", "hello")]
    assert parts == ["process_request: hello"]


async def test_the_reply_of_another_agent_can_be_returned_as_it_is(bus: GenesisInterface, host: Host) -> None:
    await host(BothHooks, agent_id="hook")
    await host(HandsOn, agent_id="hands-on")
    reply = await bus.request_agent("HandsOn", "hello")
    assert (reply["message"], reply["agent_id"]) == ("process_request: HELLO", "hands-on")


def test_an_agent_that_overrides_neither_hook_is_refused() -> None:
    class Mute(GenesisAgent):
        pass

    with pytest.raises(ConfigError, match="Mute overrides neither process_agent_request nor process_request"):
        Mute("Mute")
