"""A page to listen in on a voice room: served on loopback, played in a browser. Nobody in the room notices."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from html import escape
from pathlib import Path
from string import Template
from types import TracebackType
from typing import Any, Self

from aiohttp import WSCloseCode, web

from genesis_lib.dds.port import Participant
from genesis_lib.errors import ConfigError
from genesis_lib.messages import AgentInfo
from genesis_lib.voice.bus_calls import BusCallFollower
from genesis_lib.voice.listener import RoomListener
from genesis_lib.voice.live_call import LiveCall
from genesis_lib.voice.words import word_errors

_HOST = "127.0.0.1"
_PARTS = Path(__file__).parent / "page_parts"
_FILES = {
    "page.css": "text/css",
    "live.css": "text/css",
    "live.js": "text/javascript",
    "live_player.js": "text/javascript",
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_MOST_PAGES = 32
# A minute of one voice. A page that is further behind is cut off, and comes again.
_MOST_WAITING = 3000
_HEARTBEAT_SECONDS = 20.0
_FAREWELL_SECONDS = 2.0

_Outgoing = asyncio.Queue[str | bytes | None]


class ListeningPage:
    """Serves the page while it is entered: audio as it comes, who speaks, what is said and heard, why it ended.

    Args:
        participant: on whose domain the room is.
        room: the room's name; nobody has to be there yet.
        agents: agents by id, for the names of those that are called on the bus; the directory of an app keeps such a map.
        port: on 127.0.0.1; 0 takes a free one.

    Attributes:
        call: what the pages show.
    """

    def __init__(self, participant: Participant, room: str, agents: Mapping[str, AgentInfo], port: int = 0) -> None:
        self._room = room
        self._port = port
        self._pages: dict[_Outgoing, asyncio.Transport] = {}
        self._address = ""
        call = self.call = LiveCall(room, lambda message: self._send(json.dumps(message)), self._send)
        self._bus_calls = BusCallFollower(participant, call.takes_part, agents, lambda: call.now, call.bus_call)
        self._listener = RoomListener(
            participant,
            room,
            on_frame=call.frame,
            on_control=call.control,
            on_transcript=call.transcript,
            on_gone=call.gone,
        )

    @property
    def url(self) -> str:
        """Where the page is.

        Raises:
            ConfigError: it is not being served.
        """
        if not self._address:
            raise ConfigError("the page is not being served: enter it with `async with` first")
        return f"http://{self._address}/"

    async def __aenter__(self) -> Self:
        """Listen and serve.

        Raises:
            ConfigError: the port cannot be had, or the room's name cannot be one.
            VoiceError: the packages that compare words are missing.
            BusError: the DDS product refuses to listen.
        """
        word_errors("1", "one")
        application = web.Application(middlewares=[self._only_own_pages])
        application.router.add_get("/", self._page)
        application.router.add_get("/socket", self._socket)
        for name, kind in _FILES.items():
            application.router.add_get(f"/{name}", _file(_PARTS / name, kind))
        async with AsyncExitStack() as stack:
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=_FAREWELL_SECONDS)
            stack.push_async_callback(runner.cleanup)
            await runner.setup()
            self._address = await self._serve(runner)
            stack.callback(self._send, None)
            for source in (self._listener, self._bus_calls):
                await source.open()
                stack.push_async_callback(source.close)
            self._resources = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._address = ""
        await self._resources.aclose()

    async def _serve(self, runner: web.AppRunner) -> str:
        try:
            await web.TCPSite(runner, _HOST, self._port).start()
        except OSError as error:
            raise ConfigError(
                f"port {self._port} of {_HOST} cannot be had: {os.strerror(error.errno or 0)}; take another one, or 0 for any"
                " that is free"
            ) from error
        return f"{_HOST}:{runner.addresses[0][1]}"

    @web.middleware
    async def _only_own_pages(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Refuse what other sites make a browser ask for: they are not to hear the call."""
        if request.host != self._address or request.headers.get("Origin") not in (None, f"http://{self._address}"):
            raise web.HTTPForbidden(text=f"this page is for http://{self._address} only")
        response: web.StreamResponse = await handler(request)
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response

    async def _page(self, request: web.Request) -> web.Response:
        text = await asyncio.to_thread((_PARTS / "live.html").read_text, encoding="utf-8")
        return web.Response(text=Template(text).substitute(room=escape(self._room)), content_type="text/html")

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        if len(self._pages) >= _MOST_PAGES:
            raise web.HTTPServiceUnavailable(text=f"{_MOST_PAGES} pages listen already; close one")
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT_SECONDS, max_msg_size=1024, compress=False)
        await socket.prepare(request)
        assert request.transport is not None
        outgoing: _Outgoing = asyncio.Queue(_MOST_WAITING)
        outgoing.put_nowait(json.dumps(self.call.everything()))
        self._pages[outgoing] = request.transport
        sending = asyncio.create_task(_forward(outgoing, socket))
        try:
            async for _ in socket:
                pass
        finally:
            self._pages.pop(outgoing, None)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        return socket

    def _send(self, message: str | bytes | None) -> None:
        for outgoing, transport in list(self._pages.items()):
            try:
                outgoing.put_nowait(message)
            except asyncio.QueueFull:
                del self._pages[outgoing]
                transport.abort()


async def _forward(outgoing: _Outgoing, socket: web.WebSocketResponse) -> None:
    while (message := await outgoing.get()) is not None:
        if isinstance(message, str):
            await socket.send_str(message)
        else:
            await socket.send_bytes(message)
    await socket.close(code=WSCloseCode.GOING_AWAY)


def _file(path: Path, kind: str) -> Any:
    async def serve(request: web.Request) -> web.Response:
        return web.Response(body=await asyncio.to_thread(path.read_bytes), content_type=kind, charset="utf-8")

    return serve
