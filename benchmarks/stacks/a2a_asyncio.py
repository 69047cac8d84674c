"""The a2a stack as pip installs it: on asyncio's own event loop, with the client that streams."""

from __future__ import annotations

from functools import partial

from benchmarks.stack import Stack, run_stack
from benchmarks.stacks.a2a import connect, serve

STACK = Stack(partial(serve, streaming=True), partial(connect, streaming=True))

if __name__ == "__main__":
    run_stack(STACK)
