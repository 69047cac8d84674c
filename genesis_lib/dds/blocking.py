"""Threads of a participant's own for calls into the middleware that block."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

# Each writer that waits for acknowledgements has one for a second at a time.
_MOST_THREADS = 32


class BlockingCalls:
    """Runs calls in threads, which are started when they are needed. Not in asyncio's own, which the application may keep
    busy for as long as it likes: a reply or a departure would wait for it."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="genesis-dds")

    async def run(self, call: Callable[..., T], *arguments: object) -> T:
        """Await what the call returns or raises."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)

    async def close(self) -> None:
        """End the threads. Every call has returned by now."""
        self._threads.shutdown()
