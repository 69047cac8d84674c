"""Reads `config/qos.xml`: the QoS profiles of readers and writers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias
from xml.etree import ElementTree

from genesis_lib.dds.datamodel import config_file
from genesis_lib.errors import ConfigError

LIBRARY = "GenesisQos"

Durability: TypeAlias = Literal["VOLATILE", "TRANSIENT_LOCAL"]


@dataclass(frozen=True, slots=True)
class EndpointQos:
    """QoS of a reader or a writer; the defaults are those DDS gives a reader.

    Attributes:
        depth: samples kept for each instance, None for all (KEEP_ALL).
        lease_seconds: lease of the automatic liveliness, None when the profile asks for none.
        autodispose: a writer that goes away disposes its instances.
        lifespan_seconds: age at which a sample is worthless, None for never.
        asynchronous: samples written in one go may leave in one packet (publish mode ASYNCHRONOUS).
    """

    reliable: bool = False
    max_blocking_seconds: float = 0.1
    durability: Durability = "VOLATILE"
    depth: int | None = 1
    lease_seconds: float | None = None
    autodispose: bool = True
    lifespan_seconds: float | None = None
    asynchronous: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """A named profile: QoS of its writers and of its readers."""

    name: str
    writer: EndpointQos
    reader: EndpointQos


def profile(name: str) -> Profile:
    """A profile of `config/qos.xml`.

    Raises:
        ConfigError: the file has no such profile, cannot be read, or has a policy this library does not know.
    """
    profiles = load_profiles()
    if name not in profiles:
        raise ConfigError(f"the QoS library {LIBRARY} has no profile {name}; it has {', '.join(profiles)}")
    return profiles[name]


@cache
def load_profiles(path: Path | None = None) -> dict[str, Profile]:
    """All profiles of a QoS file, by default `config/qos.xml`."""
    path = path or config_file("qos.xml")
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise ConfigError(f"the QoS file {path} cannot be read: {error}") from error
    library = root.find(f"qos_library[@name='{LIBRARY}']")
    if library is None:
        raise ConfigError(f"{path} has no qos_library named {LIBRARY}")
    reader = _Reader(path)
    return {read.name: read for read in map(reader.profile, library)}


class _Reader:
    """Turns XML elements into QoS; whatever it does not know is refused with the place it stands in."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def profile(self, element: ElementTree.Element) -> Profile:
        name = element.get("name")
        if element.tag != "qos_profile" or name is None or len(element.attrib) > 1:
            raise ConfigError(f"{self._path}: <{element.tag}> {element.attrib} is not a plain named qos_profile")
        ends = {"datawriter_qos": EndpointQos(reliable=True), "datareader_qos": EndpointQos()}
        for part in element:
            if part.tag not in ends:
                raise self._unknown(part, name)
            ends[part.tag] = self._endpoint(part, ends[part.tag], f"{name}/{part.tag}")
        return Profile(name, ends["datawriter_qos"], ends["datareader_qos"])

    def _endpoint(self, element: ElementTree.Element, qos: EndpointQos, where: str) -> EndpointQos:
        for policy in element:
            qos = self._policy(policy, qos, f"{where}/{policy.tag}")
        return qos

    def _policy(self, policy: ElementTree.Element, qos: EndpointQos, where: str) -> EndpointQos:
        for field in self._fields(policy, where):
            match policy.tag, field.tag, self._text(field):
                case "reliability", "kind", "RELIABLE_RELIABILITY_QOS":
                    qos = replace(qos, reliable=True)
                case "reliability", "kind", "BEST_EFFORT_RELIABILITY_QOS":
                    qos = replace(qos, reliable=False)
                case "reliability", "max_blocking_time", _:
                    qos = replace(qos, max_blocking_seconds=self._seconds(field, where))
                case "durability", "kind", "VOLATILE_DURABILITY_QOS":
                    qos = replace(qos, durability="VOLATILE")
                case "durability", "kind", "TRANSIENT_LOCAL_DURABILITY_QOS":
                    qos = replace(qos, durability="TRANSIENT_LOCAL")
                case "history", "kind", "KEEP_ALL_HISTORY_QOS":
                    qos = replace(qos, depth=None)
                case "history", "kind", "KEEP_LAST_HISTORY_QOS":
                    pass  # the default, with the depth beside it
                case "history", "depth", depth:
                    qos = replace(qos, depth=self._integer(depth, where))
                case "liveliness", "kind", "AUTOMATIC_LIVELINESS_QOS":
                    pass
                case "liveliness", "lease_duration", _:
                    qos = replace(qos, lease_seconds=self._seconds(field, where))
                case "lifespan", "duration", _:
                    qos = replace(qos, lifespan_seconds=self._seconds(field, where))
                case "writer_data_lifecycle", "autodispose_unregistered_instances", "true" | "false" as flag:
                    qos = replace(qos, autodispose=flag == "true")
                case "publish_mode", "kind", "ASYNCHRONOUS_PUBLISH_MODE_QOS":
                    qos = replace(qos, asynchronous=True)
                case "representation", "value", _:
                    self._check_representation(field, where)
                case _:
                    raise self._unknown(field, where)
        return qos

    def _fields(self, policy: ElementTree.Element, where: str) -> Iterator[ElementTree.Element]:
        if not len(policy):
            raise self._unknown(policy, where)
        yield from policy

    def _check_representation(self, field: ElementTree.Element, where: str) -> None:
        if [self._text(element) for element in field] != ["XCDR2_DATA_REPRESENTATION"]:
            raise ConfigError(f"{self._path}: {where} must be XCDR2_DATA_REPRESENTATION alone")

    def _seconds(self, element: ElementTree.Element, where: str) -> float:
        parts = {part.tag: self._integer(self._text(part), where) for part in element}
        if not parts or parts.keys() - {"sec", "nanosec"}:
            raise ConfigError(f"{self._path}: {where}/{element.tag} must have <sec> and <nanosec>")
        return parts.get("sec", 0) + parts.get("nanosec", 0) / 1e9

    def _integer(self, text: str, where: str) -> int:
        try:
            return int(text)
        except ValueError:
            raise ConfigError(f"{self._path}: {where} has {text!r} where a number belongs") from None

    def _text(self, element: ElementTree.Element) -> str:
        return (element.text or "").strip()

    def _unknown(self, element: ElementTree.Element, where: str) -> ConfigError:
        return ConfigError(f"{self._path}: {where} has <{element.tag}> {self._text(element)}, which is not supported")
