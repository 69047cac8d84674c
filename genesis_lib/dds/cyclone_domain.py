"""Cyclone DDS domains: configuration from the settings, and one domain entity for a process however many participants."""

from __future__ import annotations

import ctypes
import logging
import os
import threading
from ipaddress import ip_address
from xml.sax.saxutils import quoteattr

from cyclonedds.core import DDSException
from cyclonedds.domain import Domain
from cyclonedds.internal import DDS

from genesis_lib.dds.peers import peer_addresses
from genesis_lib.dds.rtps_ports import LAST_PARTICIPANT_INDEX, has_free_index
from genesis_lib.errors import BusError, ConfigError
from genesis_lib.settings import Settings

logger = logging.getLogger(__name__)


# What Cyclone DDS writes to stderr (dds/ddsrt/log.h). A peer without a route to it would fill that with 130 lines a second.
_LOG_FATAL, _LOG_ERRORS = 0x1, 0x7
_set_log_mask = DDS._dll_handle.dds_set_log_mask
_set_log_mask.argtypes, _set_log_mask.restype = [ctypes.c_uint32], None

# Each peer is sent an announcement for every index, so fewer of them: 130 packets a second for a peer at a lease of 1 s.
_LAST_INDEX_WITH_PEERS = 31


def domain_configuration(settings: Settings, participant_index: str = "auto") -> str:
    """The configuration Cyclone DDS gets; what `CYCLONEDDS_URI` says comes after it and so has the last word.

    - PreEmptiveAckDelay 0: the first acknowledgement would otherwise wait 10 ms, and what was written before it for the
      next heartbeat: one first call in five took 100 ms.
    - WhcHigh 8 MB: the default throttles a writer after a few large messages.
    - MaxMessageSize 64 KB on loopback only: on a network such datagrams would be fragmented, and one lost frame lose all.
    - SocketReceiveBufferSize: what arrives in a burst of large messages, as far as the system grants it.
    - LeaseDuration: endpoints of a crashed process unmatch only when the participant's lease has run out.
    - SPDPInterval a quarter of the lease: with 5 % loss and Cyclone's own 0.8 leases, one that is idle seemed to be gone
      every few minutes. It is the interval at which peers that were cut off are looked for, too, 30 s by default.
    - ParticipantIndex auto: ports that follow from the domain, so that one side that names the other as its peer is enough.

    With peers:

    - AllowMulticast spdp: multicast that gets lost would otherwise be used for what follows the announcements, too.
    - PruneDelay inf: a peer would otherwise be forgotten that comes 30 s later.
    """
    interfaces = "".join(
        f"<NetworkInterface {'address' if _is_address(interface) else 'name'}={quoteattr(interface)}/>"
        for interface in settings.interfaces
    )
    general = f"<Interfaces>{interfaces}</Interfaces>" if interfaces else ""
    if settings.interfaces == ("lo",):
        general += "<MaxMessageSize>65500B</MaxMessageSize>"
    lease_ms = round(settings.lease_seconds * 1000)
    discovery = (
        f"<LeaseDuration>{lease_ms}ms</LeaseDuration><SPDPInterval>{lease_ms // 4}ms</SPDPInterval>"
        f"<ParticipantIndex>{participant_index}</ParticipantIndex>"
        f"<MaxAutoParticipantIndex>{_last_index(settings)}</MaxAutoParticipantIndex>"
    )
    if settings.peers:
        general += "<AllowMulticast>spdp</AllowMulticast>"
        peers = "".join(f'<Peer Address={quoteattr(peer)} PruneDelay="inf"/>' for peer in settings.peers)
        discovery += f"<Peers>{peers}</Peers>"
    ours = (
        f'<CycloneDDS><Domain Id="any"><General>{general}</General><Discovery>{discovery}</Discovery>'
        "<Internal><PreEmptiveAckDelay>0ms</PreEmptiveAckDelay>"
        '<SocketReceiveBufferSize min="default" max="4MB"/>'
        "<Watermarks><WhcHigh>8MB</WhcHigh></Watermarks></Internal></Domain></CycloneDDS>"
    )
    theirs = os.environ.get("CYCLONEDDS_URI", "")
    return f"{ours},{theirs}" if theirs else ours


def _last_index(settings: Settings) -> int:
    return _LAST_INDEX_WITH_PEERS if settings.peers else LAST_PARTICIPANT_INDEX


def _is_address(interface: str) -> bool:
    try:
        ip_address(interface)
    except ValueError:
        return False
    return True


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
            configuration = domain_configuration(_with_resolved_peers(settings), _participant_index(settings))
            try:
                _set_log_mask(_LOG_ERRORS)
                domain = Domain(settings.domain_id, configuration)
            except DDSException as error:
                raise BusError(
                    f"Cyclone DDS cannot open domain {settings.domain_id}"
                    f" on interfaces {', '.join(settings.interfaces) or 'of its own choice'}: {error}."
                    " Check GENESIS_INTERFACES, GENESIS_PEERS and CYCLONEDDS_URI; 'genesis doctor' lists the interfaces."
                ) from error
            if settings.peers:
                _set_log_mask(_LOG_FATAL)
        _domains[settings.domain_id] = (domain, users + 1)


def _with_resolved_peers(settings: Settings) -> Settings:
    """Without the peers whose names do not resolve, where Cyclone DDS would refuse the domain: they may come later and name
    this host as their peer."""
    resolved = []
    for peer in settings.peers:
        try:
            peer_addresses(peer)
        except ConfigError as error:
            logger.warning("%s; left out of the peers until this process is started anew (GENESIS_PEERS)", error)
        else:
            resolved.append(peer)
    return settings.model_copy(update={"peers": tuple(resolved)})


def _participant_index(settings: Settings) -> str:
    if has_free_index(settings.domain_id, _last_index(settings)):
        return "auto"
    logger.warning(
        "%d processes of this machine are on domain %d: hosts that name it as their peer (GENESIS_PEERS) do not find this"
        " one, unless it names them",
        _last_index(settings) + 1,
        settings.domain_id,
    )
    return "none"


def release_domain(domain_id: int) -> None:
    """Give one use back; the last one deletes the domain."""
    with _lock:
        domain, users = _domains.pop(domain_id)
        if users > 1:
            _domains[domain_id] = (domain, users - 1)
