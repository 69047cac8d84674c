"""Agents that the security tests run in other processes."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from genesis_lib import AccessPolicy, AccessRule, GenesisAgent, GenesisError, MonitoredAgent, genesis_function


class Guarded(MonitoredAgent):
    """Counts what is executed. Its policy comes as JSON: {"default": ..., "rules": [{"effect": ...}]}, or from a file."""

    def __init__(self, agent_name: str = "Ledger", policy: dict[str, Any] | None = None, **options: Any) -> None:
        if policy is not None:
            rules = [AccessRule(**rule) for rule in policy["rules"]]
            options["access_policy"] = AccessPolicy(policy["default"], rules)
        super().__init__(agent_name, "Books", enable_agent_communication=True, **options)
        self._executed = 0
        self._capabilities = ["accounting"]

    def get_agent_capabilities(self) -> dict[str, Any]:
        return {"capabilities": self._capabilities}

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        self._executed += 1
        return {"message": f"{request['message']} for {request['source_agent_id']}"}

    @genesis_function
    async def add(self, a: int, b: int) -> int:
        """Add."""
        self._executed += 1
        return a + b

    @genesis_function
    async def remove(self) -> None:
        """Remove everything."""
        self._executed += 1

    @genesis_function
    async def executed(self) -> int:
        """How many requests were, this function left out."""
        return self._executed

    @genesis_function
    async def knows(self, agent_id: str) -> bool:
        """Wait until this agent was announced to this process."""
        agents = self.app.directory.agents
        return await self.app.directory.wait_for(lambda: agent_id in agents, 20)

    @genesis_function
    async def announce(self, capability: str) -> None:
        """Announce one other capability."""
        self._capabilities = [capability]
        await self.update_capabilities()


class Caller(GenesisAgent):
    """Calls an agent in the way its message says, "HOW TARGET", and answers with the result or the error, in JSON.

    "after ID HOW TARGET" waits first until the agent with this id is there. "started" answers when such a wait has begun.
    """

    def __init__(self, agent_name: str = "Caller", **options: Any) -> None:
        super().__init__(agent_name, enable_agent_communication=True, **options)
        self._waiting = asyncio.Event()

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        how, _, target = request["message"].partition(" ")
        if how == "started":
            await self._waiting.wait()
            return {"message": "{}"}
        if how == "after":
            awaited, how, target = target.split()
            self._waiting.set()
            await self.wait_for_agent(awaited)
        try:
            return {"message": json.dumps({"result": await self._call(how, target)})}
        except GenesisError as error:
            return {"message": json.dumps({"error": type(error).__name__, "text": str(error), "target": error.target})}

    async def _call(self, how: str, target: str) -> Any:
        await self.wait_for_agent(target)
        match how:
            case "message":
                return (await self.request_agent(target, "hello"))["message"]
            case "stream":
                return [part["message"] async for part in self.stream_agent_request(target, "hello")]
            case "batch":
                return [reply["message"] for reply in await self.send_agent_batch(target, ["one", "two"])]
            case "add":
                return await self.call_function(target, "add", a=1, b=2)
        return await self.call_function(target, how)


class EagerCaller(Caller):
    """Calls an agent at once when it has joined, before anything else; says then how that went."""

    def __init__(self, target: str, **options: Any) -> None:
        super().__init__(**options)
        self._target = target
        self._outcome: dict[str, Any] = {}

    async def open(self) -> EagerCaller:
        await super().open()
        self._outcome = await super().process_agent_request({"message": f"message {self._target}"})
        return self

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._outcome


class Scribe(GenesisAgent):
    """Writes each message it executes as a line into a file, which several processes may share."""

    def __init__(self, path: str, **options: Any) -> None:
        super().__init__("Scribe", enable_agent_communication=True, **options)
        self._path = Path(path)

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{request['message']} {os.getpid()}\n")
        return {"message": request["message"]}
