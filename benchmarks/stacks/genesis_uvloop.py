"""The genesis stack with uvloop in both processes."""

from __future__ import annotations

from benchmarks.stack import Stack, run_stack
from benchmarks.stacks.genesis import connect, serve

STACK = Stack(serve, connect, uvloop=True)

if __name__ == "__main__":
    run_stack(STACK)
