"""Running agents until somebody ends the process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Protocol, Self


class Runnable(Protocol):
    """Anything that is entered and left: agents, interfaces."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any: ...


def event_loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """For `asyncio.Runner`: uvloop's event loop where it is installed (extra `uvloop`), asyncio's own (None) elsewhere."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def run_until_signal(*members: Runnable) -> None:
    """Enter all members, wait for SIGINT or SIGTERM, leave them in reverse order. A second signal ends the process at once,
    with the status a shell expects of it (128 plus the signal's number)."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def on_signal(number: int) -> None:
        if asked.is_set():
            os._exit(128 + number)
        asked.set()

    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, on_signal, number)
    try:
        async with AsyncExitStack() as stack:
            for member in members:
                await stack.enter_async_context(member)
            await asked.wait()
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
