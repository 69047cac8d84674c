"""A task that runs for as long as a block does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any


@contextlib.asynccontextmanager
async def background(coroutine: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run a coroutine beside the block; the block's end cancels it, its failure ends the block."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(coroutine)
        try:
            yield
        finally:
            task.cancel()
