"""What to undo when a step breaks off half way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager


@asynccontextmanager
async def on_failure(undo: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Await `undo()` when the block ends in an error or is cancelled, which then goes on to whoever waits."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(undo)
        yield
        stack.pop_all()
