"""Peers whose QoS or type does not fit: refused with a word that names the participant and the reason."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from genesis_lib import GenesisInterface
from tests.agents_for_tests import Echo
from tests.bad_input.hostile_process import OTHER_KEYED_TYPE, OTHER_TYPE
from tests.contract.peers import Peer
from tests.log_watch import LogWatch

REQUESTS, REPLIES = "EchoService_echoRequest", "EchoService_echoReply"


@pytest.fixture
async def bus(genesis_domain: int) -> AsyncIterator[GenesisInterface]:
    """An agent and its caller, both in this process so that what they log can be seen."""
    async with Echo(agent_id="echo"), GenesisInterface() as interface:
        assert await interface.connect_to_agent("echo")
        yield interface


async def _serves(bus: GenesisInterface) -> None:
    assert (await bus.request_agent("echo", "hello"))["message"] == "hello"
    async with GenesisInterface() as another:
        assert (await another.request_agent("echo", "hello"))["message"] == "hello"


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "best-effort request writer": ({"what": "writer", "topic": REQUESTS, "reliable": False}, "reliability"),
    "durable request reader": ({"what": "reader", "topic": REQUESTS, "durable": True}, "durability"),
    "best-effort agent writer": (
        {"what": "writer", "topic": "AgentCapability", "reliable": False, "durable": True, "lease": 1},
        "reliability",
    ),
    "volatile agent writer": ({"what": "writer", "topic": "AgentCapability", "lease": 1}, "durability"),
    "agent writer without a lease": ({"what": "writer", "topic": "AgentCapability", "durable": True}, "liveliness"),
    "volatile function writer": ({"what": "writer", "topic": "FunctionCapability", "lease": 1}, "durability"),
    "other type of request": ({"what": "writer", "topic": REQUESTS, "type": OTHER_TYPE}, "type"),
    "other type of request reader": ({"what": "reader", "topic": REQUESTS, "type": OTHER_TYPE}, "type"),
    "other type of agent": (
        {"what": "writer", "topic": "AgentCapability", "type": OTHER_KEYED_TYPE, "durable": True, "lease": 1},
        "type",
    ),
}
TYPES = {REQUESTS: "AgentAgentRequest", REPLIES: "AgentAgentReply"}


@pytest.mark.parametrize("case", list(CASES))
async def test_an_endpoint_that_does_not_fit_is_refused_with_the_reason(
    bus: GenesisInterface, hostile: Peer, log_watch: LogWatch, case: str
) -> None:
    command, reason = CASES[case]
    topic = command["topic"]
    created = await hostile.do(name="x", **{"type": TYPES.get(topic, topic), **command})
    await log_watch.until("refused", created["guid"][:24], topic, reason)
    await _serves(bus)
