"""Groups of subcommands, each in a module of its own that is loaded when it is called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """Finds the subcommand NAME as `command` in the module whose name begins with `modules` and ends with NAME.

    Args:
        modules: "genesis_lib.cli." for genesis_lib.cli.NAME.
        subcommands: what each does, in one line.
    """

    def __init__(self, *arguments: Any, modules: str, subcommands: Mapping[str, str], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._modules = modules
        self._subcommands = subcommands

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._subcommands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self._subcommands.items()))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._subcommands:
            return None
        command: click.Command = import_module(f"{self._modules}{cmd_name}").command
        return command
