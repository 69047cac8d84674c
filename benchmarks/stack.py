"""What a stack is, and how one runs as a server or a client process driven over its standard input and output."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from typing import Protocol

from benchmarks.load import Job, closed_loop
from benchmarks.tasks import background

READY = "READY"
# Shorter than what benchmarks.contestants waits for a slice, so that a stack can say itself what went wrong.
REQUEST_SECONDS = 20


class Client(Protocol):
    """One connected client: text out, the same text back."""

    async def request(self, text: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Stack:
    """A way to send a text to another process and get it back.

    `serve` yields the address to hand to `connect` once the server answers requests.
    """

    serve: Callable[[], AbstractAsyncContextManager[str]]
    connect: Callable[[str], AbstractAsyncContextManager[Client]]
    uvloop: bool = False


def run_stack(stack: Stack) -> None:
    """The main of every stack module: `serve`, or `drive ADDRESS`. Ends when standard input is closed."""
    parser = argparse.ArgumentParser(description="one side of a benchmarked stack; benchmarks.run starts it")
    roles = parser.add_subparsers(dest="role", required=True)
    roles.add_parser("serve", help="echo requests, print READY and the address")
    roles.add_parser("drive", help="run the jobs read from standard input").add_argument("address")
    arguments = parser.parse_args()
    run(_serve(stack) if arguments.role == "serve" else _drive(stack, arguments.address), uvloop=stack.uvloop)


def run(main: Awaitable[None], *, uvloop: bool) -> None:
    """Run `main` on a new event loop; SIGTERM ends it like Ctrl-C."""

    async def cancelled_by_sigterm() -> None:
        task = asyncio.ensure_future(main)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        await task

    try:
        with asyncio.Runner(loop_factory=_uvloop() if uvloop else None) as runner:
            runner.run(cancelled_by_sigterm())
    except BaseExceptionGroup as group:
        sys.exit(_reason(group))


def _uvloop() -> Callable[[], asyncio.AbstractEventLoop]:
    import uvloop

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _reason(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


async def open_stdin() -> asyncio.StreamReader:
    """Standard input as a stream of the running loop."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def say(line: str) -> None:
    """One line to whoever started this process."""
    print(line, flush=True)


async def _serve(stack: Stack) -> None:
    stdin = await open_stdin()
    async with stack.serve() as address:
        say(f"{READY} {address}")
        await stdin.read()


async def _drive(stack: Stack, address: str) -> None:
    stdin = await open_stdin()
    jobs: asyncio.Queue[Job] = asyncio.Queue()
    # Beside the jobs, so that the end of standard input ends one whose replies never come.
    async with stack.connect(address) as client, background(_work(client, jobs)):
        say(READY)
        async for line in stdin:
            jobs.put_nowait(Job(**json.loads(line)))


async def _work(client: Client, jobs: asyncio.Queue[Job]) -> None:
    while True:
        outcome = await closed_loop(client.request, await jobs.get())
        say(json.dumps(asdict(outcome)))
