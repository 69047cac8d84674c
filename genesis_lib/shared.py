"""Things that several users in one process share: opened by the first, closed by the last."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from genesis_lib.unwinding import on_failure

T = TypeVar("T")


class _Entry(Generic[T]):
    def __init__(self, opening: asyncio.Task[T]) -> None:
        self.opening = opening
        self.users = 0


class SharedResources(Generic[T]):
    """Resources by key, counted by their users."""

    def __init__(self, close: Callable[[T], Awaitable[None]]) -> None:
        self._close = close
        self._entries: dict[Hashable, _Entry[T]] = {}

    def __contains__(self, key: Hashable) -> bool:
        return key in self._entries

    async def acquire(self, key: Hashable, open_one: Callable[[], Awaitable[T]]) -> T:
        """The resource of this key. Raises what opening it raises, to every user who waited for it."""
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(asyncio.ensure_future(_run(open_one)))
        entry.users += 1
        async with on_failure(lambda: self._give_back(key, entry)):
            return await asyncio.shield(entry.opening)

    async def release(self, key: Hashable) -> None:
        """Give one use back."""
        await self._give_back(key, self._entries[key])

    async def _give_back(self, key: Hashable, entry: _Entry[T]) -> None:
        entry.users -= 1
        if entry.users:
            return
        del self._entries[key]
        (opened,) = await asyncio.gather(entry.opening, return_exceptions=True)
        if not isinstance(opened, BaseException):
            await self._close(opened)


async def _run(open_one: Callable[[], Awaitable[T]]) -> T:
    return await open_one()
