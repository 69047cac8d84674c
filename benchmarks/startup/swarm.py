"""Some agents of a swarm in one process: `python -m benchmarks.startup.swarm HERE TOTAL`.

Prints READY when its agents are announced, then, on the machine's monotonic clock, when each of them saw all others. Ends
when standard input is closed.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import AsyncExitStack

from benchmarks.stack import READY, open_stdin, run, say
from benchmarks.stacks.genesis import EchoAgent
from genesis_lib import AgentInfo


async def join(here: int, total: int) -> None:
    """Open `here` agents and report when they see the whole swarm."""
    stdin = await open_stdin()
    agents = [EchoAgent() for _ in range(here)]
    arrival = asyncio.Event()

    def on_arrival(_agent: AgentInfo) -> None:
        arrival.set()

    async with AsyncExitStack() as running:
        for agent in agents:
            agent.add_discovery_callback(on_arrival)
        await asyncio.gather(*(running.enter_async_context(agent) for agent in agents))
        say(READY)
        while any(len(agent.discovered_agents) < total - 1 for agent in agents):
            arrival.clear()
            await arrival.wait()
        say(repr(time.monotonic()))
        await stdin.read()


if __name__ == "__main__":
    run(join(int(sys.argv[1]), int(sys.argv[2])), uvloop=False)
