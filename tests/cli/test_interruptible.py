"""Signals during a command's work, and while it cleans up after the first."""

from __future__ import annotations

import asyncio
import signal
import sys

import pytest

from tests.cli.command import finish, with_signals_of_a_terminal

_WORK = """
import asyncio, sys
import click
from genesis_lib.cli.interruptible import run_interruptible

async def work():
    try:
        print("working", flush=True)
        await asyncio.Event().wait()
    finally:
        print("closing", flush=True)
        if "stuck" in sys.argv:
            await asyncio.Event().wait()

try:
    run_interruptible(work())
except click.exceptions.Exit as stop:
    sys.exit(stop.exit_code)
"""


async def _start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _WORK, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=with_signals_of_a_terminal,
    )


async def _said(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_the_first_signal_lets_the_work_clean_up(number: signal.Signals) -> None:
    process = await _start()
    assert await _said(process) == "working"
    process.send_signal(number)
    outcome = await finish(process)
    assert (outcome.status, outcome.stdout, outcome.stderr) == (128 + number, "closing\n", "")


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
async def test_the_second_ends_the_process_at_once(second: signal.Signals) -> None:
    process = await _start("stuck")
    assert await _said(process) == "working"
    process.send_signal(signal.SIGINT)
    assert await _said(process) == "closing"
    process.send_signal(second)
    outcome = await finish(process)
    assert (outcome.status, outcome.stderr) == (128 + second, "")


async def test_a_signal_that_the_caller_ignores_stays_ignored() -> None:
    process = await asyncio.create_subprocess_exec(
        *("nohup", sys.executable, "-c", _WORK), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert await _said(process) == "working"
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    assert (await finish(process)).status == 128 + signal.SIGTERM
