"""A domain and agents that all tests of a module share, since starting a process is what such a test takes longest for.

Tests that share agents use labels of their own: an agent keeps its diary for as long as it lives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from genesis_lib.testing import AgentProcess, free_domain, start_agent_process


@contextmanager
def own_domain() -> Iterator[int]:
    """A free domain, on loopback only, for this process and those it starts."""
    with free_domain() as domain, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENESIS_DOMAIN_ID", str(domain))
        patch.setenv("GENESIS_INTERFACES", "lo")
        yield domain


@contextmanager
def running(*agents: tuple[type[Any], Mapping[str, Any], Mapping[str, str]]) -> Iterator[list[AgentProcess]]:
    """Agents, each (class, constructor's arguments, environment), in processes of their own."""

    async def start() -> list[AgentProcess]:
        return await asyncio.gather(*(start_agent_process(*agent) for agent in agents))

    processes = asyncio.run(start())
    try:
        yield processes
    finally:
        for process in processes:
            process.end()
