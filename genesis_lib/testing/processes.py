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
from contextlib import ExitStack
from typing import IO, Any

from genesis_lib.errors import ConfigError


class AgentProcess:
    """A process that hosts one agent.

    Attributes:
        agent_id: the id of the agent in it.
        pid: of the process.
    """

    def __init__(self, process: subprocess.Popen[bytes], agent_id: str, written: IO[bytes]) -> None:
        self._process = process
        self._written = written
        self.agent_id = agent_id
        self.pid = process.pid

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal: SIGTERM drains, SIGKILL crashes, SIGSTOP freezes it."""
        self._process.send_signal(number)

    async def wait(self) -> int:
        """Wait until it has ended; its exit status."""
        return await asyncio.to_thread(self._process.wait)

    def errors(self) -> str:
        """What it wrote to stderr and stdout so far: its log, what its agent raised and printed."""
        return _text(self._written)

    def end(self) -> None:
        """Kill it if it runs, and clean up."""
        _end(self._process)
        self._written.close()


async def start_agent_process(
    agent: type[Any] | str,
    arguments: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    command_prefix: Sequence[str] = (),
    timeout_seconds: float = 60.0,
) -> AgentProcess:
    """Start a process that hosts the agent; returns when the agent is on the bus.

    Args:
        agent: an agent class that can be imported, or its "module:Class".
        arguments: keyword arguments for its constructor, as far as JSON can carry them.
        environment: variables on top of this process's own.
        command_prefix: what is put before the command; ("ip", "netns", "exec", "west") starts it in a network namespace.
        timeout_seconds: how long starting may take; a process that takes longer is killed.

    Raises:
        ConfigError: the process ended before the agent was ready, or it was not ready in time; says what it wrote.
    """
    target = agent if isinstance(agent, str) else f"{agent.__module__}:{agent.__qualname__}"
    with ExitStack() as unless_ready:
        written = unless_ready.enter_context(tempfile.TemporaryFile())
        process = subprocess.Popen(  # noqa: ASYNC220  starting is quick, waiting is asynchronous
            [
                *command_prefix,
                *(sys.executable, "-u", "-m", "genesis_lib.testing.host", target, json.dumps(dict(arguments or {}))),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=written,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **(environment or {})},
        )
        unless_ready.callback(_end, process)
        try:
            async with asyncio.timeout(timeout_seconds):
                agent_id = await _announced(process)
        except TimeoutError:
            problem = f"the agent of the process for {target} was not ready within {timeout_seconds:g} s"
            raise ConfigError(f"{problem} (timeout_seconds); the process wrote:\n{_text(written)}") from None
        if agent_id is None:
            problem = f"the process for {target} ended with {process.returncode} before its agent was ready"
            raise ConfigError(f"{problem}; it wrote:\n{_text(written)}")
        unless_ready.pop_all()
    return AgentProcess(process, agent_id, written)


async def _announced(process: subprocess.Popen[bytes]) -> str | None:
    """The id of its agent once that is ready; None when the process has ended before."""
    reader = asyncio.StreamReader()
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), process.stdout
    )
    try:
        async for line in reader:
            if line.startswith(b"READY "):
                return line.decode().removeprefix("READY ").removesuffix("\n")
    finally:
        pipe.close()
    await asyncio.to_thread(process.wait)
    return None


def _text(written: IO[bytes]) -> str:
    # The process writes at the same file offset; pread leaves that alone.
    number = written.fileno()
    return os.pread(number, os.fstat(number).st_size, 0).decode(errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
