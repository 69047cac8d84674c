"""The a2a stack with the SDK's client as it comes: it streams from an agent that can."""

from __future__ import annotations

from functools import partial

from benchmarks.stack import Stack, run_stack
from benchmarks.stacks.a2a import connect, serve

STACK = Stack(partial(serve, streaming=True), partial(connect, streaming=True), uvloop=True)

if __name__ == "__main__":
    run_stack(STACK)
