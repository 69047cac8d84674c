"""`genesis config`: what is in force, and where it came from. Loads no DDS."""

from __future__ import annotations

import re
from typing import Any

import click

from genesis_lib.cli.invocation import Invocation, common_options, json_option
from genesis_lib.cli.output import show, visible, write_json

_MASK = "********"


@click.command("config")
@json_option("One JSON object: setting -> value, origin, variable, description.")
@common_options
@click.pass_obj
def command(invocation: Invocation) -> None:
    """Show every setting: its value, where that came from, and the variable that sets it."""
    described = _describe(invocation)
    if invocation.json:
        write_json(described)
        return
    from rich.padding import Padding
    from rich.text import Text

    widest = max(map(len, described))
    for name, setting in described.items():
        changed = setting["origin"] != "default"
        show(
            Text.assemble(
                (name.ljust(widest), "bold"),
                "  ",
                (visible(as_text(setting["value"])), "cyan" if changed else ""),
                (f"  ({setting['origin']})", "cyan" if changed else "dim"),
            ),
            Padding(Text(f"{setting['variable']}: {setting['description']}", "dim"), (0, 0, 0, 4), expand=False),
        )


def _describe(invocation: Invocation) -> dict[str, dict[str, Any]]:
    from genesis_lib.settings import Settings, variable_for

    resolved = invocation.resolve()
    return {
        name: {
            "value": shown(name, getattr(resolved.settings, name)),
            "origin": resolved.origins[name],
            "variable": variable_for(name),
            "description": field.description or "",
        }
        for name, field in Settings.model_fields.items()
    }


def shown(name: str, value: Any) -> Any:
    """A setting's value as it may be seen by others: secrets masked, passwords in addresses too."""
    from genesis_lib.settings import SECRETS

    if name in SECRETS:
        return _MASK if value else ""
    return re.sub(r"//[^/@]*@", f"//{_MASK}@", value) if isinstance(value, str) else value


def as_text(value: Any) -> str:
    """A setting's value for a person."""
    if isinstance(value, tuple):
        value = ", ".join(value)
    return str(value) if value not in ("", None) else "(not set)"
