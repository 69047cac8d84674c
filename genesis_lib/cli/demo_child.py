"""`python -m genesis_lib.cli.demo_child ARGUMENTS`: a genesis command that ends with its standard input.

The demo holds the other end of that pipe, so that its processes end however it does, SIGKILL included.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from genesis_lib.cli import main


def _end_with_stdin() -> None:
    os.read(sys.stdin.fileno(), 1)  # nobody writes to it; a buffered read would hold a lock that the exit waits for
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    sys.exit(main())
