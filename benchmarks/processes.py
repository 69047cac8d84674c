"""Child processes that print READY when they are, take JSON lines and end when their standard input is closed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.stack import READY

START_SECONDS = 30
STOP_SECONDS = 10
LINE_BYTES = 1 << 26


class ChildFailed(Exception):
    """A child process ended or did not answer; the text says which and quotes its last words."""


class Child:
    """One child process, in a process group of its own so that Ctrl-C reaches the parent only."""

    def __init__(
        self, name: str, process: asyncio.subprocess.Process, log: tempfile._TemporaryFileWrapper[bytes]
    ) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.name = name
        self.pid = process.pid
        self.address = ""
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._log = log

    async def ready(self) -> None:
        """Wait for the READY line; its rest becomes `address`.

        Raises:
            ChildFailed: the process ended or stayed silent.
        """
        line = await self.read_line(START_SECONDS)
        if not line.startswith(READY):
            raise ChildFailed(f"{self.name} said {line!r} instead of {READY}")
        self.address = line.removeprefix(READY).strip()

    async def ask(self, question: Mapping[str, Any], seconds: float) -> Any:
        """Send one JSON line and return the answer.

        Raises:
            ChildFailed: the process ended, or did not answer within `seconds`.
        """
        try:
            self._stdin.write(json.dumps(question).encode() + b"\n")
            await self._stdin.drain()
        except ConnectionError as error:
            raise ChildFailed(await self._last_words()) from error
        return json.loads(await self.read_line(seconds))

    async def read_line(self, seconds: float) -> str:
        """The next line of the child's standard output.

        Raises:
            ChildFailed: as `ask`.
        """
        try:
            async with asyncio.timeout(seconds):
                line = await self._stdout.readline()
        except TimeoutError as error:
            raise ChildFailed(f"{self.name} did not answer within {seconds:.0f} s. {self._read_log()}") from error
        if not line:
            raise ChildFailed(await self._last_words())
        return line.decode().rstrip("\n")

    async def stop(self) -> None:
        """Close standard input, wait for the end; kill the process group when it does not come."""
        self._stdin.close()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
        self._log.close()

    async def _last_words(self) -> str:
        async with asyncio.timeout(STOP_SECONDS):
            code = await self._process.wait()
        return f"{self.name} ended with code {code}: {self._read_log()}"

    def _read_log(self) -> str:
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else "It printed no error."


@asynccontextmanager
async def child(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> AsyncIterator[Child]:
    """Run `python -m module arguments` for as long as the block runs; it has said READY when the block begins.

    Raises:
        ChildFailed: it did not start.
    """
    with tempfile.NamedTemporaryFile(prefix="genesis-bench-") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log,
            env=os.environ | dict(environment or {}), limit=LINE_BYTES, start_new_session=True,
        )  # fmt: skip
        started = Child(" ".join((module, *arguments)), process, log)
        try:
            await started.ready()
            yield started
        finally:
            await started.stop()
