"""`python -m genesis_lib.testing.host MODULE:CLASS ARGUMENTS`: hosts one agent, says READY and its id when it is there.

Ends when its standard input does, so that it never outlives the test that started it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from importlib import import_module
from operator import attrgetter
from typing import Any

from genesis_lib.agent import GenesisAgent
from genesis_lib.running import run_until_signal
from genesis_lib.settings import load_settings


class _Announce:
    """Says that the agent is ready; entered after it."""

    def __init__(self, agent: GenesisAgent) -> None:
        self._agent = agent

    async def __aenter__(self) -> _Announce:
        asyncio.get_running_loop().add_reader(sys.stdin, os._exit, 1)  # readable is its end: nobody writes to it
        sys.stdout.write(f"READY {self._agent.app.agent_id}\n")
        sys.stdout.flush()
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(sys.stdin)


def main(target: str, arguments: str) -> None:
    """Host the agent until SIGINT or SIGTERM."""
    logging.basicConfig(level=load_settings().log_level)
    module, _, name = target.partition(":")
    made: Any = attrgetter(name)(import_module(module))(**json.loads(arguments))
    asyncio.run(run_until_signal(made, _Announce(made)))


if __name__ == "__main__":
    main(*sys.argv[1:])
