"""The processes of the demo: started, awaited on the bus, ended whatever happens."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from genesis_lib.errors import BusError
from genesis_lib.messages import AgentInfo

_GRACE_SECONDS = 3.0
_TOLD_LINES = 5


@dataclass(slots=True)
class DemoProcess:
    """One process that hosts one agent. `ready` is done when the agent was seen on the bus."""

    target: str
    process: asyncio.subprocess.Process
    output: IO[str]
    started: float
    ready: asyncio.Future[AgentInfo]
    ready_seconds: float = field(default=0.0)

    def said(self) -> str:
        """The last lines it wrote, without the one that says that it is ready."""
        lines = Path(self.output.name).read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[int(self.ready.done()) :][-_TOLD_LINES:])


class DemoProcesses:
    """Starts processes with `genesis run`; all of them are gone when the block is left."""

    def __init__(self) -> None:
        self.all: list[DemoProcess] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        running = [each.process for each in self.all if each.process.returncode is None]
        try:
            for process in running:
                process.terminate()
            async with asyncio.timeout(_GRACE_SECONDS):
                await asyncio.gather(*(process.wait() for process in running))
        except TimeoutError:
            pass
        finally:
            for process in running:
                if process.returncode is None:
                    process.kill()
            for each in self.all:
                each.output.close()
        await asyncio.gather(*(process.wait() for process in running))

    async def start(self, target: str, environment: Mapping[str, str]) -> DemoProcess:
        """Start a process for this MODULE:CLASS, in a session of its own: a terminal's Ctrl-C is for the demo."""
        output = tempfile.NamedTemporaryFile("w", prefix="genesis-demo-", encoding="utf-8")  # noqa: SIM115
        started = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "genesis_lib.cli.demo_child",
            "run",
            target,
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=dict(environment),
            start_new_session=True,
        )
        started_process = DemoProcess(target, process, output, started, asyncio.get_running_loop().create_future())
        self.all.append(started_process)
        return started_process

    def on_agent(self, agent: AgentInfo) -> None:
        """Note that an agent was seen; to be called with each that arrives."""
        for each in self.all:
            if each.process.pid == agent.pid and not each.ready.done():
                each.ready_seconds = time.perf_counter() - each.started
                each.ready.set_result(agent)

    async def next_ready(self, waiting: Sequence[DemoProcess]) -> DemoProcess:
        """The next of these processes whose agent is on the bus.

        Raises:
            BusError: one of them ended instead.
        """
        exits = {asyncio.ensure_future(each.process.wait()): each for each in waiting}
        watched: list[asyncio.Future[Any]] = [*exits, *(each.ready for each in waiting)]
        done, _ = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        for task in exits:
            task.cancel()
        for each in waiting:
            if each.ready.done():
                return each
        ended = next(exits[task] for task in exits if task in done)
        raise BusError(
            f"the process for {ended.target} ended with {ended.process.returncode} before its agent was ready."
            f" It said:\n{ended.said()}"
        )
