"""What a diagnosis means: sentences with the next step. Pure: nothing is looked up here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from genesis_lib.cli.diagnosis import Mismatch, Sighting
from genesis_lib.cli.named_peers import Answer
from genesis_lib.cli.networks import NetworkInterface, missing_interfaces
from genesis_lib.cli.spdp import Domain
from genesis_lib.dds.rtps_ports import LAST_PARTICIPANT_INDEX, unicast_ports
from genesis_lib.settings import Settings

_OTHERS_NAMED = 4


class Finding(NamedTuple):
    """A sentence; `problem` when something has to be done about it."""

    problem: bool
    text: str


def of_network(
    settings: Settings, interfaces: Sequence[NetworkInterface], selected: dict[str, bool] | None
) -> Iterator[Finding]:
    """What the choice of network interfaces leads to. `selected` as in Sighting."""
    here = {interface.name: interface for interface in interfaces}
    for missing in missing_interfaces(settings.interfaces, interfaces):
        yield Finding(True, f"{missing[:1].upper()}{missing[1:]}.")
    for name in settings.interfaces:
        if name in here and not here[name].up:
            yield Finding(True, f"The network interface {name} is down: bring it up (ip link set {name} up).")
    used = [here[name] for name in selected or () if name in here]
    if used and all(interface.loopback for interface in used):
        reason = "as the settings say" if settings.interfaces else "no other interface can be used"
        yield Finding(False, f"Only loopback is used ({reason}): agents on other machines cannot be met.")
        return
    for interface in used:
        multicasts = bool(selected and selected[interface.name])
        if not (interface.loopback or settings.peers or (multicasts and interface.multicast)):
            yield Finding(
                True,
                f"There is no multicast on {interface.name} and no peers are named: agents on other machines are not"
                " found. Set GENESIS_PEERS to their addresses.",
            )


def of_peers(settings: Settings, sighting: Sighting) -> Iterator[Finding]:
    """What became of the peers that the settings name, and of participants that are heard but not reached."""
    ports = _unicast_ports(settings.domain_id)
    for peer in sighting.named_peers:
        match peer.answer:
            case Answer.UNRESOLVED:
                yield Finding(
                    True,
                    f"{peer.reason[:1].upper()}{peer.reason[1:]}. Correct GENESIS_PEERS or the name service, and start"
                    " the agents here anew: until then they leave it out.",
                )
            case Answer.UNREACHABLE:
                yield Finding(
                    True,
                    f"The peer {peer.name} cannot be reached: {peer.reason}. Correct its address in GENESIS_PEERS, or"
                    " bring up the machine or the route to it.",
                )
            case Answer.REFUSED:
                yield Finding(
                    True,
                    f"The peer {peer.name} can be reached, but no process of domain {settings.domain_id} was heard"
                    " there. Start an agent there, with the same GENESIS_DOMAIN_ID.",
                )
            case Answer.SILENT:
                yield Finding(
                    True,
                    f"The peer {peer.name} does not answer at all, neither a participant nor its system. If it is up and"
                    " GENESIS_PEERS has its address, a firewall drops what is sent: let UDP through in both directions,"
                    f" {ports}.",
                )
    for participant in sighting.peers:
        if participant.addresses and not participant.topics:
            title = participant.title[:1].upper() + participant.title[1:]
            yield Finding(
                True,
                f"{title} announces itself from {', '.join(participant.addresses)}, but nothing else comes through: its"
                " readers and writers stay unknown, as behind a firewall that lets multicast pass alone. Let UDP through"
                f" in both directions, {ports}.",
            )


def of_sighting(settings: Settings, sighting: Sighting) -> Iterator[Finding]:
    """What was seen on the domain, put in sentences."""
    for mismatch in sighting.mismatches:
        yield Finding(True, _explain(mismatch))
    for refusal in sighting.refusals:
        yield Finding(True, f"{refusal[:1].upper()}{refusal[1:]}. It has to send what config/datamodel.xml describes.")


def of_absence(settings: Settings, sighting: Sighting) -> Iterator[Finding]:
    """Where agents may be when there are none, and nothing that was found explains it."""
    if not sighting.agents:
        yield Finding(False, _explain_absence(settings, sighting.other_domains))


def of_model(settings: Settings) -> Iterator[Finding]:
    """Whether requests can be routed by a language model."""
    if not (settings.openai_api_key or settings.openai_base_url):
        yield Finding(
            False,
            "No language model is configured (OPENAI_API_KEY or OPENAI_BASE_URL): requests are routed to"
            " default-capable agents only.",
        )


def _explain(mismatch: Mismatch) -> str:
    endpoint, found = mismatch.endpoint, mismatch.misfits
    side, verbs = ("writer", ("offers", "asks for")) if endpoint.is_writer else ("reader", ("asks for", "offers"))
    where = f"The {side} of {mismatch.peer.title} on topic {endpoint.topic}"
    if found[0].policy == "type":
        return (
            f"{where} carries the type {found[0].theirs}, ours {found[0].ours}: they do not match. Use"
            " config/datamodel.xml of one version on both sides."
        )
    theirs = ", ".join(f"{misfit.policy} {misfit.theirs}" for misfit in found)
    ours = ", ".join(misfit.ours for misfit in found)
    return (
        f"{where} {verbs[0]} {theirs}; ours {verbs[1]} {ours}: they do not match. Give it the QoS of config/qos.xml and"
        " the same settings."
    )


def _explain_absence(settings: Settings, others: Sequence[Domain]) -> str:
    if others:
        there = "; ".join(
            f"{len(other.participants)} participant{'s' * (len(other.participants) != 1)} on domain {other.domain_id},"
            f" from {', '.join(sorted(other.addresses))}"
            for other in others[:_OTHERS_NAMED]
        )
        more = f"; and {len(others) - _OTHERS_NAMED} more domains" if len(others) > _OTHERS_NAMED else ""
        return (
            f"No agents on domain {settings.domain_id}, but there are others: {there}{more}. Give agents and callers the same"
            f" GENESIS_DOMAIN_ID; 'genesis agents --domain {others[0].domain_id}' looks there."
        )
    return (
        f"No agents on domain {settings.domain_id}. Start one with 'genesis run MODULE:CLASS'; one that runs may be on"
        " another domain (GENESIS_DOMAIN_ID) or on other interfaces (GENESIS_INTERFACES), or the network may drop"
        " multicast, as many clouds and wireless networks do: name the other machine in GENESIS_PEERS."
    )


def _unicast_ports(domain_id: int) -> str:
    first, last = unicast_ports(domain_id, 0)[0], unicast_ports(domain_id, LAST_PARTICIPANT_INDEX)[1]
    return f"ports {first} to {last}"
