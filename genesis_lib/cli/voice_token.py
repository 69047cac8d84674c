"""`genesis voice token`: lets a person into a LiveKit room."""

from __future__ import annotations

import click

from genesis_lib.cli.invocation import Invocation, common_options, json_option
from genesis_lib.cli.output import write, write_json


@click.command("token")
@click.argument("room")
@click.option("--identity", required=True, metavar="NAME", help="Who the person is in the room; nobody else's there.")
@click.option("--listen-only", is_flag=True, help="To hear only, unseen by those in the room.")
@json_option("One JSON object: url, token, room, identity.")
@common_options
@click.pass_obj
def command(invocation: Invocation, room: str, identity: str, listen_only: bool) -> None:
    """Write the server's address and a token, one a line, for a LiveKit client to enter a ROOM with. The token holds for six
    hours. Takes LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET.
    """
    from genesis_lib.voice.livekit.credentials import load_credentials
    from genesis_lib.voice.livekit.tokens import room_token

    credentials = load_credentials(invocation.settings())
    token = room_token(credentials, room, identity, listen_only=listen_only)
    if invocation.json:
        write_json({"url": credentials.url, "token": token, "room": room, "identity": identity})
    else:
        write(f"{credentials.url}\n{token}")
