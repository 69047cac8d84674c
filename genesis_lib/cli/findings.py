"""What a diagnosis means: sentences with the next step. Pure: nothing is looked up here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from genesis_lib.cli.diagnosis import Mismatch, Sighting
from genesis_lib.cli.networks import NetworkInterface
from genesis_lib.settings import Settings


class Finding(NamedTuple):
    """A sentence; `problem` when something has to be done about it."""

    problem: bool
    text: str


def of_network(
    settings: Settings, interfaces: Sequence[NetworkInterface], selected: dict[str, bool] | None
) -> Iterator[Finding]:
    """What the choice of network interfaces leads to. `selected` as in Sighting."""
    here = {interface.name: interface for interface in interfaces}
    for name in settings.interfaces:
        known = name in here or any(name in interface.addresses for interface in interfaces)
        if not known:
            yield Finding(
                True,
                f"The settings name the network interface {name!r}, this machine has {', '.join(here)}."
                " Correct GENESIS_INTERFACES.",
            )
        elif name in here and not here[name].up:
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


def of_sighting(settings: Settings, sighting: Sighting) -> Iterator[Finding]:
    """What was seen on the domain, put in sentences."""
    for mismatch in sighting.mismatches:
        yield Finding(True, _explain(mismatch))
    for refusal in sighting.refusals:
        yield Finding(True, f"{refusal[:1].upper()}{refusal[1:]}. It has to send what config/datamodel.xml describes.")
    if not sighting.agents:
        yield Finding(
            False,
            f"No agents on domain {settings.domain_id}. Start one with 'genesis run MODULE:CLASS'; one that runs may be"
            " on another domain (GENESIS_DOMAIN_ID) or on other interfaces (GENESIS_INTERFACES).",
        )


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
