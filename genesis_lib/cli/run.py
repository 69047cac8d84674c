"""`genesis run`: host agents in one process."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import click

from genesis_lib.cli.invocation import Invocation, common_options

if TYPE_CHECKING:
    from genesis_lib.agent import GenesisAgent


@click.command("run")
@click.argument("targets", nargs=-1, required=True, metavar="MODULE:CLASS...")
@common_options
@click.pass_obj
def command(invocation: Invocation, targets: tuple[str, ...]) -> None:
    """Host agents until Ctrl-C or SIGTERM.

    Each MODULE:CLASS (or path/to/file.py:CLASS) is an agent class that can be made without arguments. They run on uvloop
    where it is installed.
    """
    from genesis_lib.running import event_loop_factory

    os.environ.update(invocation.environment())
    invocation.settings()
    with asyncio.Runner(loop_factory=event_loop_factory()) as runner:
        runner.run(_host(targets))


async def _host(targets: tuple[str, ...]) -> None:
    from genesis_lib.cli.targets import make_agent
    from genesis_lib.running import run_until_signal

    agents = [make_agent(target) for target in targets]
    await run_until_signal(*(member for agent in agents for member in (agent, _Announcement(agent))))


class _Announcement:
    """Says that an agent is ready; entered right after it."""

    def __init__(self, agent: GenesisAgent) -> None:
        self._agent = agent

    async def __aenter__(self) -> Self:
        app = self._agent.app
        click.echo(
            f"{self._agent.agent_name}  ready  {_process_age_seconds():.2f} s  domain {app.settings.domain_id}"
            f"  id {app.agent_id}",
            err=True,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


def _process_age_seconds() -> float:
    """Time since this process was started (proc_pid_stat(5), field 22)."""
    after_name = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
    started = int(after_name.split()[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started
