"""What the RPC tests do again and again as callers."""

from __future__ import annotations

from typing import Any

from genesis_lib import GenesisInterface


async def diary(bus: GenesisInterface, target: str) -> dict[str, Any]:
    """What a Worker noted so far: counts by event."""
    return dict((await bus.request_agent(target, "diary"))["metadata"])


async def wait_for(bus: GenesisInterface, target: str, event: str, count: int = 1) -> None:
    """Wait until a Worker or Streamer has noted the event this many times."""
    await bus.request_agent(target, f"await {count} {event}", timeout_seconds=30)
