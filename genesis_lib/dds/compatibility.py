"""Does an endpoint that somebody else made match ours? DDS 1.4, 2.2.3: what a writer offers against what a reader asks for."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from genesis_lib.dds.datamodel import struct
from genesis_lib.dds.port import Endpoint, TopicSpec
from genesis_lib.dds.qos import EndpointQos, profile

_DURABILITIES = ("VOLATILE", "TRANSIENT_LOCAL", "TRANSIENT", "PERSISTENT")
_RELIABILITIES = ("BEST_EFFORT", "RELIABLE")


@dataclass(frozen=True, slots=True)
class Misfit:
    """One policy (or "type") in which an endpoint and this library's counterpart do not agree."""

    policy: str
    theirs: str
    ours: str

    def __str__(self) -> str:
        return f"{self.policy}: it has {self.theirs}, here it is {self.ours}"


def misfits(endpoint: Endpoint, topic: TopicSpec, lease_seconds: float) -> list[Misfit]:
    """What keeps the endpoint from matching ours on this topic; `lease_seconds` is the setting in force here."""
    type_name = struct(topic.type_name).qualified_name
    if endpoint.type_name != type_name:
        return [Misfit("type", endpoint.type_name, type_name)]
    ours = profile(topic.profile).reader if endpoint.is_writer else profile(topic.profile).writer
    found = [
        _compare("reliability", endpoint, _RELIABILITIES, _RELIABILITIES[ours.reliable]),
        _compare("durability", endpoint, _DURABILITIES, ours.durability),
        _compare_lease(endpoint, ours, lease_seconds),
        _compare_representation(endpoint),
    ]
    return [misfit for misfit in found if misfit is not None]


def _compare(policy: str, endpoint: Endpoint, ranks: tuple[str, ...], ours: str) -> Misfit | None:
    """The writer has to offer at least what the reader asks for."""
    theirs = _value(endpoint.qos.get(policy, ""), ranks)
    if theirs is None:
        return None
    surplus = ranks.index(theirs) - ranks.index(ours)
    fits = surplus >= 0 if endpoint.is_writer else surplus <= 0
    return None if fits else Misfit(policy, theirs, ours)


def _value(text: str, values: tuple[str, ...]) -> str | None:
    """The value that a product's text names, whichever way it writes it: TransientLocal, TRANSIENT_LOCAL."""
    words = {re.sub(r"[^A-Z]", "", word.upper()) for word in re.split(r"[.(,\s]", text)}
    return next((value for value in values if value.replace("_", "") in words), None)


def _compare_lease(endpoint: Endpoint, ours: EndpointQos, lease_seconds: float) -> Misfit | None:
    """The writer has to promise a sign of life at least as often as the reader asks for it."""
    theirs = _lease(endpoint.qos.get("liveliness", ""))
    expected = math.inf if ours.lease_seconds is None else lease_seconds
    if theirs is None or (theirs <= expected if endpoint.is_writer else theirs >= expected):
        return None
    return Misfit("liveliness", f"lease {theirs:g} s", f"lease {expected:g} s (GENESIS_LEASE_SECONDS)")


def _lease(text: str) -> float | None:
    """Seconds: from Cyclone's `lease_duration=1000000000` or Connext's `Duration(sec=1, nanosec=0)`."""
    if match := re.search(r"lease_duration=(\d+)", text):
        nanoseconds = int(match[1])
        return math.inf if nanoseconds >= 2**63 - 1 else nanoseconds / 1e9
    if match := re.search(r"sec=(\d+), nanosec=(\d+)", text):
        return int(match[1]) + int(match[2]) / 1e9
    return math.inf if "infinite" in text else None


def _compare_representation(endpoint: Endpoint) -> Misfit | None:
    if "use_xcdrv2_representation=False" not in endpoint.qos.get("data representation", ""):
        return None
    return Misfit("data representation", "XCDR1", "XCDR2")
