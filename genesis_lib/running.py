"""Running agents until somebody ends the process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager
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


@contextmanager
def on_first_signal(
    loop: asyncio.AbstractEventLoop, numbers: Iterable[signal.Signals], act: Callable[[signal.Signals], object]
) -> Iterator[None]:
    """While the block runs, the first of these signals is acted on in the loop. The second ends the process at once, with
    the status a shell expects of it (128 plus the signal's number)."""
    received = False

    def on_signal(number: signal.Signals) -> None:
        nonlocal received
        if received:
            os._exit(128 + number)
        received = True
        act(number)

    watched = tuple(numbers)
    for number in watched:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number in watched:
            loop.remove_signal_handler(number)


async def run_until_signal(*members: Runnable) -> None:
    """Enter all members, wait for SIGINT or SIGTERM, leave them in reverse order. A second signal ends the process at once,
    with the status a shell expects of it (128 plus the signal's number)."""
    asked = asyncio.Event()
    with on_first_signal(asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM), lambda _: asked.set()):
        async with AsyncExitStack() as stack:
            for member in members:
                await stack.enter_async_context(member)
            await asked.wait()
