"""Agents for the tests on networks."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from genesis_lib import GenesisAgent


class Ledger(GenesisAgent):
    """Counts how often it has run each message, and says so when it is asked for "the ledger".

    What begins with "hold" is answered never.
    """

    def __init__(self, agent_name: str = "Ledger", **options: Any) -> None:
        options.setdefault("enable_agent_communication", True)
        super().__init__(agent_name, "LedgerService", **options)
        self._runs: Counter[str] = Counter()

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        message = request["message"]
        if message == "the ledger":
            return {
                "message": "",
                "metadata": {
                    "messages": len(self._runs),
                    "repeated": sorted(name for name, runs in self._runs.items() if runs > 1),
                },
            }
        self._runs[message] += 1
        if message.startswith("hold"):
            await asyncio.Event().wait()
        return {"message": f"{message} done"}
