"""`genesis agents`: who is on the bus."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from genesis_lib.cli.interruptible import run_interruptible
from genesis_lib.cli.invocation import Invocation, Seconds, common_options, json_option
from genesis_lib.cli.output import complain, is_narrow, show, visible, write_json

if TYPE_CHECKING:
    from genesis_lib.messages import AgentInfo, FunctionInfo
    from genesis_lib.settings import Settings

_SHORT_ID = 9
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


@click.command("agents")
@json_option("One JSON array with everything that is known of each agent.")
@click.option("--wait", type=Seconds(), metavar="SECONDS", help="How long to look.  [default: GENESIS_SETTLE_SECONDS]")
@common_options
@click.pass_obj
def command(invocation: Invocation, wait: float | None) -> None:
    """List the agents on the domain.

    "(default)" marks an agent that takes what no specialist fits, "(interfaces only)" one that other agents cannot call.
    Functions are shown as name().
    """
    settings = invocation.settings()
    agents = run_interruptible(_look(settings, wait))
    if invocation.json:
        write_json(agents)
    elif agents:
        _show_table(agents)
    if not agents:
        complain(
            f"no agents on domain {settings.domain_id}. Start one with 'genesis run MODULE:CLASS', see it all with"
            " 'genesis demo'; if one should be there, 'genesis doctor' says what is in the way."
        )


async def _look(settings: Settings, wait: float | None) -> list[dict[str, Any]]:
    from genesis_lib.app import GenesisApp
    from genesis_lib.identity import checked_agent_id

    app = GenesisApp(checked_agent_id(None), settings)
    await app.open()
    try:
        await asyncio.sleep(app.directory.seconds_until_settled if wait is None else wait)
        return describe(app.directory.agents.values(), app.directory.functions)
    finally:
        await app.close()


def describe(agents: Iterable[AgentInfo], functions: Mapping[tuple[str, str], FunctionInfo]) -> list[dict[str, Any]]:
    """The members of each agent's AgentInfo, and its functions: dicts that JSON can carry, by name."""
    return [
        {
            **agent,
            "functions": [
                {"name": name, "description": function.description, "parameter_schema": function.parameter_schema}
                for (provider, name), function in sorted(functions.items())
                if provider == agent.agent_id
            ],
        }
        for agent in sorted(agents, key=lambda agent: (agent.name, agent.agent_id))
    ]


def _show_table(agents: list[dict[str, Any]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("NAME", overflow="fold", style="cyan")
    table.add_column("TYPE", no_wrap=True)
    table.add_column("CAPABILITIES", overflow="fold")
    table.add_column("ID", no_wrap=True, max_width=_SHORT_ID if is_narrow() else None)
    table.add_column("HOST", overflow="fold")
    table.add_column("SINCE", no_wrap=True)
    for agent in agents:
        cells = (
            agent["name"],
            agent["agent_type"],
            _abilities(agent),
            agent["agent_id"],
            agent["host"],
            age(time.time() - agent["last_seen"]),
        )
        table.add_row(*(Text(visible(cell)) for cell in cells))
    show(table)


def _abilities(agent: Mapping[str, Any]) -> str:
    named = [*agent["capabilities"], *(f"{function['name']}()" for function in agent["functions"])]
    marks = [
        mark
        for mark, applies in (
            ("(default)", agent["default_capable"]),
            ("(interfaces only)", not agent["agent_communication"]),
        )
        if applies
    ]
    return " ".join([", ".join(named), *marks]).strip()


def age(seconds: float) -> str:
    """How long ago, in the largest unit that fits: "3 min ago"."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"
