"""Agents that tests run in other processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from genesis_lib import GenesisAgent, MonitoredAgent, genesis_function


class Echo(GenesisAgent):
    """Answers with what it was asked, and what it knows of the request."""

    def __init__(self, agent_name: str = "Echo", base_service_name: str = "EchoService", **options: Any) -> None:
        options.setdefault("enable_agent_communication", True)
        super().__init__(agent_name, base_service_name, **options)
        self.calls = 0

    def get_agent_capabilities(self) -> dict[str, Any]:
        return {"agent_type": "specialized", "specializations": ["echoing"], "capabilities": ["echo"]}

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        self.calls += 1
        return {
            "message": request["message"],
            "metadata": {
                **request["metadata"],
                "source_agent_id": request["source_agent_id"],
                "conversation_id": request["conversation_id"],
                "timeout_seconds": request["timeout_seconds"],
                "calls": self.calls,
                "agent_id": self.app.agent_id,
            },
            "attachments": request["attachments"],
        }


class Misbehaving(GenesisAgent):
    """Does what its message says."""

    def __init__(self, agent_name: str = "Misbehaving", **options: Any) -> None:
        options.setdefault("enable_agent_communication", True)
        super().__init__(agent_name, "MisbehavingService", **options)
        self.cancelled = 0

    async def process_request(self, request: dict[str, Any]) -> Any:
        match request["message"]:
            case "raise":
                raise ValueError("no such thing \ud800")
            case "text":
                return "just text"
            case "number":
                return {"message": 7}
            case "none":
                return None
            case "not json":
                return {"message": "x", "metadata": {"a": {1, 2}}}
            case "unknown key":
                return {"message": "x", "mesage": "y"}
            case "status":
                return {"message": "no", "status": -1}
            case "cancel myself":
                raise asyncio.CancelledError
            case "hang":
                try:
                    await asyncio.Event().wait()
                finally:
                    self.cancelled += 1
            case "cancelled":
                return {"message": str(self.cancelled)}
        return {"message": "fine"}


class Storyteller(GenesisAgent):
    """Streams as many words as its message says, then raises when the message has an exclamation mark."""

    def __init__(self, agent_name: str = "Storyteller", **options: Any) -> None:
        options.setdefault("enable_agent_communication", True)
        super().__init__(agent_name, "StoryService", **options)
        self.produced = 0
        self.closed = 0

    async def process_agent_request(self, request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:  # type: ignore[override]
        if request["message"] == "produced":
            yield {"message": f"{self.produced} {self.closed}"}
            return
        try:
            for number in range(int(request["message"].rstrip("!"))):
                self.produced += 1
                yield {"message": f"word{number} ", "metadata": {"last": number}}
            if request["message"].endswith("!"):
                raise RuntimeError("the story broke off")
        finally:
            self.closed += 1


class Calculator(GenesisAgent):
    """Offers functions."""

    def __init__(self, agent_name: str = "Calculator", **options: Any) -> None:
        options.setdefault("enable_agent_communication", True)
        super().__init__(agent_name, "CalculatorService", **options)

    async def process_request(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"message": "call my functions"}

    @genesis_function
    async def add(self, a: int, b: int = 1) -> int:
        """Add two whole numbers."""
        return a + b

    @genesis_function
    async def fail(self) -> None:
        """Raise."""
        raise LookupError("nothing here")


class Relay(MonitoredAgent):
    """Passes its message on to the agent named before the first space."""

    def __init__(self, agent_name: str = "Relay", **options: Any) -> None:
        options.setdefault("enable_agent_communication", True)
        super().__init__(agent_name, "RelayService", **options)

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        target, _, rest = request["message"].partition(" ")
        reply = await self.request_agent(target, rest, request["conversation_id"], 30)
        return {"message": reply["message"], "metadata": {**reply["metadata"], "via": self.agent_name}}
