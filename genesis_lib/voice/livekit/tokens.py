"""Tokens that let people into a LiveKit room."""

from __future__ import annotations

from datetime import timedelta

from genesis_lib.errors import ConfigError
from genesis_lib.voice.livekit.credentials import LiveKitCredentials
from genesis_lib.voice.speech.libraries import load

_LIFETIME = timedelta(hours=6)


def room_token(credentials: LiveKitCredentials, room: str, identity: str, *, listen_only: bool = False) -> str:
    """A token that holds for six hours.

    Args:
        credentials: of the server.
        room: the only one it opens.
        identity: who comes with it; whoever comes with the same identity later takes the place.
        listen_only: to hear without being seen, and to send nothing.

    Raises:
        ConfigError: the room or the identity has no name.
        VoiceError: livekit-api is not installed.
    """
    if not room or not identity:
        raise ConfigError("a LiveKit room, and whoever enters it, need a name each")
    api = load("livekit.api", "livekit")
    grants = api.VideoGrants(
        room_join=True,
        room=room,
        can_publish=not listen_only,
        can_publish_data=not listen_only,
        can_subscribe=True,
        hidden=listen_only,
    )
    token = api.AccessToken(credentials.api_key, credentials.api_secret).with_identity(identity).with_grants(grants)
    return str(token.with_ttl(_LIFETIME).to_jwt())
