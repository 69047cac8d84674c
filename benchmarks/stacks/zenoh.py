"""eclipse-zenoh: a querier asks a queryable over TCP on loopback, with scouting switched off."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import zenoh

from benchmarks.stack import REQUEST_SECONDS, Client, Stack, run_stack

KEY = "bench/echo"


def _session(**endpoints: list[str]) -> zenoh.Session:
    config = zenoh.Config()
    config.insert_json5("mode", json.dumps("peer"))
    config.insert_json5("scouting/multicast/enabled", "false")
    config.insert_json5("scouting/gossip/enabled", "false")
    for side in ("listen", "connect"):
        config.insert_json5(f"{side}/endpoints", json.dumps(endpoints.get(side, [])))
    return zenoh.open(config)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _echo(query: zenoh.Query) -> None:
    with query:
        query.reply(KEY, query.payload)


@asynccontextmanager
async def serve() -> AsyncIterator[str]:
    address = f"tcp/127.0.0.1:{_free_port()}"
    with await asyncio.to_thread(_session, listen=[address]) as session, session.declare_queryable(KEY, _echo):
        yield address


class _Client:
    def __init__(self, querier: zenoh.Querier) -> None:
        self._querier = querier

    async def request(self, text: str) -> str:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bytes] = loop.create_future()

        def on_reply(reply: zenoh.Reply) -> None:
            if reply.ok is not None:
                loop.call_soon_threadsafe(future.set_result, reply.ok.payload.to_bytes())
            elif reply.err is not None:
                loop.call_soon_threadsafe(future.set_exception, RuntimeError(reply.err.payload.to_string()))

        self._querier.get(on_reply, payload=text.encode())
        return (await future).decode()


@asynccontextmanager
async def connect(address: str) -> AsyncIterator[Client]:
    with await asyncio.to_thread(_session, connect=[address]) as session:
        querier = session.declare_querier(KEY, timeout=REQUEST_SECONDS)
        await _matched(querier)
        yield _Client(querier)


async def _matched(querier: zenoh.Querier) -> None:
    loop = asyncio.get_running_loop()
    matching = asyncio.Event()

    def on_status(status: zenoh.MatchingStatus) -> None:
        if status.matching:
            loop.call_soon_threadsafe(matching.set)

    with querier.declare_matching_listener(on_status):
        if not querier.matching_status.matching:
            async with asyncio.timeout(10):
                await matching.wait()


STACK = Stack(serve, connect, uvloop=True)

if __name__ == "__main__":
    run_stack(STACK)
