"""`python -m tests.resilience.network.ports COUNT`: takes the ports of so many participants of the domain until stdin ends."""

from __future__ import annotations

import os
import socket
import sys

from genesis_lib.dds.rtps_ports import unicast_ports


def main(count: int) -> None:
    """Take them, say "ready", wait."""
    taken = []
    for index in range(count):
        for port in unicast_ports(int(os.environ["GENESIS_DOMAIN_ID"]), index):
            taken.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            taken[-1].bind(("", port))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]))
