"""An agent that leaves: in its time whoever stands still, for good whatever a hook does, and whole whatever fails on the way."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest

from genesis_lib import AgentClassifier, GenesisInterface, MonitoredAgent
from genesis_lib.discovery.directory import Change
from genesis_lib.messages import AgentInfo
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.agents_for_tests import Relay
from tests.contract.agents import Worker
from tests.contract.background import Background
from tests.contract.callers import wait_for
from tests.contract.recorder import PATIENCE_SECONDS
from tests.resilience.leftovers import holdings


class Restless(MonitoredAgent):
    """Answers when it is told to, and announces itself anew before."""

    def __init__(self, **options: Any) -> None:
        super().__init__("Restless", "RestlessService", agent_id="restless", **options)
        self.begun = asyncio.Event()
        self.released = asyncio.Event()

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        self.begun.set()
        await self.released.wait()
        await self.update_capabilities()
        return {"message": "done"}


async def test_replies_that_nobody_takes_in_hold_nobody_up(
    background: Background, agent_process: StartAgentProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their caller stands still, and counts as there for long."""
    monkeypatch.setenv("GENESIS_LEASE_SECONDS", "600")
    worker = await agent_process(Worker, {"agent_id": "worker"}, {"GENESIS_GRACE_SECONDS": "1"})
    relay = await agent_process(Relay, {"agent_id": "relay"})
    async with GenesisInterface() as bus:
        labels = [f"{number} " + "x" * 1_000_000 for number in range(20)]
        for label in labels:
            background(bus.request_agent("relay", f"worker block {label}", timeout_seconds=300))
        for label in labels:
            await wait_for(bus, "worker", f"started {label}")
        relay.send_signal(signal.SIGSTOP)
        for label in labels:
            await bus.request_agent("worker", f"release {label}", timeout_seconds=60)
        for label in labels:
            await wait_for(bus, "worker", f"finished {label}")
        worker.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await worker.wait() == 0
        relay.send_signal(signal.SIGKILL)


async def test_an_agent_that_leaves_does_not_announce_itself_anew(background: Background, genesis_domain: int) -> None:
    agent = Restless()
    changes: list[Change] = []
    left = asyncio.Event()

    def on_change(change: Change, info: AgentInfo) -> None:
        changes.append(change)
        if change is Change.LEFT:
            left.set()

    async with GenesisInterface() as bus:
        await agent.open()
        assert await bus.wait_for_agent("restless")
        bus.app.directory.add_listener(on_change)
        call = background(bus.request_agent("restless", "hello", timeout_seconds=60))
        await agent.begun.wait()
        closing = background(agent.close())
        async with asyncio.timeout(PATIENCE_SECONDS):
            await left.wait()
        agent.released.set()
        assert (await call)["message"] == "done"
        await closing
        assert changes == [Change.LEFT]


async def test_an_agent_that_cannot_say_that_it_leaves_is_gone_nevertheless(genesis_domain: int) -> None:
    """Its writers are deleted under it, so that DDS refuses."""
    agent = Restless()
    before = holdings()
    async with GenesisInterface() as bus:
        directory = bus.app.directory
        for _ in range(2):
            await agent.open()
            assert await bus.wait_for_agent("restless")
            assert agent._advertiser is not None
            await agent._advertiser.close()
            await agent._monitor._publisher._statuses.close()  # type: ignore[attr-defined]
            await agent.close()
            assert await directory.wait_for(lambda: "restless" not in directory.agents, PATIENCE_SECONDS)
    assert holdings() - before == {}


async def test_an_error_on_the_way_out_leaves_nothing(genesis_domain: int) -> None:
    class Broken(AgentClassifier):
        async def close(self) -> None:
            raise OSError("its client is broken")

    before = holdings()
    agent = Restless(classifier=Broken())
    interface = GenesisInterface(classifier=Broken())
    for member in (agent, interface):
        await member.open()
        with pytest.raises(OSError, match="its client is broken"):
            await member.close()
        assert holdings() - before == {}
