"""What `genesis doctor` finds out."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from genesis_lib.cli.cyclone_trace import CycloneTrace, cyclone_trace
from genesis_lib.cli.named_peers import NamedPeer, check_peers
from genesis_lib.cli.networks import NetworkInterface
from genesis_lib.cli.spdp import Domain, listening
from genesis_lib.cli.topics import expected_topic
from genesis_lib.dds.compatibility import Misfit, misfits
from genesis_lib.dds.open import open_participant
from genesis_lib.dds.port import Endpoint, Participant, Sample
from genesis_lib.discovery.directory import Directory
from genesis_lib.errors import DecodeError
from genesis_lib.messages import AgentInfo
from genesis_lib.monitoring.wire import STATUS_TOPIC, decode_status
from genesis_lib.settings import Settings

_LISTEN_SECONDS = 2.0  # agents announce themselves every 0.8 leases


@dataclass(frozen=True, slots=True)
class Product:
    """A DDS product; `version` is "" when it is not installed."""

    name: str
    setting: str
    version: str
    licence: str


@dataclass(slots=True)
class Peer:
    """Another participant on the domain. `addresses` are empty when the DDS product does not tell them; `agents` are
    (name, id), `topics` what it reads or writes."""

    key: str
    addresses: list[str] = field(default_factory=list)
    host: str = ""
    pid: int = 0
    agents: list[tuple[str, str]] = field(default_factory=list)
    components: list[str] = field(default_factory=list)
    topics: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """Who it is, as far as that is known."""
        names = [name for name, _ in self.agents] or self.components
        if not names:
            names = [f"the service {service}" for service in self._services()] or ["a DDS participant"]
        place = f", process {self.pid} on {self.host}" if self.pid else ""
        return f"{', '.join(names)} (participant {self.key}{place})"

    def _services(self) -> list[str]:
        return [topic.removesuffix("Request") for topic in self.topics if topic.endswith("Request")]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An endpoint of a peer that cannot match ours."""

    peer: Peer
    endpoint: Endpoint
    misfits: list[Misfit]


@dataclass(slots=True)
class Sighting:
    """What was seen on the domain. `selected` maps the interfaces the DDS product uses to whether it multicasts there; None
    when it does not say. `other_domains` announce themselves by multicast. `named_peers` are those of the settings, checked;
    empty when the DDS product does not tell addresses."""

    peers: list[Peer] = field(default_factory=list)
    agents: list[AgentInfo] = field(default_factory=list)
    mismatches: list[Mismatch] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    selected: dict[str, bool] | None = None
    other_domains: list[Domain] = field(default_factory=list)
    named_peers: list[NamedPeer] = field(default_factory=list)


def products() -> list[Product]:
    """Both DDS products, installed or not."""
    return [
        Product("Eclipse Cyclone DDS", "cyclone", _version("cyclonedds"), "none needed"),
        Product("RTI Connext", "connext", _version("rti.connext"), _connext_licence()),
    ]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _connext_licence() -> str:
    named = os.environ.get("RTI_LICENSE_FILE")
    places = [Path(named)] if named else [Path("rti_license.dat")]
    if os.environ.get("NDDSHOME"):
        places.append(Path(os.environ["NDDSHOME"]) / "rti_license.dat")
    found = next((place for place in places if place.is_file()), None)
    return f"licence file {found}" if found else f"no licence file (RTI_LICENSE_FILE is {named or 'not set'})"


async def look_around(settings: Settings, interfaces: list[NetworkInterface]) -> Sighting:
    """Join the domain, look until discovery has settled, leave. The other domains are listened to.

    Raises:
        ConfigError: the DDS product is not there.
        BusError: it refuses.
    """
    sighting = Sighting()
    with (
        _refusals_collected(sighting.refusals),
        cyclone_trace() as trace,
        listening(interface.name for interface in interfaces if interface.up and interface.has_ipv4) as domains,
    ):
        participant = await open_participant(settings)
        try:
            await _watch(participant, settings, sighting)
        finally:
            await participant.close()
        sighting.other_domains = [domains[number] for number in sorted(domains) if number != settings.domain_id]
        if settings.dds == "cyclone":
            await _take_from_trace(trace, settings, interfaces, sighting)
    return sighting


async def _take_from_trace(
    trace: CycloneTrace, settings: Settings, interfaces: list[NetworkInterface], sighting: Sighting
) -> None:
    """Cyclone DDS has no call for these."""
    told = trace.read()
    sighting.selected = told.selected or None
    for peer in sighting.peers:
        peer.addresses = told.addresses.get(peer.key, [])
    heard = {address for peer in sighting.peers for address in peer.addresses}
    own = {address for interface in interfaces for address in interface.addresses}
    sighting.named_peers = await check_peers(settings, heard, own)


async def _watch(participant: Participant, settings: Settings, sighting: Sighting) -> None:
    statuses: list[Sample] = []
    directory = await Directory(settings.settle_seconds).open(participant)
    reader = await participant.create_reader(STATUS_TOPIC, statuses.extend)
    await asyncio.sleep(max(directory.seconds_until_settled, _LISTEN_SECONDS))
    endpoints = [endpoint for endpoint in await participant.endpoints() if endpoint.participant != participant.guid]
    peers = {key: Peer(key.hex()) for key in await participant.participants() if key != participant.guid}
    for endpoint in endpoints:
        peer = peers.setdefault(endpoint.participant, Peer(endpoint.participant.hex()))
        if endpoint.topic not in peer.topics and not endpoint.topic.startswith("DCPS"):
            peer.topics.append(endpoint.topic)
    for sample in statuses:
        match = reader.lookup_publication(sample.publication)
        if sample.valid_data and match is not None and match.participant in peers:
            _add_component(peers[match.participant], sample, sighting.refusals)
    for agent in directory.agents.values():
        peer = peers.setdefault(directory.participant_of(agent.agent_id), Peer("unknown"))
        peer.host, peer.pid = agent.host, agent.pid
        peer.agents.append((agent.name, agent.agent_id))
    sighting.peers = sorted(peers.values(), key=lambda peer: peer.title)
    sighting.agents = sorted(directory.agents.values(), key=lambda agent: (agent.name, agent.agent_id))
    for endpoint in endpoints:
        topic = expected_topic(endpoint)
        found = misfits(endpoint, topic, settings.lease_seconds) if topic is not None else []
        if found:
            sighting.mismatches.append(Mismatch(peers[endpoint.participant], endpoint, found))


def _add_component(peer: Peer, sample: Sample, refusals: list[str]) -> None:
    try:
        status = decode_status(sample.payload)
    except DecodeError as error:
        refusals.append(f"refused a component's status from {peer.title}: {error}")
        return
    peer.host, peer.pid = status.host, status.pid
    peer.components.append(status.name)


class _Collector(logging.Handler):
    def __init__(self, messages: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        self._messages.append(record.getMessage())


@contextmanager
def _refusals_collected(refusals: list[str]) -> Iterator[None]:
    """Collect what discovery refuses in place of logging it. What the DDS adapters refuse is told as mismatches."""
    handlers = {"genesis_lib.discovery": _Collector(refusals), "genesis_lib.dds": logging.NullHandler()}
    for name, handler in handlers.items():
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).propagate = False
    try:
        yield
    finally:
        for name, handler in handlers.items():
            logging.getLogger(name).removeHandler(handler)
            logging.getLogger(name).propagate = True
