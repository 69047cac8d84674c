"""Cyclone DDS domains: configuration from the settings, and one domain entity for a process however many participants."""

from __future__ import annotations

import os
import threading
from xml.sax.saxutils import quoteattr

from cyclonedds.core import DDSException
from cyclonedds.domain import Domain

from genesis_lib.errors import BusError
from genesis_lib.settings import Settings


def domain_configuration(settings: Settings) -> str:
    """The configuration Cyclone DDS gets; what `CYCLONEDDS_URI` says comes after it and so has the last word.

    - PreEmptiveAckDelay 0: the first acknowledgement would otherwise wait 10 ms, and what was written before it for the
      next heartbeat: one first call in five took 100 ms.
    - WhcHigh 8 MB: the default throttles a writer after a few large messages.
    - MaxMessageSize 64 KB on loopback only: on a network such datagrams would be fragmented, and one lost frame lose all.
    - SocketReceiveBufferSize: what arrives in a burst of large messages, as far as the system grants it.
    - LeaseDuration: endpoints of a crashed process unmatch only when the participant's lease has run out.
    """
    interfaces = "".join(f"<NetworkInterface name={quoteattr(name)}/>" for name in settings.interfaces)
    general = f"<Interfaces>{interfaces}</Interfaces>" if interfaces else ""
    if settings.interfaces == ("lo",):
        general += "<MaxMessageSize>65500B</MaxMessageSize>"
    peers = "".join(f"<Peer address={quoteattr(address)}/>" for address in settings.peers)
    discovery = f"<LeaseDuration>{round(settings.lease_seconds * 1000)}ms</LeaseDuration>"
    if peers:
        discovery += f"<Peers>{peers}</Peers>"
    ours = (
        f'<CycloneDDS><Domain Id="any"><General>{general}</General><Discovery>{discovery}</Discovery>'
        "<Internal><PreEmptiveAckDelay>0ms</PreEmptiveAckDelay>"
        '<SocketReceiveBufferSize min="default" max="4MB"/>'
        "<Watermarks><WhcHigh>8MB</WhcHigh></Watermarks></Internal></Domain></CycloneDDS>"
    )
    theirs = os.environ.get("CYCLONEDDS_URI", "")
    return f"{ours},{theirs}" if theirs else ours


_lock = threading.Lock()
_domains: dict[int, tuple[Domain, int]] = {}


def acquire_domain(settings: Settings) -> None:
    """Create the domain with its configuration, or use the one this process has.

    Raises:
        BusError: Cyclone DDS refuses the configuration (an interface that is not there, say).
    """
    with _lock:
        domain, users = _domains.get(settings.domain_id, (None, 0))
        if domain is None:
            try:
                domain = Domain(settings.domain_id, domain_configuration(settings))
            except DDSException as error:
                raise BusError(
                    f"Cyclone DDS cannot open domain {settings.domain_id}"
                    f" on interfaces {', '.join(settings.interfaces) or 'of its own choice'}: {error}."
                    " Check GENESIS_INTERFACES, GENESIS_PEERS and CYCLONEDDS_URI; 'genesis doctor' lists the interfaces."
                ) from error
        _domains[settings.domain_id] = (domain, users + 1)


def release_domain(domain_id: int) -> None:
    """Give one use back; the last one deletes the domain."""
    with _lock:
        domain, users = _domains.pop(domain_id)
        if users > 1:
            _domains[domain_id] = (domain, users - 1)
