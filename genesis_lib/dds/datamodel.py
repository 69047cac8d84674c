"""Reads `config/datamodel.xml`: the structs that travel, their members, bounds and keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias
from xml.etree import ElementTree

from genesis_lib.errors import ConfigError

Primitive: TypeAlias = Literal["string", "boolean", "octet", "int32", "uint32", "int64"]
Extensibility: TypeAlias = Literal["final", "appendable"]

_PRIMITIVES: dict[str, Primitive] = {
    "string": "string",
    "boolean": "boolean",
    "octet": "octet",
    "int32": "int32",
    "uint32": "uint32",
    "int64": "int64",
}
_EXTENSIBILITIES: dict[str, Extensibility] = {"final": "final", "appendable": "appendable"}
_STRUCT_ATTRIBUTES = {"name", "extensibility", "allowed_data_representation"}
_MEMBER_ATTRIBUTES = {
    "name",
    "type",
    "nonBasicTypeName",
    "stringMaxLength",
    "sequenceMaxLength",
    "arrayDimensions",
    "key",
}


@dataclass(frozen=True, slots=True)
class Enum:
    """An enumeration; `values` are its enumerators' names and numbers in XML order."""

    qualified_name: str
    values: tuple[tuple[str, int], ...]

    @property
    def name(self) -> str:
        return self.qualified_name.rpartition("::")[2]


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a struct.

    Attributes:
        type: a primitive's name, a nested struct or an enumeration.
        bound: most UTF-8 bytes of a string or elements of a sequence, None when unbounded (and for all other members).
        array_length: number of octets when the member is an array, else None.
        sequence: the member is a sequence of octets.
    """

    name: str
    type: Primitive | Struct | Enum
    bound: int | None = None
    key: bool = False
    array_length: int | None = None
    sequence: bool = False


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct. `qualified_name` is its DDS type name, `genesis_lib::AgentCapability` for example."""

    qualified_name: str
    extensibility: Extensibility
    members: tuple[Member, ...]

    @property
    def name(self) -> str:
        return self.qualified_name.rpartition("::")[2]


@dataclass(frozen=True, slots=True)
class Datamodel:
    """All types of one XML file."""

    path: Path
    structs: Mapping[str, Struct]

    def struct(self, name: str) -> Struct:
        """The struct with this unqualified name.

        Raises:
            ConfigError: the file has no such struct.
        """
        try:
            return self.structs[name]
        except KeyError:
            raise ConfigError(f"{self.path} has no struct {name}; it has {', '.join(self.structs)}") from None

    @property
    def topic_types(self) -> tuple[str, ...]:
        """Names of the structs that are published themselves; all others are only nested in those."""
        return tuple(name for name, struct in self.structs.items() if struct.extensibility == "appendable")


def config_file(name: str) -> Path:
    """A file of `config/`, which lies inside the installed package, or beside it in a checkout.

    Raises:
        ConfigError: it is in neither place.
    """
    package = Path(__file__).resolve().parents[1]
    places = (package / "config" / name, package.parent / "config" / name)
    for place in places:
        if place.is_file():
            return place
    raise ConfigError(f"{name} is missing: neither {places[0]} nor {places[1]} exists; install genesis-lib again")


@cache
def load_datamodel(path: Path | None = None) -> Datamodel:
    """Parse a data model, by default `config/datamodel.xml`.

    Raises:
        ConfigError: the file cannot be read, or has something this library does not put on the wire.
    """
    path = path or config_file("datamodel.xml")
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise ConfigError(f"the data model {path} cannot be read: {error}") from error
    types: dict[str, Struct | Enum] = {}
    _read_types(path, root.find("types") if root.tag == "dds" else root, "", types)
    return Datamodel(path, {declared.name: declared for declared in types.values() if isinstance(declared, Struct)})


def struct(name: str) -> Struct:
    """A struct of `config/datamodel.xml` by its unqualified name."""
    return load_datamodel().struct(name)


