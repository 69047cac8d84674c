"""A cold caller: a fresh process that calls one agent once and says how long that took.

`python -m benchmarks.startup.caller AGENT_ID` prints one JSON object: `call_seconds`, the call alone, and `answered_at`, on
the machine's monotonic clock.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from genesis_lib import GenesisInterface


async def call_once(agent_id: str) -> None:
    async with GenesisInterface("cold caller") as bus:
        started = time.monotonic()
        reply = await bus.request_agent(agent_id, "first", timeout_seconds=10)
        answered = time.monotonic()
    if reply["message"] != "first":
        raise SystemExit(f"sent 'first', got {reply['message']!r}")
    print(json.dumps({"call_seconds": answered - started, "answered_at": answered}), flush=True)


if __name__ == "__main__":
    asyncio.run(call_once(sys.argv[1]))
