"""grpc.aio, unary calls through generic handlers: bytes in, bytes out, no generated code."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import grpc.aio

from benchmarks.stack import REQUEST_SECONDS, Client, Stack, run_stack

SERVICE, METHOD = "bench.Echo", "Call"
OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


async def _echo(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
    return request


@asynccontextmanager
async def serve() -> AsyncIterator[str]:
    server = grpc.aio.server(options=OPTIONS)
    handlers = {METHOD: grpc.unary_unary_rpc_method_handler(_echo)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(grace=None)


class _Client:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._call = channel.unary_unary(f"/{SERVICE}/{METHOD}")

    async def request(self, text: str) -> str:
        reply: bytes = await self._call(text.encode(), timeout=REQUEST_SECONDS)
        return reply.decode()


@asynccontextmanager
async def connect(address: str) -> AsyncIterator[Client]:
    async with grpc.aio.insecure_channel(address, options=OPTIONS) as channel:
        yield _Client(channel)


STACK = Stack(serve, connect, uvloop=True)

if __name__ == "__main__":
    run_stack(STACK)
