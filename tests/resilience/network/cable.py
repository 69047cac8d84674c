"""A cable between network namespaces that loses, delays, doubles and reorders frames, and can be cut.

One TAP device for each end; the frames are forwarded by the event loop of the test.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import struct
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from tests.resilience.network.namespaces import Namespace, run

# linux/if_tun.h
_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_LARGEST_FRAME = 65536
_IPV4_MULTICAST, _IPV6_MULTICAST = b"\x01\x00\x5e", b"\x33\x33"


@dataclass(frozen=True, slots=True)
class Faults:
    """What happens to each frame on its way. Probabilities from 0 to 1; delays in seconds, one way.

    Attributes:
        loss, duplication, reordering: probabilities; a reordered frame is held back by `held_back_seconds`.
        delay_seconds: of every frame.
        jitter_seconds: is added to it or taken off it at most.
        multicast: does multicast go through? Broadcasts, which ARP needs, always do.
        unicast_udp: do UDP datagrams to one host go through? A firewall that is open for multicast alone lets none.
    """

    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    delay_seconds: float = 0.0
    jitter_seconds: float = 0.0
    held_back_seconds: float = 0.02
    multicast: bool = True
    unicast_udp: bool = True


@dataclass(eq=False, slots=True)
class End:
    """Where a namespace is plugged in."""

    namespace: Namespace
    interface: str
    descriptor: int


@dataclass(eq=False)
class Cable:
    """Connects two or more ends, like a hub. Without faults, and until `cut`, every frame reaches every other end.

    Args:
        seed: of the chance that frames are lost by and so on.

    Attributes:
        faults: those in force; assign others at any time.
        counts: frames "carried", "lost", "blocked", "doubled" and "reordered" so far.
        worst_lateness: seconds by which a delayed frame came later than it was to; set it back at any time. It is large when
            this machine stood still, and with it everything that is tested.
    """

    seed: int = 1
    faults: Faults = field(default_factory=Faults)
    counts: Counter[str] = field(default_factory=Counter)
    worst_lateness: float = 0.0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._loop = asyncio.get_running_loop()
        self._ends: list[End] = []
        self._blocked: set[tuple[End, End]] = set()
        self._under_way: set[asyncio.TimerHandle] = set()

    def plug_in(
        self, namespace: Namespace, address: str, *, interface: str = "cable0", multicast_route: bool = True
    ) -> End:
        """Make a network interface in the namespace.

        Args:
            address: with the length of the network's prefix, "10.77.0.1/24".
            multicast_route: send multicast for which no interface is named out here.
        """
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        given = fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", b"genesis%d", _IFF_TAP | _IFF_NO_PI))
        name = given[:16].rstrip(b"\0").decode()
        run("ip", "link", "set", name, "netns", str(namespace.pid), "name", interface)
        namespace.ip("address", "add", address, "dev", interface)
        namespace.ip("link", "set", interface, "up")
        if multicast_route:
            namespace.ip("route", "add", "239.0.0.0/8", "dev", interface)
        end = End(namespace, interface, descriptor)
        self._ends.append(end)
        self._loop.add_reader(descriptor, self._receive, end)
        return end

    def block(self, source: End, destination: End) -> None:
        """Let nothing through in this direction."""
        self._blocked.add((source, destination))

    def cut(self) -> None:
        """Let nothing through, what is under way included."""
        for source in self._ends:
            for destination in self._ends:
                self.block(source, destination)
        for delivery in self._under_way:
            delivery.cancel()
        self._under_way.clear()

    def mend(self) -> None:
        """Undo every `cut` and `block`."""
        self._blocked.clear()

    def close(self) -> None:
        """Unplug all ends; their interfaces go."""
        self.cut()
        ends, self._ends = self._ends, []
        for end in ends:
            self._loop.remove_reader(end.descriptor)
            os.close(end.descriptor)

    def _receive(self, source: End) -> None:
        while True:
            try:
                frame = os.read(source.descriptor, _LARGEST_FRAME)
            except BlockingIOError:
                return
            for destination in self._ends:
                if destination is not source:
                    self._forward(frame, source, destination)

    def _forward(self, frame: bytes, source: End, destination: End) -> None:
        faults = self.faults
        is_multicast = frame.startswith((_IPV4_MULTICAST, _IPV6_MULTICAST))
        is_filtered = not faults.multicast if is_multicast else not faults.unicast_udp and _is_udp(frame)
        if (source, destination) in self._blocked or is_filtered:
            self.counts["blocked"] += 1
            return
        if self._happens(faults.loss):
            self.counts["lost"] += 1
            return
        self._send(frame, destination, faults)
        if self._happens(faults.duplication):
            self.counts["doubled"] += 1
            self._send(frame, destination, faults)

    def _send(self, frame: bytes, destination: End, faults: Faults) -> None:
        self.counts["carried"] += 1
        delay = faults.delay_seconds + self._random.uniform(-faults.jitter_seconds, faults.jitter_seconds)
        if self._happens(faults.reordering):
            self.counts["reordered"] += 1
            delay += faults.held_back_seconds
        if delay <= 0:
            _write(destination, frame)
            return

        def deliver() -> None:
            self._under_way.discard(delivery)
            self.worst_lateness = max(self.worst_lateness, self._loop.time() - delivery.when())
            _write(destination, frame)

        delivery = self._loop.call_later(delay, deliver)
        self._under_way.add(delivery)

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self._random.random() < probability


def _is_udp(frame: bytes) -> bool:
    """IPv4 with protocol 17."""
    return frame[12:14] == b"\x08\x00" and frame[23:24] == b"\x11"


def _write(destination: End, frame: bytes) -> None:
    with suppress(BlockingIOError):  # the receiver's queue is full; a network drops such frames too
        os.write(destination.descriptor, frame)
