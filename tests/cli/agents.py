"""Agents for the tests of the command."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from genesis_lib import Attachment, GenesisAgent, MonitoredAgent


class Clerk(MonitoredAgent):
    """Attaches what it was asked as a file."""

    def __init__(self, agent_name: str = "Clerk") -> None:
        super().__init__(agent_name, "ClerkService", enable_agent_communication=True)

    def get_agent_capabilities(self) -> dict[str, Any]:
        return {"capabilities": ["filing"], "default_capable": True}

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"message": "filed", "attachments": [Attachment("note.txt", "text/plain", request["message"].encode())]}


class Recluse(GenesisAgent):
    """Serves interfaces only."""

    def __init__(self) -> None:
        super().__init__("Recluse", "RecluseService")

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"message": "go away"}


class Clock(GenesisAgent):
    """Streams ticks until nobody listens any more; without a stream it says how many of its streams ended."""

    def __init__(self) -> None:
        super().__init__("Clock", "ClockService", enable_agent_communication=True)
        self.ended = 0

    async def process_agent_request(self, request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:  # type: ignore[override]
        if request["message"] == "ended":
            yield {"message": str(self.ended)}
            return
        try:
            while True:
                yield {"message": "tick\n"}
                await asyncio.sleep(0.01)
        finally:
            self.ended += 1


class Silent(GenesisAgent):
    """Never answers."""

    def __init__(self) -> None:
        super().__init__("Silent", "SilentService", enable_agent_communication=True)

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        await asyncio.Event().wait()
        return {"message": "at last"}
