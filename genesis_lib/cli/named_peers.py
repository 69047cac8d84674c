"""The peers that the settings name: were they heard, and if not, what becomes of a datagram to them?"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from genesis_lib.dds.peers import peer_addresses
from genesis_lib.dds.rtps_ports import unicast_ports
from genesis_lib.errors import ConfigError
from genesis_lib.settings import Settings

# Kernels refuse one datagram a second, and give up on an address in their own network after 3 s.
_PROBES, _SECONDS_BETWEEN_PROBES = 4, 1.0
_RTPS_HEADER = b"RTPS\x02\x05\x00\x00" + bytes(12)


class Answer(Enum):
    """What came of a peer."""

    HEARD = "heard"
    UNRESOLVED = "unresolved"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class NamedPeer:
    """A peer as the settings name it; `reason` in the system's words."""

    name: str
    answer: Answer
    reason: str = ""


async def check_peers(settings: Settings, heard: Collection[str], own: Collection[str]) -> list[NamedPeer]:
    """Check every peer.

    Args:
        heard: the addresses of all participants that were heard.
        own: this machine's addresses. A peer that is this machine itself is left out.
    """
    async with asyncio.TaskGroup() as group:
        checks = [group.create_task(_check(peer, settings.domain_id, heard, own)) for peer in settings.peers]
    return [checked for checked in (check.result() for check in checks) if checked is not None]


async def _check(peer: str, domain_id: int, heard: Collection[str], own: Collection[str]) -> NamedPeer | None:
    try:
        addresses = await asyncio.to_thread(peer_addresses, peer)
    except ConfigError as error:
        return NamedPeer(peer, Answer.UNRESOLVED, str(error))
    if any(address in own for address in addresses):
        return None
    if any(address in heard for address in addresses):
        return NamedPeer(peer, Answer.HEARD)
    return await _probe(peer, addresses[0], unicast_ports(domain_id, 0)[0])


async def _probe(peer: str, address: str, port: int) -> NamedPeer:
    """Send something harmless and wait for the network to complain."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect((address, port))
            for _ in range(_PROBES):
                probe.send(_RTPS_HEADER)
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.get_running_loop().sock_recv(probe, 1), _SECONDS_BETWEEN_PROBES)
        except ConnectionRefusedError as error:
            return NamedPeer(peer, Answer.REFUSED, error.strerror or str(error))
        except OSError as error:
            return NamedPeer(peer, Answer.UNREACHABLE, error.strerror or str(error))
    return NamedPeer(peer, Answer.SILENT)
