"""Running a command's work so that a signal ends it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

import click

from genesis_lib.running import on_first_signal

T = TypeVar("T")


def run_interruptible(work: Coroutine[Any, Any, T]) -> T:
    """Run the work in an event loop of its own. SIGINT, SIGTERM or SIGHUP cancels it, a second one ends the process at once.

    Raises:
        click.exceptions.Exit: it was cancelled; with the status a shell expects (128 plus the signal's number).
    """
    received: list[signal.Signals] = []
    runner = asyncio.Runner()
    loop = runner.get_loop()
    task = loop.create_task(work)

    def stop(number: signal.Signals) -> None:
        received.append(number)
        task.cancel()

    # What the caller had ignored stays so, as under nohup.
    numbers = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN
    ]
    try:
        # The runner closes first: a second signal while it does so has to be heard, too.
        with on_first_signal(loop, numbers, stop), runner:
            return loop.run_until_complete(task)
    except asyncio.CancelledError:
        if not received:
            raise
        # From here on the process only ends: a further Ctrl-C must not raise in the middle of that.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        raise click.exceptions.Exit(128 + received[0]) from None
