"""Participants that announce themselves by multicast, on every domain (RTPS 2.5, 8.5.3 and 9.6.2)."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from genesis_lib.dds.rtps_ports import SPDP_GROUP, discovery_port

LAST_DOMAIN = 232
_HEADER_BYTES = 20
_DATA, _LITTLE_ENDIAN = 0x15, 0x01
_SPDP_WRITER = bytes.fromhex("000100c2")
_LARGEST_DATAGRAM = 65536


@dataclass(slots=True)
class Domain:
    """What was heard of a domain: the GUID prefixes of its participants, and the addresses they sent from."""

    domain_id: int
    participants: set[bytes] = field(default_factory=set)
    addresses: set[str] = field(default_factory=set)


@contextmanager
def listening(interfaces: Iterable[str]) -> Iterator[dict[int, Domain]]:
    """Listen on these interfaces until the block is left, on the running event loop. Yields what is heard, by domain id."""
    heard: dict[int, Domain] = {}
    loop = asyncio.get_running_loop()
    names = set(interfaces)
    indices = [index for index, name in socket.if_nameindex() if name in names]
    with ExitStack() as open_sockets:
        for domain_id in range(LAST_DOMAIN + 1):
            listener = _listener(discovery_port(domain_id), indices)
            if listener is not None:
                open_sockets.enter_context(listener)
                loop.add_reader(listener, _receive, listener, domain_id, heard)
                open_sockets.callback(loop.remove_reader, listener)
        yield heard


def announced_by(datagram: bytes) -> bytes | None:
    """The GUID prefix of the participant that announces itself with this datagram; None when it is something else."""
    if len(datagram) < _HEADER_BYTES or not datagram.startswith(b"RTPS"):
        return None
    position = _HEADER_BYTES
    while position + 4 <= len(datagram):
        kind, flags = datagram[position], datagram[position + 1]
        (length,) = struct.unpack_from("<H" if flags & _LITTLE_ENDIAN else ">H", datagram, position + 2)
        if kind == _DATA and datagram[position + 12 : position + 16] == _SPDP_WRITER:
            return datagram[8:20]
        if length == 0:  # the last one, to the datagram's end
            return None
        position += 4 + length
    return None


def _listener(port: int, indices: list[int]) -> socket.socket | None:
    """A socket that shares the port with the DDS products; None when somebody has it for himself."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.setblocking(False)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((SPDP_GROUP, port))
    except OSError:
        listener.close()
        return None
    for index in indices:
        membership = struct.pack("4s4si", socket.inet_aton(SPDP_GROUP), b"\0\0\0\0", index)
        with suppress(OSError):  # it cannot multicast, or the system allows a socket no more groups (20 on Linux)
            listener.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    return listener


def _receive(listener: socket.socket, domain_id: int, heard: dict[int, Domain]) -> None:
    try:
        datagram, source = listener.recvfrom(_LARGEST_DATAGRAM)
    except BlockingIOError:  # its checksum was wrong
        return
    participant = announced_by(datagram)
    if participant is not None:
        domain = heard.setdefault(domain_id, Domain(domain_id))
        domain.participants.add(participant)
        domain.addresses.add(source[0])
