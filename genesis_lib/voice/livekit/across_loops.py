"""From one event loop to another: a job runs in a thread with a loop of its own, the worker's agent on the main one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from genesis_lib.voice.brain import Bus, BusCall

P = ParamSpec("P")
T = TypeVar("T")


class OtherLoop:
    """A loop that runs in another thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run this there; its result, or what it raises."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self._loop))

    def soon(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call this there, after what was called before."""
        self._loop.call_soon_threadsafe(lambda: function(*args, **kwargs))


class BusThere:
    """A Bus that belongs to another loop."""

    def __init__(self, bus: Bus, loop: OtherLoop) -> None:
        self._bus = bus
        self._loop = loop

    async def call(self, call: BusCall) -> str:
        """See Bus."""
        return await self._loop.run(self._call(call))

    async def _call(self, call: BusCall) -> str:
        return await self._bus.call(call)
