"""The `genesis` command. Answers go to stdout, everything else to stderr."""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> int:
    """Run the command that `sys.argv` names; the exit status for the shell."""
    try:
        from genesis_lib.cli.entry import run

        return run(sys.argv[1:])
    except KeyboardInterrupt:
        return INTERRUPTED
