"""Ask an agent: `python examples/interface.py "Will it rain in Oslo?"`; a second argument names the agent.

Waits up to 10 s for the agent to be there and 30 s in all. The exit status is 0 when it answered with status 0, else 1.
"""

import asyncio
import sys

from genesis_lib import GenesisError, GenesisInterface


async def main(question: str, agent: str = "SmartGeneralAgent") -> int:
    async with GenesisInterface("example interface") as bus:
        if not await bus.wait_for_agent(agent, timeout_seconds=10):
            print(f"No {agent} on the bus: start it first, as in python examples/launcher.py", file=sys.stderr)
            return 1
        try:
            reply = await bus.request_agent(agent, question, timeout_seconds=30)
        except GenesisError as error:
            print(error, file=sys.stderr)
            return 1
        print(reply["message"])
        if "routed_to" in reply["metadata"]:
            print(f"({agent} asked {reply['metadata']['routed_to']}: {reply['metadata']['reason']})", file=sys.stderr)
        return 0 if reply["status"] == 0 else 1


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(*sys.argv[1:])))
