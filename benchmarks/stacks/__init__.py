"""One module per stack. Each defines `STACK` and runs as a process: `python -m benchmarks.stacks.nats serve`."""

NAMES = ("floor", "genesis", "genesis_uvloop", "nats", "pyzmq", "grpc", "zenoh", "a2a", "a2a_streaming", "a2a_asyncio")
