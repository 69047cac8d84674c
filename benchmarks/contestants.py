"""The processes of one stack: a server, a client, and starting both again after a failure."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict

from benchmarks.load import Job, Outcome
from benchmarks.processes import Child, child

ANSWER_SECONDS = 30.0


class Contestant:
    """One stack under measurement."""

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        self.name = name
        self._environment = environment
        self._processes = AsyncExitStack()
        self._client: Child | None = None

    async def open(self) -> None:
        """Start the server, then the client.

        Raises:
            ChildFailed: one of them does not start; nothing is left running.
        """
        module = f"benchmarks.stacks.{self.name}"
        async with AsyncExitStack() as processes:
            server = await processes.enter_async_context(child(module, "serve", environment=self._environment))
            self._client = await processes.enter_async_context(
                child(module, "drive", server.address, environment=self._environment)
            )
            self._processes = processes.pop_all()

    async def measure(self, job: Job) -> Outcome:
        """Run one slice.

        Raises:
            ChildFailed: the client ended or did not answer; close and open again.
        """
        assert self._client is not None
        return Outcome(**await self._client.ask(asdict(job), ANSWER_SECONDS + job.seconds))

    async def close(self) -> None:
        """End both processes."""
        await self._processes.aclose()
