"""Agents that write where their process should not mind; the module does, too, as soon as it is imported."""

# ruff: noqa: T201  printing is the matter here

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import Any, Self

from genesis_lib import GenesisAgent

print("imported")

MORE_THAN_A_PIPE_HOLDS = 200_000


class Talker(GenesisAgent):
    """Writes as its message says, in one of the ways there are."""

    def __init__(self, agent_name: str = "Talker", **options: Any) -> None:
        print("READY for work")
        super().__init__(agent_name, "TalkService", **options)

    async def process_request(self, request: dict[str, Any]) -> dict[str, Any]:
        match request["message"]:
            case "print":
                print("printed")
            case "write":
                os.write(sys.stdout.fileno(), b"written \xff\n")
            case "child":
                await asyncio.to_thread(subprocess.run, ["echo", "from a child"], check=True)
            case "much":
                print("y" * MORE_THAN_A_PIPE_HOLDS)
            case "raise":
                raise ValueError("no such shelf")
        return {"message": "done"}


class NeverReady(Talker):
    """Says what it waits for, and waits for ever."""

    async def __aenter__(self) -> Self:
        print("waiting for the harvest")
        await asyncio.Event().wait()
        return self


class Stubborn:
    """Blocks its process while it is made."""

    def __init__(self) -> None:
        print("reading the terminal")
        os.read(sys.stdin.fileno(), 1)


class Quitter:
    """Gives up while it is made."""

    def __init__(self) -> None:
        print("out of paper")
        raise SystemExit(7)
