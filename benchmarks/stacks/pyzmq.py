"""pyzmq on asyncio with uvloop: DEALER to ROUTER, a correlation id in a frame of its own."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import zmq
import zmq.asyncio

from benchmarks.stack import Client, Stack, run_stack
from benchmarks.tasks import background


def _socket(context: zmq.asyncio.Context, kind: int) -> zmq.asyncio.Socket:
    socket = context.socket(kind)
    socket.set(zmq.SNDHWM, 0)
    socket.set(zmq.RCVHWM, 0)
    socket.set(zmq.LINGER, 0)
    return socket


@asynccontextmanager
async def serve() -> AsyncIterator[str]:
    with zmq.asyncio.Context() as context, _socket(context, zmq.ROUTER) as socket:
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        async with background(_echo(socket)):
            yield f"tcp://127.0.0.1:{port}"


async def _echo(socket: zmq.asyncio.Socket) -> None:
    while True:
        await socket.send_multipart(await socket.recv_multipart(copy=True), copy=True)


class _Client:
    def __init__(self, socket: zmq.asyncio.Socket) -> None:
        self._socket = socket
        self._ids = itertools.count()
        self._pending: dict[bytes, asyncio.Future[bytes]] = {}

    async def request(self, text: str) -> str:
        key = next(self._ids).to_bytes(8, "little")
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._pending[key] = future
        await self._socket.send_multipart((key, text.encode()))
        return (await future).decode()

    async def receive(self) -> None:
        while True:
            key, payload = await self._socket.recv_multipart()
            self._pending.pop(key).set_result(payload)


@asynccontextmanager
async def connect(address: str) -> AsyncIterator[Client]:
    with zmq.asyncio.Context() as context, _socket(context, zmq.DEALER) as socket:
        socket.connect(address)
        client = _Client(socket)
        async with background(client.receive()):
            yield client


STACK = Stack(serve, connect, uvloop=True)

if __name__ == "__main__":
    run_stack(STACK)
