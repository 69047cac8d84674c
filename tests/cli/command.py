"""The real `genesis` command, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import signal
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from os import environ
from pathlib import Path
from typing import Any

GENESIS = str(Path(sysconfig.get_path("scripts")) / "genesis")
_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended and what it wrote."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """Stdout, which has to be one JSON value in one line."""
        (line,) = self.stdout.splitlines()
        return json.loads(line)


def with_signals_of_a_terminal() -> None:
    """In a child before it runs its program: whoever started the tests may have them ignored, as nohup does."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


async def start(*arguments: str, environment: Mapping[str, str] | None = None) -> asyncio.subprocess.Process:
    """Start the command with pipes to all three streams."""
    return await asyncio.create_subprocess_exec(
        GENESIS,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**environ, **(environment or {})},
        preexec_fn=with_signals_of_a_terminal,
    )


async def run(*arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None) -> Outcome:
    """Run the command to its end. No run of it may show a stack trace, unless one was asked for."""
    process = await start(*arguments, environment=environment)
    return await finish(process, stdin)


async def finish(process: asyncio.subprocess.Process, stdin: bytes | None = None) -> Outcome:
    """Wait for the end of the command."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        stdout, stderr = await process.communicate(stdin)
    assert process.returncode is not None
    return Outcome(process.returncode, stdout.decode(), stderr.decode())
