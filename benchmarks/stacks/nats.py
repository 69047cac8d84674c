"""nats-py with uvloop, and a nats-server between the two processes."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
from nats.aio.client import Client as Connection
from nats.aio.msg import Msg

from benchmarks.nats_server import find_nats_server
from benchmarks.stack import REQUEST_SECONDS, Client, Stack, run_stack

SUBJECT = "bench.echo"
# The defaults drop a client that has 64 MB waiting; 256 requests of 1 MB are four times that.
PENDING_BYTES = 1 << 30
SERVER_OPTIONS = {"max_payload": 8 << 20, "max_pending": PENDING_BYTES, "write_deadline": "30s"}


@asynccontextmanager
async def serve() -> AsyncIterator[str]:
    async with _nats_server() as address, _connection(address) as connection:

        async def echo(message: Msg) -> None:
            await message.respond(message.data)

        await connection.subscribe(SUBJECT, cb=echo, pending_bytes_limit=PENDING_BYTES)
        await connection.flush()
        yield address


@asynccontextmanager
async def _nats_server() -> AsyncIterator[str]:
    with tempfile.TemporaryDirectory(prefix="genesis-bench-nats-") as folder:
        configuration = _configure(folder)
        process = await asyncio.create_subprocess_exec(
            str(find_nats_server()), "-c", str(configuration), "-a", "127.0.0.1", "-p", "-1",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stderr is not None
        drain = None
        try:
            address = await _listening_address(process.stderr)
            drain = asyncio.create_task(process.stderr.read())
            yield address
        finally:
            process.terminate()
            await process.wait()
            if drain is not None:
                await drain


def _configure(folder: str) -> Path:
    path = Path(folder, "nats.conf")
    path.write_text(json.dumps(SERVER_OPTIONS), encoding="utf-8")
    return path


async def _listening_address(log: asyncio.StreamReader) -> str:
    lines = []
    address = ""
    async for line in log:
        lines.append(line.decode(errors="replace").strip())
        if "Listening for client connections on" in lines[-1]:
            address = f"nats://{lines[-1].split()[-1]}"
        if "Server is ready" in lines[-1]:
            return address
    raise RuntimeError("nats-server ended: " + " | ".join(lines[-3:]))


@asynccontextmanager
async def _connection(address: str) -> AsyncIterator[Connection]:
    connection = await nats.connect(address, pending_size=PENDING_BYTES, allow_reconnect=False)
    try:
        yield connection
    finally:
        await connection.close()


class _Client:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def request(self, text: str) -> str:
        reply = await self._connection.request(SUBJECT, text.encode(), timeout=REQUEST_SECONDS)
        payload: bytes = reply.data
        return payload.decode()


@asynccontextmanager
async def connect(address: str) -> AsyncIterator[Client]:
    async with _connection(address) as connection:
        yield _Client(connection)


STACK = Stack(serve, connect, uvloop=True)

if __name__ == "__main__":
    run_stack(STACK)
