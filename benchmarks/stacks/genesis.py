"""genesis_lib: `request_agent` of an interface to a plain GenesisAgent in another process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.stack import REQUEST_SECONDS, Client, Stack, run_stack
from genesis_lib import GenesisAgent, GenesisInterface


class EchoAgent(GenesisAgent):
    """Answers each message with its own text."""

    def __init__(self) -> None:
        super().__init__("Echo", "BenchmarkEcho", enable_agent_communication=True)

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"message": request["message"], "status": 0}


@asynccontextmanager
async def serve() -> AsyncIterator[str]:
    async with EchoAgent() as agent:
        yield agent.app.agent_id


class _Client:
    def __init__(self, bus: GenesisInterface, agent_id: str) -> None:
        self._bus = bus
        self._agent_id = agent_id

    async def request(self, text: str) -> str:
        reply = await self._bus.request_agent(self._agent_id, text, timeout_seconds=REQUEST_SECONDS)
        message: str = reply["message"]
        return message


@asynccontextmanager
async def connect(address: str) -> AsyncIterator[Client]:
    async with GenesisInterface("bench") as bus:
        client = _Client(bus, address)
        await client.request("hello")
        yield client


STACK = Stack(serve, connect)

if __name__ == "__main__":
    run_stack(STACK)
