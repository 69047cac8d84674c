"""The peers that the settings name: which of them can be asked for at all."""

from __future__ import annotations

import socket

from genesis_lib.errors import ConfigError


def peer_addresses(peer: str) -> list[str]:
    """The IP addresses of a peer, "host", "host:port" or an address. Asks the name service, so it may block for seconds.

    Raises:
        ConfigError: the name does not resolve.
    """
    host = peer.partition(":")[0] if peer.count(":") == 1 else peer
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (socket.gaierror, UnicodeError) as error:
        raise ConfigError(f"the peer {peer!r} cannot be resolved: {error}") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
