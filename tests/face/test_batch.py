"""A12: several requests to one agent in a single RPC."""

from __future__ import annotations

import pytest

from genesis_lib import AgentNotFound, GenesisInterface, InvalidRequest
from tests.face.agents import BatchItems
from tests.face.watching import Host


async def test_each_item_has_a_status_of_its_own(bus: GenesisInterface, host: Host) -> None:
    await host(BatchItems)
    replies = await bus.send_agent_batch("BatchItems", ["4", "3", "no number", "10"])
    assert [reply["message"] for reply in replies[:2]] == ["2", "odd"]
    assert [reply["status"] for reply in replies[:2]] == [0, 3]
    assert replies[2]["status"] not in (0, 3)
    assert replies[2]["metadata"]["error"] == "RemoteAgentError"
    assert "ValueError" in replies[2]["message"]
    assert (replies[3]["message"], replies[3]["status"]) == ("5", 0)


async def test_a_batch_is_one_rpc(bus: GenesisInterface, host: Host) -> None:
    await host(BatchItems)
    assert len(await bus.send_agent_batch("BatchItems", [str(2 * number) for number in range(200)])) == 200
    assert (await bus.request_agent("BatchItems", "rpcs"))["message"] == "2"


async def test_order_metadata_and_conversation(bus: GenesisInterface, host: Host) -> None:
    await host(BatchItems)
    items = [{"message": str(2 * number), "metadata": {"number": number}} for number in range(20)]
    replies = await bus.send_agent_batch("BatchItems", items, 10, conversation_id="c1")
    assert [reply["message"] for reply in replies] == [str(number) for number in range(20)]
    assert [reply["metadata"]["heard"] for reply in replies] == [{"number": number} for number in range(20)]
    assert {reply["metadata"]["conversation_id"] for reply in replies} == {"c1"}


async def test_an_empty_batch(bus: GenesisInterface, host: Host) -> None:
    await host(BatchItems)
    assert await bus.send_agent_batch("BatchItems", []) == []


async def test_an_item_that_is_neither_text_nor_dict(bus: GenesisInterface, host: Host) -> None:
    await host(BatchItems)
    with pytest.raises(InvalidRequest, match="item 1"):
        await bus.send_agent_batch("BatchItems", ["4", 7])  # type: ignore[list-item]


async def test_a_batch_as_a_whole_fails_as_a_request_does(bus: GenesisInterface) -> None:
    with pytest.raises(AgentNotFound):
        await bus.send_agent_batch("Nobody", ["4"])
