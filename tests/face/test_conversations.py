"""A11: conversations of several turns over the bus."""

from __future__ import annotations

import asyncio

import pytest

from genesis_lib import AgentConversation, ConfigError, GenesisInterface, RemoteAgentError
from tests.face.agents import Converses, Counter
from tests.face.watching import Host


async def test_several_turns_under_one_id(bus: GenesisInterface, host: Host) -> None:
    await host(Counter, agent_id="counter")
    conversation = bus.conversation("Counter")
    replies = [await conversation.send(number) for number in ("1", "2", "3")]
    assert [reply["message"] for reply in replies] == ["1", "3", "6"]
    assert len(conversation.conversation_id) == 32
    for reply in replies:
        assert reply["conversation_id"] == reply["metadata"]["heard_in"] == conversation.conversation_id
    assert (conversation.initiator_id, conversation.responder_id) == (bus.app.agent_id, "Counter")


async def test_the_history(bus: GenesisInterface, host: Host) -> None:
    await host(Counter, agent_id="counter")
    conversation = bus.conversation("counter")
    assert conversation.message_history == []
    await conversation.send("1")
    await conversation.send("2")
    history = conversation.message_history
    assert [(turn["sender"], turn["message"]) for turn in history] == [
        (bus.app.agent_id, "1"),
        ("counter", "1"),
        (bus.app.agent_id, "2"),
        ("counter", "3"),
    ]
    assert [turn.get("status") for turn in history] == [None, 0, None, 0]
    times = [turn["time"] for turn in history]
    assert times == sorted(times)


async def test_a_turn_that_failed_is_not_in_the_history(bus: GenesisInterface, host: Host) -> None:
    await host(Counter)
    conversation = bus.conversation("Counter")
    await conversation.send("1")
    with pytest.raises(RemoteAgentError):
        await conversation.send("not a number")
    assert (await conversation.send("2"))["message"] == "3"
    assert [turn["message"] for turn in conversation.message_history] == ["1", "1", "2", "3"]


async def test_conversations_share_nothing(bus: GenesisInterface, host: Host) -> None:
    await host(Counter)
    one, other = bus.conversation("Counter"), bus.conversation("Counter")
    assert one.conversation_id != other.conversation_id
    await asyncio.gather(*(one.send("1") for _ in range(10)), *(other.send("100") for _ in range(10)))
    assert (await one.send("0"))["message"] == "10"
    assert (await other.send("0"))["message"] == "1000"
    assert len(one.message_history) == len(other.message_history) == 22
    assert {turn["message"] for turn in one.message_history if turn["sender"] == bus.app.agent_id} == {"1", "0"}


async def test_a_conversation_is_taken_up_again_by_its_id(bus: GenesisInterface, host: Host) -> None:
    await host(Counter)
    first = bus.conversation("Counter")
    await first.send("5")
    again = bus.conversation("Counter", first.conversation_id)
    assert (await again.send("1"))["message"] == "6"


async def test_two_agents_converse_across_processes(bus: GenesisInterface, host: Host) -> None:
    await host(Counter)
    converses = await host(Converses)
    reply = await bus.request_agent("Converses", "1 2 3", timeout_seconds=25)
    told = reply["metadata"]
    assert reply["message"] == "6"
    assert told["initiator_id"] == converses.agent_id
    assert told["heard_in"] == [told["conversation_id"]] * 3
    assert told["history"] == ["1", "1", "2", "3", "3", "6"]
    again = await bus.request_agent("Converses", "1", timeout_seconds=25)
    assert again["message"] == "1"
    assert again["metadata"]["conversation_id"] != told["conversation_id"]


async def test_a_record_without_a_bus_cannot_send() -> None:
    record = AgentConversation("initiator", "responder")
    assert (record.initiator_id, record.responder_id, record.message_history) == ("initiator", "responder", [])
    assert record.conversation_id != AgentConversation("initiator", "responder").conversation_id
    with pytest.raises(ConfigError, match="conversation"):
        await record.send("hello")
