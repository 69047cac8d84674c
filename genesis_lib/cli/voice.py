"""`genesis voice`: spoken calls between agents. Its subcommands are in modules of their own, `voice_NAME.py`."""

from __future__ import annotations

import click

from genesis_lib.cli.invocation import common_options
from genesis_lib.cli.lazy import LazyGroup

_SUBCOMMANDS = {
    "list": "List the scenarios and personas there are.",
    "run": "Let two agents hold a call, live and recorded.",
    "listen": "Hear a voice room live, in a browser.",
    "token": "Let a person into a LiveKit room.",
    "batch": "Hold many calls, and show a table of them.",
    "page": "Make transcript, figures and page of a recording anew.",
}


@click.group("voice", cls=LazyGroup, modules="genesis_lib.cli.voice_", subcommands=_SUBCOMMANDS)
@common_options
def command() -> None:
    """Hold and hear spoken calls between agents."""
