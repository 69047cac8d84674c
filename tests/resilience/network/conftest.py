"""Hosts on a cable. Without root, network namespaces or TAP devices these tests skip."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.resilience.network.cable import Cable
from tests.resilience.network.hosts import Host, Network
from tests.resilience.network.namespaces import reason_to_skip


@pytest.fixture(autouse=True)
def _namespaces_are_possible() -> None:
    if reason_to_skip():
        pytest.skip(reason_to_skip())


@pytest.fixture(autouse=True)
def _clean_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but the test's own."""
    for name in ("GENESIS_CONFIG", "GENESIS_PEERS", "CYCLONEDDS_URI", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
async def network(genesis_domain: int) -> AsyncIterator[Network]:
    """A network to add hosts to, and a domain of the test's own."""
    async with AsyncExitStack() as running:
        yield Network(running)


@pytest.fixture
def west(network: Network) -> Host:
    """A host on the network."""
    return network.add_host("west")


@pytest.fixture
def east(network: Network) -> Host:
    """Another one."""
    return network.add_host("east")


@pytest.fixture
def cable(network: Network) -> Cable:
    """The cable between the hosts."""
    return network.cable
