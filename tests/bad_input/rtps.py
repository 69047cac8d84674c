"""RTPS datagrams made by hand (RTPS 2.5, sections 8.3 and 9.4), for what no DDS writer would send."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

_DATA, _HEARTBEAT = 0x15, 0x07
_LITTLE_ENDIAN, _HAS_DATA = 0x01, 0x04


def message(writer_guid: bytes, *submessages: bytes) -> bytes:
    """A datagram that claims to come from the participant of this writer."""
    return b"RTPS" + bytes([2, 5]) + bytes([0x01, 0x10]) + writer_guid[:12] + b"".join(submessages)


def data(writer_guid: bytes, sequence_number: int, payload: bytes) -> bytes:
    """A DATA submessage of the writer to all its readers, with this serialized payload."""
    body = struct.pack("<HH", 0, 16) + bytes(4) + writer_guid[12:]
    body += struct.pack("<iI", sequence_number >> 32, sequence_number & 0xFFFFFFFF) + payload
    return submessage(_DATA, _LITTLE_ENDIAN | _HAS_DATA, body)


def heartbeat(writer_guid: bytes, first: int, last: int, count: int) -> bytes:
    """A HEARTBEAT submessage: the writer has the samples from first to last."""
    body = bytes(4) + writer_guid[12:] + struct.pack("<iIiII", 0, first, 0, last, count)
    return submessage(_HEARTBEAT, _LITTLE_ENDIAN, body)


def submessage(kind: int, flags: int, body: bytes) -> bytes:
    return struct.pack("<BBH", kind, flags, len(body)) + body


def udp_ports(pid: int) -> list[int]:
    """The UDP ports a process listens on."""
    links = (str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir())
    sockets = {link.removeprefix("socket:[").removesuffix("]") for link in links if link.startswith("socket:")}
    ports = set()
    for line in Path(f"/proc/{pid}/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[9] in sockets:
            ports.add(int(fields[1].partition(":")[2], 16))
    return sorted(ports)


def send(pid: int, datagram: bytes) -> None:
    """Send it to every UDP port of a process on this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for port in udp_ports(pid):
            sender.sendto(datagram, ("127.0.0.1", port))
