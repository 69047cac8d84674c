"""Agents in operating-system processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO, Any

from genesis_lib.errors import ConfigError


class AgentProcess:
    """A process that hosts one agent.

    Attributes:
        agent_id: the id of the agent in it.
        pid: of the process.
    """

    def __init__(self, process: subprocess.Popen[str], agent_id: str, errors: IO[str]) -> None:
        self._process = process
        self._errors = errors
        self.agent_id = agent_id
        self.pid = process.pid

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal: SIGTERM drains, SIGKILL crashes, SIGSTOP freezes it."""
        self._process.send_signal(number)

    async def wait(self) -> int:
        """Wait until it has ended; its exit status."""
        return await asyncio.to_thread(self._process.wait)

    def errors(self) -> str:
        """What it wrote to stderr so far."""
        self._errors.seek(0)
        return self._errors.read()

    def end(self) -> None:
        """Kill it if it runs, and clean up."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self._errors.close()


async def start_agent_process(
    agent: type[Any] | str,
    arguments: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    command_prefix: Sequence[str] = (),
) -> AgentProcess:
    """Start a process that hosts the agent; returns when the agent is on the bus.

    Args:
        agent: an agent class that can be imported, or its "module:Class".
        arguments: keyword arguments for its constructor, as far as JSON can carry them.
        environment: variables on top of this process's own.
        command_prefix: what is put before the command; ("ip", "netns", "exec", "west") starts it in a network namespace.

    Raises:
        ConfigError: the process ended before the agent was ready; says what it wrote.
    """
    target = agent if isinstance(agent, str) else f"{agent.__module__}:{agent.__qualname__}"
    errors = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  the process outlives this function
    process = subprocess.Popen(  # noqa: ASYNC220  starting is quick, waiting happens in a thread
        [
            *command_prefix,
            *(sys.executable, "-m", "genesis_lib.testing.host", target, json.dumps(dict(arguments or {}))),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **(environment or {})},
    )
    assert process.stdout is not None
    reading = asyncio.ensure_future(asyncio.to_thread(process.stdout.readline))
    try:
        line = await asyncio.shield(reading)
    except asyncio.CancelledError:
        process.kill()
        await reading
        AgentProcess(process, "", errors).end()
        raise
    if not line.startswith("READY "):
        started = AgentProcess(process, "", errors)
        await started.wait()
        text = started.errors()
        started.end()
        raise ConfigError(
            f"the process for {target} ended with {process.returncode} before its agent was ready:\n{text}"
        )
    return AgentProcess(process, line.split()[1], errors)
