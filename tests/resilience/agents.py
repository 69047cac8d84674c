"""Agents that the fault suite runs in other processes."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

from genesis_lib import Attachment, GenesisAgent, GenesisError
from tests.contract.agents import Worker


class Scribe(Worker):
    """A Worker that also writes down each execution in a file, which outlives it: `write LABEL`,
    `write-slowly LABEL`, `write-block LABEL`; `stall SECONDS` blocks its event loop."""

    def __init__(self, path: str, agent_name: str = "Scribe", **options: Any) -> None:
        super().__init__(agent_name, **options)
        self._path = path

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        verb, _, label = request["message"].partition(" ")
        match verb:
            case "write":
                append_line(self._path, label)
                return {"message": label}
            case "write-slowly":
                append_line(self._path, label)
                await asyncio.sleep(0.02)
                return {"message": label}
            case "write-block":
                append_line(self._path, label)
                return await super().process_agent_request({**request, "message": f"block {label}"})
            case "stall":
                time.sleep(float(label))  # noqa: ASYNC251  the fault: an agent that blocks its event loop
                return {"message": label}
        return await super().process_agent_request(request)


class Dialler(GenesisAgent):
    """Calls others: `dial TARGET CONCURRENCY SECONDS BYTES` has so many calls with an attachment of so many bytes in flight
    for so long. Its reply's metadata: `calls`, a list of [start, duration] in seconds of the monotonic clock, and `errors`
    by class."""

    def __init__(self, agent_name: str = "Dialler", **options: Any) -> None:
        super().__init__(agent_name, "DiallerService", enable_agent_communication=True, **options)

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        _, target, concurrency, seconds, size = request["message"].split()
        calls: list[tuple[float, float]] = []
        errors: Counter[str] = Counter()
        end = time.monotonic() + float(seconds)

        async def dial(number: int) -> None:
            attachments = [Attachment("bytes", "x/y", bytes(int(size)))] if int(size) else []
            while (started := time.monotonic()) < end:
                try:
                    reply = await self.request_agent(target, f"echo {number}", attachments=attachments)
                    assert reply["message"] == f"echo {number}"
                except GenesisError as error:
                    errors[type(error).__name__] += 1
                calls.append((started, time.monotonic() - started))

        async with asyncio.TaskGroup() as group:
            for number in range(int(concurrency)):
                group.create_task(dial(number))
        return {"message": "", "metadata": {"calls": calls, "errors": dict(errors)}}


def append_line(path: str, line: str) -> None:
    """One write call, so that a signal cannot tear it."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, f"{line}\n".encode())
    os.close(file)


def executed(path: Path) -> list[str]:
    """The labels that Scribes wrote, in the order of their executions."""
    return path.read_text().splitlines() if path.exists() else []
