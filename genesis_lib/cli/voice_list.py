"""`genesis voice list`: the scenarios and personas that calls can be made of. Loads no DDS."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from genesis_lib.cli.invocation import Invocation, common_options, json_option
from genesis_lib.cli.output import show, visible, write_json

if TYPE_CHECKING:
    from rich.table import Table


@click.command("list")
@json_option("One JSON object: scenarios and personas, arrays of what their files say, with their ids.")
@common_options
@click.pass_obj
def command(invocation: Invocation) -> None:
    """List the scenarios and personas that come with the library."""
    from genesis_lib.voice.persona import list_personas
    from genesis_lib.voice.scenario import list_scenarios

    scenarios, personas = list_scenarios(), list_personas()
    if invocation.json:
        write_json({"scenarios": _described(scenarios), "personas": _described(personas)})
        return
    show(
        _table(
            ("SCENARIO", "ABOUT", "CUSTOMER", "SUPPORT", "LIMIT"),
            (
                (name, one.title, one.customer.persona, one.support.persona, f"{one.time_limit_seconds:g} s")
                for name, one in scenarios.items()
            ),
        ),
        "",
        _table(
            ("PERSONA", "NAME", "MOOD", "VOICE", "GOAL"),
            (
                (name, one.name, one.mood, f"{one.voice.name} {one.voice.words_per_minute}/min".strip(), one.goal)
                for name, one in personas.items()
            ),
        ),
    )


def _described(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Persona has a member `name`, what it is called; the file's name is `id`."""
    return [{"id": name, **one.model_dump(mode="json")} for name, one in found.items()]


def _table(columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, overflow="fold", style="" if number else "cyan", no_wrap=not number)
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    return table
