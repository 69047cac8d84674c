"""Start the weather agent and the general agent, each a process of its own, ask a question, end them.

`python examples/launcher.py "Will I need an umbrella in Monument, Colorado?"`

The general agent gets the question. Where no language model is configured it cannot choose a specialist; then the weather
agent is asked by name.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from genesis_lib import GenesisInterface

AGENTS = {"weather_agent.py": "WeatherExpert", "general_agent.py": "SmartGeneralAgent"}
QUESTION = "Will I need an umbrella in Monument, Colorado?"
SECONDS_TO_START = 20
SECONDS_TO_DRAIN = 10


@asynccontextmanager
async def running(script: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(sys.executable, str(Path(__file__).with_name(script)))
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), SECONDS_TO_DRAIN)
        except TimeoutError:
            process.kill()
            await process.wait()


async def ask(bus: GenesisInterface, agent: str, question: str) -> bool:
    reply = await bus.request_agent(agent, question, timeout_seconds=30)
    print(f"> {agent}: {question}\n{reply['message']}", flush=True)
    return bool(reply["status"] == 0)


async def main(question: str) -> int:
    # Ended from outside, the launcher takes its agents with it.
    launcher = asyncio.current_task()
    assert launcher is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, launcher.cancel)
    async with AsyncExitStack() as stack:
        for script in AGENTS:
            await stack.enter_async_context(running(script))
        bus = await stack.enter_async_context(GenesisInterface("launcher"))
        for name in AGENTS.values():
            if not await bus.wait_for_agent(name, SECONDS_TO_START):
                print(f"{name} did not start within {SECONDS_TO_START} s", file=sys.stderr)
                return 1
        answered = await ask(bus, "SmartGeneralAgent", question) or await ask(bus, "WeatherExpert", question)
        return 0 if answered else 1


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main(" ".join(sys.argv[1:]) or QUESTION)))
    except asyncio.CancelledError:
        sys.exit("ended before there was an answer")
