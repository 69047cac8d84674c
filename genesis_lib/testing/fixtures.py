"""pytest fixtures: a DDS domain of one's own, and agents in processes of their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from genesis_lib.testing.processes import AgentProcess

StartAgentProcess = Callable[..., Awaitable["AgentProcess"]]


@pytest.fixture
def genesis_domain(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A domain that is this test's own, on loopback only; agents and processes started in the test are on it."""
    from genesis_lib.testing.domains import free_domain

    with free_domain() as domain:
        monkeypatch.setenv("GENESIS_DOMAIN_ID", str(domain))
        monkeypatch.setenv("GENESIS_INTERFACES", "lo")
        yield domain


@pytest.fixture
def agent_process(genesis_domain: int) -> Iterator[StartAgentProcess]:
    """Start agents in other processes: `await agent_process(MyAgent, {"agent_id": "a1"})`. All are ended with the test."""
    from genesis_lib.testing.processes import start_agent_process

    started: list[AgentProcess] = []

    async def start(
        agent: type[Any] | str,
        arguments: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        command_prefix: Sequence[str] = (),
        timeout_seconds: float = 60.0,
    ) -> AgentProcess:
        process = await start_agent_process(
            agent, arguments, environment, command_prefix=command_prefix, timeout_seconds=timeout_seconds
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.end()
