"""The network interfaces of this machine, from the kernel (Linux)."""

from __future__ import annotations

import fcntl
import re
import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from genesis_lib.dds.rtps_ports import SPDP_GROUP, discovery_port

# linux/if.h and linux/sockios.h
_IFF_UP, _IFF_LOOPBACK, _IFF_MULTICAST = 0x1, 0x8, 0x1000
_SIOCGIFFLAGS, _SIOCGIFADDR = 0x8913, 0x8915

_ADDRESS_OR_PATTERN = re.compile(r"[:*?\[]|^[0-9.]+$")


@dataclass(frozen=True, slots=True)
class NetworkInterface:
    """One interface; `multicast` is the flag it carries."""

    name: str
    addresses: tuple[str, ...]
    up: bool
    loopback: bool
    multicast: bool

    @property
    def has_ipv4(self) -> bool:
        """Has it an IPv4 address?"""
        return any("." in address for address in self.addresses)


def network_interfaces() -> list[NetworkInterface]:
    """All interfaces, in the kernel's order."""
    ipv6 = _ipv6_addresses()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        return [_describe(control, name, ipv6.get(name, [])) for _, name in socket.if_nameindex()]


def missing_interfaces(named: Iterable[str], interfaces: Sequence[NetworkInterface]) -> list[str]:
    """What is said to be wrong of each of these names or addresses that no interface has."""
    return [
        _missing(name, [interface.name for interface in interfaces])
        for name in named
        if not any(name == interface.name or name in interface.addresses for interface in interfaces)
    ]


def missing_names(named: Iterable[str]) -> list[str]:
    """The same for names only: whether an address or a pattern fits, the DDS product has to say."""
    names = [name for _, name in socket.if_nameindex()]
    return [_missing(name, names) for name in named if name not in names and not _ADDRESS_OR_PATTERN.search(name)]


def _missing(name: str, names: Iterable[str]) -> str:
    here = ", ".join(names)
    return f"the settings name the network interface {name!r}, this machine has {here}; correct GENESIS_INTERFACES"


def multicast_source(domain_id: int) -> str:
    """The address from which the routing table sends DDS discovery multicast, "" when it has no route for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((SPDP_GROUP, discovery_port(domain_id)))
        except OSError:
            return ""
        address: str = probe.getsockname()[0]
        return address


def _describe(control: socket.socket, name: str, ipv6: list[str]) -> NetworkInterface:
    flags = struct.unpack_from("H", _ask(control, _SIOCGIFFLAGS, name), 16)[0]
    try:
        ipv4 = [socket.inet_ntoa(_ask(control, _SIOCGIFADDR, name)[20:24])]
    except OSError:  # it has none
        ipv4 = []
    return NetworkInterface(
        name, (*ipv4, *ipv6), bool(flags & _IFF_UP), bool(flags & _IFF_LOOPBACK), bool(flags & _IFF_MULTICAST)
    )


def _ask(control: socket.socket, question: int, name: str) -> bytes:
    return fcntl.ioctl(control.fileno(), question, struct.pack("256s", name.encode()))


def _ipv6_addresses() -> dict[str, list[str]]:
    try:
        lines = Path("/proc/net/if_inet6").read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return {}
    found: dict[str, list[str]] = {}
    for line in lines:
        digits, *_, name = line.split()
        found.setdefault(name, []).append(socket.inet_ntop(socket.AF_INET6, bytes.fromhex(digits)))
    return found
