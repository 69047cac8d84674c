"""The codec's plain half: the leaves of a struct, and what is wrong with values or bytes that do not fit them."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NoReturn, TypeAlias

from genesis_lib.dds.datamodel import Enum, Member, Struct
from genesis_lib.errors import DecodeError, InvalidRequest, MessageTooLarge

ENCAPSULATION = b"\x00\x09\x00\x00"

Kind: TypeAlias = Literal["string", "sequence", "array", "boolean", "octet", "int32", "uint32", "int64", "enum"]

# struct code, size and alignment of the kinds of fixed size
CODES: dict[str, tuple[str, int, int]] = {
    "boolean": ("?", 1, 1),
    "octet": ("B", 1, 1),
    "int32": ("i", 4, 4),
    "uint32": ("I", 4, 4),
    "enum": ("i", 4, 4),
    "int64": ("q", 8, 4),
}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A member that has no members itself.

    Attributes:
        path: name from the topic type down, "header.instance_name".
        bound: most bytes of a string or sequence, None when unbounded; the length of an array.
        enumerators: numbers of an enumeration's values.
        optional: an older writer may lack it: it is a member of the topic type, or the first leaf of one.
    """

    name: str
    path: str
    kind: Kind
    bound: int | None
    key: bool
    enumerators: frozenset[int]
    optional: bool


def flatten(declared: Struct) -> Iterator[Leaf]:
    """The leaves of a topic type, in order."""
    for member in declared.members:
        for number, leaf in enumerate(_leaves(member, "", member.key)):
            yield replace(leaf, optional=number == 0)


def _leaves(member: Member, prefix: str, key: bool) -> Iterator[Leaf]:
    path = prefix + member.name
    if isinstance(member.type, Struct):
        keyed = any(inner.key for inner in member.type.members)
        for inner in member.type.members:
            yield from _leaves(inner, f"{path}.", key and (inner.key or not keyed))
        return
    enumerators = frozenset(dict(member.type.values).values()) if isinstance(member.type, Enum) else frozenset[int]()
    bound = member.bound if member.array_length is None else member.array_length
    yield Leaf(member.name, path, _kind(member), bound, key, enumerators, True)


def _kind(member: Member) -> Kind:
    if member.array_length is not None:
        return "array"
    if member.sequence:
        return "sequence"
    assert not isinstance(member.type, Struct)
    return "enum" if isinstance(member.type, Enum) else member.type


def refuse(type_name: str, leaves: Sequence[Leaf], values: Sequence[Any]) -> NoReturn:
    """Say which of these values cannot be encoded, and why.

    Raises:
        MessageTooLarge, InvalidRequest
    """
    for leaf, value in zip(leaves, values, strict=True):
        _check_value(f"{type_name}.{leaf.path}", leaf, value)
    raise InvalidRequest(f"{type_name} cannot be encoded: it is larger than the 4 GiB a sample may have")


def _check_value(where: str, leaf: Leaf, value: Any) -> None:
    if leaf.kind == "string":
        _check_string(where, leaf, value)
    elif leaf.kind in ("sequence", "array"):
        _require(where, value, bytes)
        if leaf.kind == "array" and len(value) != leaf.bound:
            raise InvalidRequest(f"{where} has {len(value)} bytes where exactly {leaf.bound} belong")
        _check_bound(where, leaf, len(value))
    elif leaf.kind == "boolean":
        _require(where, value, bool)
    else:
        _require(where, value, int)
        try:
            struct.pack("<" + CODES[leaf.kind][0], value)
        except struct.error:
            raise InvalidRequest(f"{where} is {value}, out of the range of {leaf.kind}") from None
        if leaf.kind == "enum" and value not in leaf.enumerators:
            raise InvalidRequest(f"{where} is {value}, which is none of its values {sorted(leaf.enumerators)}")


def _check_string(where: str, leaf: Leaf, value: Any) -> None:
    _require(where, value, str)
    if type(value).__hash__ is None:
        raise InvalidRequest(f"{where} is a {type(value).__name__} without a hash; pass a plain str")
    if "\0" in value:
        raise InvalidRequest(f"{where} has a NUL character at index {value.index(chr(0))}; DDS strings hold none")
    try:
        encoded = value.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"{where} is not valid text: lone surrogate at index {error.start}") from None
    _check_bound(where, leaf, len(encoded))


