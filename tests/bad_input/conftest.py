"""Hostile peers, and what the library says of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.contract.background import Background
from tests.contract.peers import Peer


@pytest.fixture
async def hostile(genesis_domain: int) -> AsyncIterator[Peer]:
    """A process with plain Cyclone DDS, that sends what this library's port would not."""
    peer = await Peer("tests.bad_input.hostile_process").start()
    yield peer
    await peer.end()


@pytest.fixture
async def background() -> AsyncIterator[Background]:
    """Start a coroutine as a task that ends with the test."""
    tasks = Background()
    yield tasks
    await tasks.end()
