"""The UDP ports and the multicast group of a domain (RTPS 2.5, section 9.6.2)."""

from __future__ import annotations

import socket

SPDP_GROUP = "239.255.0.1"
LAST_PARTICIPANT_INDEX = 119  # the next one has ports of the next domain


def discovery_port(domain_id: int) -> int:
    """Where participants announce themselves by multicast."""
    return 7400 + 250 * domain_id


def unicast_ports(domain_id: int, index: int) -> tuple[int, int]:
    """For discovery and for data, of the participant with this index on its host."""
    first = discovery_port(domain_id) + 10 + 2 * index
    return first, first + 1


def has_free_index(domain_id: int, last_index: int) -> bool:
    """Are both ports of an index up to this one free on this host?"""
    return any(all(map(_is_free, unicast_ports(domain_id, index))) for index in range(last_index + 1))


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
        return True
