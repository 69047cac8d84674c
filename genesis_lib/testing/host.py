"""`python -m genesis_lib.testing.host MODULE:CLASS ARGUMENTS`: hosts one agent, says READY and its id when it is there.

Standard output carries that one line; what the agent writes to it goes to standard error. Ends when its standard input
does, so that it never outlives the test that started it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from importlib import import_module
from operator import attrgetter
from typing import IO, Any

from genesis_lib.agent import GenesisAgent
from genesis_lib.running import run_until_signal
from genesis_lib.settings import load_settings


class _Announce:
    """Says that the agent is ready; entered after it."""

    def __init__(self, agent: GenesisAgent, starter: IO[str]) -> None:
        self._agent = agent
        self._starter = starter

    async def __aenter__(self) -> _Announce:
        asyncio.get_running_loop().add_reader(sys.stdin, os._exit, 1)  # readable is its end: nobody writes to it
        with self._starter:
            self._starter.write(f"READY {self._agent.app.agent_id}\n")
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(sys.stdin)


def _taken_stdout() -> IO[str]:
    """What standard output leads to, for READY only; from now on it leads where standard error does."""
    starter = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return starter


def main(target: str, arguments: str) -> None:
    """Host the agent until SIGINT or SIGTERM."""
    starter = _taken_stdout()
    logging.basicConfig(level=load_settings().log_level)
    module, _, name = target.partition(":")
    made: Any = attrgetter(name)(import_module(module))(**json.loads(arguments))
    asyncio.run(run_until_signal(made, _Announce(made, starter)))


if __name__ == "__main__":
    main(*sys.argv[1:])
