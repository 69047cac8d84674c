"""An agent for the demo that streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from genesis_lib.monitored_agent import MonitoredAgent

_STORY = (
    "A small question once set out on a bus that nobody drives. It asked no broker for the way, found the one who knew,"
    " and was home with the answer before anybody had missed it."
)
_PAUSE_SECONDS = 0.02


class Storyteller(MonitoredAgent):
    """Tells one fixed story, a word at a time, slowly enough to watch."""

    def __init__(self) -> None:
        super().__init__(
            "Storyteller",
            "StoryService",
            enable_agent_communication=True,
            description="Tells one short story, word by word. It knows no other.",
        )

    def get_agent_capabilities(self) -> dict[str, Any]:
        """See GenesisAgent."""
        return {"agent_type": "specialized", "specializations": ["stories"], "capabilities": ["storytelling"]}

    async def process_agent_request(self, request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:  # type: ignore[override]
        """Stream the story."""
        for word in _STORY.split():
            yield {"message": f"{word} "}
            await asyncio.sleep(_PAUSE_SECONDS)
