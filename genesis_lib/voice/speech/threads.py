"""Audio made by a blocking engine in a thread, given to the event loop as it is made."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable

Emit = Callable[[bytes], bool]


async def pieces_from_thread(produce: Callable[[Emit], None]) -> AsyncGenerator[bytes]:
    """What `produce` emits. It runs in a thread; `emit` answers whether anybody still listens, and `produce` ends when nobody
    does.

    Raises:
        whatever `produce` raises.
    """
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
    abandoned = threading.Event()

    def emit(piece: bytes) -> bool:
        if piece:
            loop.call_soon_threadsafe(pieces.put_nowait, piece)
        return not abandoned.is_set()

    def run() -> None:
        try:
            produce(emit)
        finally:
            loop.call_soon_threadsafe(pieces.put_nowait, None)

    running = loop.run_in_executor(None, run)
    try:
        while (piece := await pieces.get()) is not None:
            yield piece
        await running
    finally:
        abandoned.set()