def _read_types(path: Path, parent: ElementTree.Element | None, scope: str, types: dict[str, Struct | Enum]) -> None:
    if parent is None:
        raise ConfigError(f"{path} has no <types>")
    for element in parent:
        name = scope + _attribute(path, element, "name")
        if element.tag == "module":
            _read_types(path, element, f"{name}::", types)
        elif element.tag == "struct":
            types[name] = _read_struct(path, element, name, types)
        elif element.tag == "enum":
            values = ((_attribute(path, item, "name"), int(_attribute(path, item, "value"))) for item in element)
            types[name] = Enum(name, tuple(values))
        else:
            raise ConfigError(f"{path}: <{element.tag}> {name} is not supported; use struct, enum or module")


def _read_struct(path: Path, element: ElementTree.Element, name: str, types: Mapping[str, Struct | Enum]) -> Struct:
    _refuse_unknown(path, name, element, _STRUCT_ATTRIBUTES)
    extensibility = _EXTENSIBILITIES.get(element.get("extensibility", ""))
    if extensibility is None:
        raise ConfigError(f"{path}: struct {name} must say extensibility='final' or 'appendable'")
    return Struct(name, extensibility, tuple(_read_member(path, item, name, types) for item in element))


def _read_member(path: Path, element: ElementTree.Element, owner: str, types: Mapping[str, Struct | Enum]) -> Member:
    name = _attribute(path, element, "name")
    where = f"{owner}.{name}"
    if element.tag != "member":
        raise ConfigError(f"{path}: <{element.tag}> {where} is not supported; a struct has members only")
    _refuse_unknown(path, where, element, _MEMBER_ATTRIBUTES)
    kind = _member_type(path, element, where, types)
    sequence = "sequenceMaxLength" in element.attrib
    length = _number(path, element, where, "arrayDimensions")
    if (sequence or length is not None) and kind != "octet":
        raise ConfigError(f"{path}: {where} is a collection of {element.get('type')}; only octets are supported there")
    if kind == "string" and "stringMaxLength" not in element.attrib:
        raise ConfigError(f"{path}: {where} must say its stringMaxLength (-1 for unbounded)")
    bound = _number(path, element, where, "sequenceMaxLength" if sequence else "stringMaxLength")
    key = element.get("key", "false") == "true"
    return Member(name, kind, None if bound == -1 else bound, key, length, sequence)


def _member_type(
    path: Path, element: ElementTree.Element, where: str, types: Mapping[str, Struct | Enum]
) -> Primitive | Struct | Enum:
    kind = _attribute(path, element, "type")
    if kind != "nonBasic":
        if kind not in _PRIMITIVES:
            raise ConfigError(f"{path}: {where} is of type {kind}; supported are {', '.join(_PRIMITIVES)} and nonBasic")
        return _PRIMITIVES[kind]
    name = _attribute(path, element, "nonBasicTypeName")
    nested = types.get(name)
    if nested is None:
        raise ConfigError(f"{path}: {where} is of type {name}, which is not declared above it")
    if isinstance(nested, Struct) and nested.extensibility != "final":
        raise ConfigError(f"{path}: {where} nests {name}, which is {nested.extensibility}; only final structs nest")
    return nested


def _attribute(path: Path, element: ElementTree.Element, name: str) -> str:
    value = element.get(name)
    if value is None:
        raise ConfigError(f"{path}: a <{element.tag}> lacks the attribute {name}: {dict(element.attrib)}")
    return value


def _number(path: Path, element: ElementTree.Element, where: str, name: str) -> int | None:
    text = element.get(name)
    try:
        return None if text is None else int(text)
    except ValueError:
        raise ConfigError(f"{path}: {where} has {name}={text!r}, which is not a number") from None


def _refuse_unknown(path: Path, where: str, element: ElementTree.Element, known: set[str]) -> None:
    unknown = sorted(element.attrib.keys() - known)
    if unknown:
        raise ConfigError(f"{path}: {where} has the attribute {unknown[0]}, which is not supported")
