"""From arguments to an exit status. No trace reaches a person who did not ask for it."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path

import click

from genesis_lib import __version__
from genesis_lib.cli import INTERRUPTED
from genesis_lib.cli.invocation import Invocation, common_options
from genesis_lib.cli.lazy import LazyGroup
from genesis_lib.cli.output import complain, write_json
from genesis_lib.errors import AgentNotFound, ConfigError, GenesisError, RequestTimeout

FAILED, BAD_USAGE, NOT_FOUND, TIMED_OUT, BROKEN_PIPE = 1, 2, 3, 4, 141

_COMMANDS = {
    "agents": "List the agents on the domain.",
    "ask": "Ask an agent and print its answer.",
    "run": "Host agents until Ctrl-C or SIGTERM.",
    "demo": "See agents find and call each other.",
    "config": "Show every setting and where it came from.",
    "doctor": "Find out why agents do not find each other.",
    "policy": "Check access policy files, and see what they decide.",
    "voice": "Hold and hear spoken calls between agents.",
}


@click.group(
    cls=LazyGroup,
    modules="genesis_lib.cli.",
    subcommands=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="genesis")
@common_options
def genesis() -> None:
    """Agents on a DDS bus: see them, ask them, host them.

    Exit status: 0 fine, 1 failed, 2 bad usage or settings, 3 agent not found, 4 timed out,
    128+n ended by signal n (130 Ctrl-C, 143 SIGTERM), 141 the reader of stdout is gone.
    """


def run(arguments: Sequence[str]) -> int:
    """Run a command.

    Args:
        arguments: what a shell passes, the command's own name left out.
    """
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    invocation = Invocation()
    try:
        with genesis.make_context("genesis", list(arguments), obj=invocation) as context:
            status = genesis.invoke(context) or 0
        sys.stdout.flush()
        return int(status)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        _give_stdout_up()
        return BROKEN_PIPE
    except click.ClickException as error:
        invocation.json = invocation.json or "--json" in arguments  # the parser may not have come to it
        if invocation.json:
            _show(error, error.format_message(), invocation)
        else:
            error.show()
        return error.exit_code
    except GenesisError as error:
        _show(error, str(error), invocation)
        return _status_of(error)
    except Exception as error:  # noqa: BLE001  the one place between any bug and a person
        advice = "" if invocation.debugging else " (--debug shows where)"
        _show(error, f"{type(error).__name__}: {error}{advice}", invocation)
        return FAILED


def _open_closed_streams() -> None:
    """What is written to a stream that the caller has closed is lost; nothing else may get its descriptor."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115


def _wrote(*values: object) -> bool:
    """Write the values as JSON after what stdout still holds; False when it takes no more."""
    try:
        sys.stdout.flush()
        for value in values:
            write_json(value)
    except OSError:
        _give_stdout_up()
        return False
    return True


def _give_stdout_up() -> None:
    """The interpreter flushes stdout once more at exit: that must not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show(error: Exception, message: str, invocation: Invocation) -> None:
    message = " ".join([message, *getattr(error, "__notes__", ())])
    objects = [{"error": type(error).__name__, "message": message}] if invocation.json else []
    if not _wrote(*objects) or not objects:
        complain(message)
    if invocation.debugging:
        traceback.print_exception(error)


def _status_of(error: GenesisError) -> int:
    match error:
        case AgentNotFound():
            return NOT_FOUND
        case RequestTimeout():
            return TIMED_OUT
        case ConfigError():
            return BAD_USAGE
        case _:
            return FAILED
