"""Hostile peers, and what the library says of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contract.background import Background
from tests.contract.peers import Peer
from tests.contract.recorder import PATIENCE_SECONDS


class LogWatch(logging.Handler):
    """The library's log messages, and somebody who waits for one."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []
        self._changed = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
        self._changed.set()

    async def until(self, *words: str, count: int = 1) -> None:
        """Wait for this many messages that have all the words in them."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while sum(all(word in message for word in words) for message in self.messages) < count:
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
def log_watch() -> Iterator[LogWatch]:
    """What the library logs in this process."""
    watch = LogWatch()
    logging.getLogger("genesis_lib").addHandler(watch)
    yield watch
    logging.getLogger("genesis_lib").removeHandler(watch)


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
