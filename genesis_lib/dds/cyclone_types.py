"""Builds Cyclone DDS types from the data model, each when it is first used."""

from __future__ import annotations

from functools import cache
from typing import Any

from cyclonedds.idl import IdlEnum, IdlStruct, make_idl_enum, make_idl_struct
from cyclonedds.idl import types as idl

from genesis_lib.dds.datamodel import Enum, Member, Struct, struct

_SCALARS: dict[str, Any] = {
    "boolean": bool,
    "octet": idl.uint8,
    "int32": idl.int32,
    "uint32": idl.uint32,
    "int64": idl.int64,
}


def idl_type(struct_name: str) -> type[IdlStruct]:
    """The type of a topic that carries this struct of `config/datamodel.xml`."""
    return build_struct(struct(struct_name))


@cache
def build_struct(declared: Struct) -> type[IdlStruct]:
    """The type for a struct of any data model. Its DDS type name is the struct's qualified name."""
    built: type[IdlStruct] = make_idl_struct(
        declared.name,
        declared.qualified_name.replace("::", "."),
        {member.name: _member_type(member) for member in declared.members},
        field_annotations={member.name: {"key": True} for member in declared.members if member.key},
    )
    built.__idl_annotations__["extensibility"] = declared.extensibility
    return built


@cache
def _build_enum(declared: Enum) -> type[IdlEnum]:
    built: type[IdlEnum] = make_idl_enum(
        declared.name, declared.qualified_name.replace("::", "."), dict(declared.values)
    )
    return built


def _member_type(member: Member) -> Any:
    if isinstance(member.type, Struct):
        return build_struct(member.type)
    if isinstance(member.type, Enum):
        return _build_enum(member.type)
    if member.type == "string":
        return str if member.bound is None else idl.bounded_str[member.bound]
    if member.array_length is not None:
        return idl.array[idl.uint8, member.array_length]
    if member.sequence:
        return idl.sequence[idl.uint8] if member.bound is None else idl.sequence[idl.uint8, member.bound]
    return _SCALARS[member.type]
