"""Hosts to run agents, callers and commands on: namespaces on a cable."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from genesis_lib.testing import AgentProcess
from genesis_lib.testing.processes import start_agent_process
from tests.cli.command import GENESIS, Outcome, finish
from tests.resilience.network.cable import Cable, End
from tests.resilience.network.callers import Caller
from tests.resilience.network.namespaces import Namespace, namespace


@dataclass(frozen=True, slots=True)
class Host:
    """A namespace with one interface on a cable. What is started on it ends with the test.

    Its processes have GENESIS_INTERFACES unset: the DDS product chooses.
    """

    namespace: Namespace
    address: str
    end: End
    _running: AsyncExitStack = field(repr=False)

    async def start_agent(
        self,
        agent: type[Any],
        arguments: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> AgentProcess:
        """Start an agent; returns when it is on the bus."""
        process = await start_agent_process(
            agent, arguments, self._environment(environment), command_prefix=self.namespace.command_prefix
        )
        self._running.callback(process.end)
        return process

    async def start_caller(self, environment: Mapping[str, str] | None = None) -> Caller:
        """Start a caller; returns when it is on the bus."""
        caller = await Caller.start(self.namespace.command_prefix, self._environment(environment))
        self._running.push_async_callback(caller.end)
        return caller

    async def genesis(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Outcome:
        """Run the genesis command to its end."""
        process = await self.run(GENESIS, *arguments, environment=environment)
        return await finish(process)

    async def run(self, *command: str, environment: Mapping[str, str] | None = None) -> asyncio.subprocess.Process:
        """Start any command."""
        process = await asyncio.create_subprocess_exec(
            *(*self.namespace.command_prefix, *command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment(environment),
        )
        self._running.push_async_callback(_end, process)
        return process

    def _environment(self, environment: Mapping[str, str] | None) -> dict[str, str]:
        path = os.pathsep.join(filter(None, sys.path))
        return {**os.environ, "PYTHONPATH": path, "GENESIS_INTERFACES": "", **(environment or {})}


class Network:
    """Hosts on one cable, on the network 10.77.0.0/24, and on further cables."""

    def __init__(self, running: AsyncExitStack) -> None:
        self._running = running
        self._hosts = 0
        self.cable = self.add_cable()

    def add_cable(self) -> Cable:
        """A cable that leads nowhere yet."""
        cable = Cable()
        self._running.callback(cable.close)
        return cable

    def add_host(self, name: str, *, cable: Cable | None = None, address: str = "") -> Host:
        """Plug one more host in, by default into the first cable with the next address."""
        self._hosts += 1
        address = address or f"10.77.0.{self._hosts}"
        space = self._running.enter_context(namespace(name))
        end = (cable or self.cable).plug_in(space, f"{address}/24")
        return Host(space, address, end, self._running)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.communicate()