def _check_bound(where: str, leaf: Leaf, size: int) -> None:
    if leaf.bound is not None and size > leaf.bound:
        raise MessageTooLarge(f"{where} has {size} bytes, its bound is {leaf.bound}")


def _require(where: str, value: Any, kind: type) -> None:
    if not isinstance(value, kind):
        raise InvalidRequest(f"{where} must be {kind.__name__}, not {type(value).__name__}")


def decode_checked(type_name: str, leaves: Sequence[Leaf], data: bytes, *, complete: bool) -> tuple[Any, ...]:
    """Decode step by step: what an older writer left out gets its default unless the sample must be `complete`.

    Raises:
        DecodeError: with type, member and offset.
    """
    return tuple(_Cursor(type_name, data).values(leaves, complete=complete))


class _Cursor:
    """Reads a payload and says where it went wrong."""

    def __init__(self, type_name: str, data: bytes) -> None:
        self._type_name = type_name
        self._data = data
        self._position = 8
        self._where = type_name
        if len(data) < 8:
            raise self._error(f"{len(data)} bytes are too few for a header", 0)
        if data[:2] != ENCAPSULATION[:2]:
            raise self._error(f"encapsulation {data[:2].hex()} is not little-endian delimited XCDR2 (0009)", 0)
        self._end = 8 + int.from_bytes(data[4:8], "little")
        if self._end > len(data):
            raise self._error(f"the DHEADER promises {self._end - 8} bytes, {len(data) - 8} are there", 4)

    def values(self, leaves: Sequence[Leaf], *, complete: bool) -> Iterator[Any]:
        missing = False
        for leaf in leaves:
            self._where = f"{self._type_name}.{leaf.path}"
            missing = missing or (leaf.optional and not complete and self._position >= self._end)
            yield _default(leaf) if missing else self._value(leaf)

    def _value(self, leaf: Leaf) -> Any:
        if leaf.kind == "array":
            return self._take(leaf.bound or 0)
        if leaf.kind in ("string", "sequence"):
            return self._variable(leaf)
        start = self._position
        value = self._fixed(leaf.kind)
        if leaf.kind == "enum" and value not in leaf.enumerators:
            raise self._error(f"{value} is none of its values {sorted(leaf.enumerators)}", start)
        return value

    def _variable(self, leaf: Leaf) -> str | bytes:
        size = self._fixed("uint32")
        start = self._position
        raw = self._take(size)
        if leaf.kind == "string" and size:
            if raw[-1]:
                raise self._error("the string does not end with NUL", start)
            raw = raw[:-1]
        if leaf.bound is not None and len(raw) > leaf.bound:
            raise self._error(f"{len(raw)} bytes are over its bound of {leaf.bound}", start)
        if leaf.kind == "sequence":
            return raw
        if 0 in raw:
            raise self._error("the string has a NUL character", start + raw.index(0))
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            raise self._error("the string is not UTF-8", start + error.start) from None

    def _fixed(self, kind: str) -> Any:
        code, size, alignment = CODES[kind]
        self._position += -self._position % alignment
        return struct.unpack("<" + code, self._take(size))[0]

    def _take(self, size: int) -> bytes:
        start = self._position
        if start + size > self._end:
            raise self._error(f"needs {size} bytes, {max(self._end - start, 0)} are left", start)
        self._position += size
        return self._data[start : start + size]

    def _error(self, problem: str, offset: int) -> DecodeError:
        return DecodeError(f"bytes that are no valid {self._type_name}: {self._where} at offset {offset}: {problem}")


def _default(leaf: Leaf) -> Any:
    if leaf.kind == "array":
        return bytes(leaf.bound or 0)
    if leaf.kind == "enum":
        return min(leaf.enumerators)
    return {"string": "", "sequence": b"", "boolean": False}.get(leaf.kind, 0)
