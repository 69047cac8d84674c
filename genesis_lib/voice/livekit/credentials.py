"""Where the LiveKit server is, and the key for it."""

from __future__ import annotations

from dataclasses import dataclass, field

from genesis_lib.errors import ConfigError
from genesis_lib.settings import Settings, variable_for

_ABOUT = {
    "livekit_url": "the server's address, for one on this machine ws://127.0.0.1:7880",
    "livekit_api_key": "the name of a key in the server's configuration",
    "livekit_api_secret": "the secret of that key",
}


@dataclass(frozen=True, slots=True)
class LiveKitCredentials:
    """Address of a LiveKit server, ws:// or wss://, and a key that it knows."""

    url: str
    api_key: str
    api_secret: str = field(repr=False)


def load_credentials(settings: Settings) -> LiveKitCredentials:
    """What the settings say of the LiveKit server.

    Raises:
        ConfigError: something of it is missing; names all that is.
    """
    missing = [name for name in _ABOUT if not getattr(settings, name)]
    if missing:
        needed = "; ".join(f"{variable_for(name)}, {_ABOUT[name]}" for name in missing)
        raise ConfigError(f"the LiveKit server is not known; set {needed}")
    if not settings.livekit_url.startswith(("ws://", "wss://", "http://", "https://")):
        raise ConfigError(f"LIVEKIT_URL is {settings.livekit_url!r}; it has to begin with ws:// or wss://")
    return LiveKitCredentials(settings.livekit_url, settings.livekit_api_key, settings.livekit_api_secret)
