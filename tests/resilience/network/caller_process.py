"""`python -m tests.resilience.network.caller_process`: an interface that does what it reads on stdin, JSON in and out."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from typing import Any

from genesis_lib import AgentInfo, GenesisError, GenesisInterface


class _Steered:
    def __init__(self, bus: GenesisInterface) -> None:
        self._bus = bus
        self._loop = asyncio.get_running_loop()
        self._departures: Counter[str] = Counter()
        self._departed = asyncio.Condition()
        bus.add_departure_callback(self._on_departure)

    async def obey(self, what: str, arguments: dict[str, Any]) -> dict[str, Any]:
        match what:
            case "call":
                return await self._call(**arguments)
            case "calls":
                return await self._calls(**arguments)
            case "function":
                return await self._function(**arguments)
            case "wait for agent":
                return await self._timed(self._bus.wait_for_agent(arguments["target"], arguments["timeout_seconds"]))
            case "wait for departure":
                return await self._timed(self._wait_for_departure(arguments["agent_id"], arguments["count"]))
            case "departures":
                return {"departures": self._departures.total()}
        raise AssertionError(what)

    async def _call(self, target: str, message: str, timeout_seconds: float) -> dict[str, Any]:
        started = self._loop.time()
        try:
            reply = await self._bus.request_agent(target, message, timeout_seconds=timeout_seconds)
        except GenesisError as error:
            return {"error": type(error).__name__, "text": str(error), "seconds": self._loop.time() - started}
        seconds = self._loop.time() - started
        return {"message": reply["message"], "metadata": reply["metadata"], "error": "", "seconds": seconds}

    async def _function(
        self, target: str, name: str, timeout_seconds: float, arguments: dict[str, Any]
    ) -> dict[str, Any]:
        return {"result": await self._bus.call_function(target, name, timeout_seconds=timeout_seconds, **arguments)}

    async def _calls(
        self, target: str, label: str, number: int, concurrency: int, timeout_seconds: float
    ) -> dict[str, Any]:
        numbers = iter(range(number))
        errors: Counter[str] = Counter()
        seconds: list[float] = []

        async def work() -> None:
            for each in numbers:
                outcome = await self._call(target, f"{label} {each}", timeout_seconds)
                if not outcome["error"] and outcome["message"] != f"{label} {each} done":
                    outcome["error"] = "wrong answer"
                if outcome["error"]:
                    errors[outcome["error"]] += 1
                else:
                    seconds.append(outcome["seconds"])

        started = self._loop.time()
        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(work())
        return {"errors": dict(errors), "seconds": sorted(seconds), "elapsed": self._loop.time() - started}

    async def _timed(self, waiting: Any) -> dict[str, Any]:
        started = self._loop.time()
        return {"happened": await waiting, "seconds": self._loop.time() - started}

    async def _wait_for_departure(self, agent_id: str, count: int) -> bool:
        async with self._departed:
            await self._departed.wait_for(lambda: self._departures[agent_id] >= count)
        return True

    def _on_departure(self, agent: AgentInfo) -> None:
        self._departures[agent.agent_id] += 1
        self._loop.create_task(self._tell())

    async def _tell(self) -> None:
        async with self._departed:
            self._departed.notify_all()


async def main() -> None:
    """Obey until stdin ends, several commands at a time; each line out names the command it answers."""
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)

    async def answer(steered: _Steered, command: dict[str, Any]) -> None:
        outcome = await steered.obey(command["do"], command["arguments"])
        sys.stdout.write(json.dumps({"number": command["number"], **outcome}) + "\n")
        sys.stdout.flush()

    async with GenesisInterface("caller") as bus, asyncio.TaskGroup() as group:
        steered = _Steered(bus)
        sys.stdout.write(json.dumps({"number": 0}) + "\n")
        sys.stdout.flush()
        while line := await commands.readline():
            group.create_task(answer(steered, json.loads(line)))


if __name__ == "__main__":
    asyncio.run(main())
