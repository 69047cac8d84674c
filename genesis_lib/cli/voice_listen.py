"""`genesis voice listen`: a page to hear a voice room with, live."""

from __future__ import annotations

import asyncio
import webbrowser
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

import click

from genesis_lib.cli.invocation import Invocation, common_options
from genesis_lib.cli.output import complain, write

if TYPE_CHECKING:
    from genesis_lib.settings import Settings


@click.command("listen")
@click.argument("room")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Of 127.0.0.1.  [default: any that is free]"
)
@click.option("--open", "opens", is_flag=True, help="Open the page in a browser.")
@common_options
@click.pass_obj
def command(invocation: Invocation, room: str, port: int, opens: bool) -> None:
    """Listen in on a voice ROOM over DDS: write the address of a page that plays it live, with who speaks, what is said and
    what is heard. Nobody in the room notices. Ends with Ctrl-C or SIGTERM.
    """
    asyncio.run(_run(invocation.settings(), room, port, opens))


async def _run(settings: Settings, room: str, port: int, opens: bool) -> None:
    from genesis_lib.running import run_until_signal

    await run_until_signal(_Listening(settings, room, port, opens))


class _Listening:
    """The page, served on behalf of an interface of the bus."""

    def __init__(self, settings: Settings, room: str, port: int, opens: bool) -> None:
        self._settings = settings
        self._room = room
        self._port = port
        self._opens = opens

    async def __aenter__(self) -> Self:
        from genesis_lib.interface import GenesisInterface
        from genesis_lib.voice.live_page import ListeningPage

        async with AsyncExitStack() as stack:
            bus = await stack.enter_async_context(GenesisInterface("voice listen", settings=self._settings))
            page = await stack.enter_async_context(
                ListeningPage(bus.app.participant, self._room, bus.app.directory.agents, self._port)
            )
            self._resources = stack.pop_all()
        write(page.url)
        click.echo(f"room {self._room} of domain {self._settings.domain_id}; Ctrl-C ends it", err=True)
        if self._opens and not await asyncio.to_thread(webbrowser.open, page.url):
            complain("there is no browser to open the page in")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._resources.aclose()
