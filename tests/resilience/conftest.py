"""Faults are done to real processes: a few trials in the normal run, many with --long."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from genesis_lib import GenesisInterface
from genesis_lib.testing import AgentProcess
from tests.contract.background import Background
from tests.contract.recorder import PATIENCE_SECONDS
from tests.resilience.record import Record, recorder

Trials = Callable[[int, int], int]


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Record:
    """Notes a row for the table in docs/reliability.md."""
    return recorder(request.node)


@pytest.fixture
def trials(request: pytest.FixtureRequest) -> Trials:
    """How often: `trials(3, 100)` is 3, and 100 with --long."""
    long = bool(request.config.getoption("--long"))
    return lambda few, many: many if long else few


@pytest.fixture
def timed(request: pytest.FixtureRequest) -> bool:
    """Whether times are held to what was promised: with --long, on a machine that does nothing else."""
    return bool(request.config.getoption("--long"))


@pytest.fixture
async def background() -> AsyncIterator[Background]:
    """Start a coroutine as a task that ends with the test."""
    tasks = Background()
    yield tasks
    await tasks.end()


async def hosted_by(bus: GenesisInterface, process: AgentProcess) -> bool:
    """Wait until it is this process's agent that is seen under its id, and not its predecessor."""

    def seen() -> bool:
        agent = bus.discovered_agents.get(process.agent_id)
        return agent is not None and agent.pid == process.pid

    return await bus.app.directory.wait_for(seen, PATIENCE_SECONDS)
