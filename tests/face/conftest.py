"""A caller on the bus, for the tests of the face."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from genesis_lib import GenesisAgent, GenesisInterface
from genesis_lib.testing import AgentProcess
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.face.watching import PATIENCE_SECONDS, Host


@pytest.fixture(autouse=True)
def _no_language_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reaches a model that the developer's own environment names."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.fixture
async def bus(agent_process: StartAgentProcess) -> AsyncIterator[GenesisInterface]:
    """An interface on a domain of the test's own. It leaves before the agents are killed, so that it owes them nothing."""
    async with GenesisInterface("test") as interface:
        yield interface


@pytest.fixture
def host(bus: GenesisInterface, agent_process: StartAgentProcess) -> Host:
    """Start agents in other processes: `await host(Probe, agent_id="a")`."""

    async def start(agent: type[GenesisAgent], **arguments: Any) -> AgentProcess:
        process = await agent_process(agent, arguments)
        assert await bus.app.directory.wait_for(lambda: process.agent_id in bus.discovered_agents, PATIENCE_SECONDS)
        return process

    return start
