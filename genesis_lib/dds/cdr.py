"""XCDR2 for the structs of the data model: an encoder and a decoder compiled for each of them.

A payload is a whole serialized sample as DDS products put it on the wire (XTypes 1.3, 7.4.3 and 7.6.2): the
encapsulation header of DELIMITED_CDR2 little endian, the DHEADER with the length of what follows, the members aligned to
at most 4, and zeros up to a multiple of 4. Nested final structs are flattened in place: members go in and come out as one
flat sequence of leaves in the order of the XML.

The compiled functions know one shape, a complete and valid sample. Whatever does not fit it (a wrong value, bytes of an
older writer, hostile bytes) goes to the plain functions of `cdr_check`, which find out what is the matter.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from genesis_lib.dds import datamodel
from genesis_lib.dds.cdr_check import CODES, ENCAPSULATION, Leaf, decode_checked, flatten, refuse
from genesis_lib.dds.datamodel import Struct
from genesis_lib.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Codec:
    """Turns the leaf members of one struct into a payload and back.

    Attributes:
        type_name: the struct's unqualified name.
        fields: names of the leaves, in the order in which `encode` takes and `decode` returns them.
        key_fields: the same for `encode_key` and `decode_key`.
        encode: all leaves, positionally, to a payload. Strings are str, octet arrays and sequences bytes, booleans bool,
            all else int. Raises MessageTooLarge for a value over its bound (strings count in UTF-8 bytes) and
            InvalidRequest for one of the wrong type, out of range, or not valid text.
        decode: a payload to a tuple of leaves. Members that an older writer did not send are 0, "", b"" or False;
            members of a newer writer are skipped. Raises DecodeError.
        encode_key: the key leaves to the payload that disposes their instance. Raises as `encode` does.
        decode_key: the payload of a sample without valid data to its key leaves. Raises DecodeError.
    """

    type_name: str
    fields: tuple[str, ...]
    key_fields: tuple[str, ...]
    encode: Callable[..., bytes]
    decode: Callable[[bytes], tuple[Any, ...]]
    encode_key: Callable[..., bytes]
    decode_key: Callable[[bytes], tuple[Any, ...]]


@cache
def codec(type_name: str) -> Codec:
    """The codec of a topic type of `config/datamodel.xml`."""
    return compile_codec(datamodel.struct(type_name))


def compile_codec(declared: Struct) -> Codec:
    """The codec of an appendable struct of any data model.

    Raises:
        ConfigError: the struct is final, or two of its leaves have the same name.
    """
    if declared.extensibility != "appendable":
        raise ConfigError(f"{declared.qualified_name} is {declared.extensibility}; topic types are appendable")
    leaves = tuple(flatten(declared))
    keys = tuple(leaf for leaf in leaves if leaf.key)
    fields = tuple(leaf.name for leaf in leaves)
    if len(set(fields)) < len(fields):
        raise ConfigError(f"{declared.qualified_name} has two members of the same name among {', '.join(fields)}")
    return Codec(
        declared.name,
        fields,
        tuple(leaf.name for leaf in keys),
        _compile_encoder(declared.name, leaves),
        _compile_decoder(declared.name, leaves, complete=False),
        _compile_encoder(declared.name, keys),
        _compile_decoder(declared.name, keys, complete=True),
    )


@dataclass(frozen=True, slots=True)
class _Block:
    """Leaves of fixed size between two strings or sequences, the length of the following one included.

    A block starts where the bytes of the string or sequence before it end: a few octets in a row, a string's terminating
    NUL the first of them, then, from the next multiple of 4, what needs alignment.
    """

    start: int
    fixed: tuple[Leaf, ...]
    variable: Leaf | None
    after_string: bool

    def struct_at(self, residue: int, prefix: str = "", *, padded: bool = False) -> struct.Struct:
        """The block when it starts at an offset with this residue modulo 4; `padded` up to a multiple of 4."""
        layout = "<" + prefix + ("x" if self.after_string else "")
        position = residue + self.after_string
        for code, size, alignment in self._parts():
            padding = -position % alignment
            layout += "x" * padding + code
            position += padding + size
        return struct.Struct(layout + "x" * (-position % 4) * padded)

    def end(self, start: str) -> str:
        """Expression for the offset behind this block when it starts at the offset `start`."""
        lead = int(self.after_string)
        for _, size, alignment in self._parts():
            if alignment > 1:
                rest = self.struct_at(0).size - (lead + 3 & -4)
                return f"({start} + {lead + 3} & -4) + {rest}"
            lead += size
        return f"{start} + {lead}" if lead else start

    def _parts(self) -> Iterator[tuple[str, int, int]]:
        for leaf in self.fixed:
            yield (f"{leaf.bound}s", leaf.bound or 0, 1) if leaf.kind == "array" else CODES[leaf.kind]
        if self.variable is not None:
            yield CODES["uint32"]


def _blocks(leaves: Sequence[Leaf]) -> list[_Block]:
    blocks: list[_Block] = []
    start, after_string = 0, False
    for index, leaf in enumerate(leaves):
        if leaf.kind in ("string", "sequence"):
            blocks.append(_Block(start, tuple(leaves[start:index]), leaf, after_string))
            start, after_string = index + 1, leaf.kind == "string"
    blocks.append(_Block(start, tuple(leaves[start:]), None, after_string))
    return blocks


def _names(prefix: str, block: _Block) -> list[str]:
    return [f"{prefix}{block.start + index}" for index in range(len(block.fixed))]


def _compile_encoder(type_name: str, leaves: tuple[Leaf, ...]) -> Callable[..., bytes]:
    scope: dict[str, Any] = {
        "join": b"".join,
        "header": ENCAPSULATION,
        "bad_values": (AttributeError, TypeError, UnicodeEncodeError, struct.error),
        "refuse": lambda *values: refuse(type_name, leaves, values),
    }
    prepare, checks, parts, lengths = [], [], [], []
    end, residue = "8", ""
    for number, block in enumerate(_blocks(leaves)):
        for index, leaf in enumerate(block.fixed, block.start):
            checks += _fixed_checks(leaf, f"m{index}", f"values{index}", scope)
        arguments = _names("m", block)
        if block.variable is not None:
            index = block.start + len(block.fixed)
            prepare += [_to_bytes(block.variable, index), f"n{index} = len(b{index})"]
            checks += _variable_checks(block.variable, index)
            arguments.append(f"n{index} + 1" if block.variable.kind == "string" else f"n{index}")
        if number == 0:
            scope["pack0"] = block.struct_at(0, "4sI", padded=block.variable is None).pack
            parts.append(f"pack0({', '.join(['header', 'end - 8', *arguments])})")
            end = str(8 + block.struct_at(0).size)
        else:
            structs = [block.struct_at(start, padded=block.variable is None) for start in range(4)]
            if arguments:
                scope[f"pack{number}"] = tuple(each.pack for each in structs)
                parts.append(f"pack{number}[{residue} & 3]({', '.join(arguments)})")
            else:
                scope["padding"] = tuple(each.pack() for each in structs)
                parts.append(f"padding[{residue} & 3]")
            lengths.append(f"end = {block.end(f'end + {residue}')}")
        if block.variable is not None:
            parts.append(f"b{index}")
            residue = f"n{index}"
    parameters = [f"m{index}" for index in range(len(leaves))]
    source = f"""
def encode({", ".join(parameters)}):
    try:
        {"; ".join(prepare) or "pass"}
        if {" or ".join(checks) or "False"}:
            refuse({", ".join(parameters)})
        end = {end}
        {"; ".join(lengths) or "pass"}
        return join(({", ".join(parts)},))
    except bad_values:
        refuse({", ".join(parameters)})
"""
    return _execute(source, "encode", scope)


def _to_bytes(leaf: Leaf, index: int) -> str:
    return f"b{index} = m{index}.encode()" if leaf.kind == "string" else f"b{index} = m{index}"


def _variable_checks(leaf: Leaf, index: int) -> list[str]:
    checks = [f"'\\0' in m{index}" if leaf.kind == "string" else f"type(m{index}) is not bytes"]
    if leaf.bound is not None:
        checks.append(f"n{index} > {leaf.bound}")
    return checks


def _fixed_checks(leaf: Leaf, variable: str, values: str, scope: dict[str, Any]) -> list[str]:
    if leaf.kind == "array":
        return [f"type({variable}) is not bytes", f"len({variable}) != {leaf.bound}"]
    if leaf.kind == "boolean":
        return [f"{variable} is not True and {variable} is not False"]
    if leaf.kind == "enum":
        scope[values] = leaf.enumerators
        return [f"{variable} not in {values}"]
    return []


def _compile_decoder(type_name: str, leaves: tuple[Leaf, ...], *, complete: bool) -> Callable[[bytes], tuple[Any, ...]]:
    scope: dict[str, Any] = {
        "header": struct.Struct("<4sI").unpack_from,
        "encapsulation": ENCAPSULATION[:2],
        "bad_bytes": (IndexError, UnicodeDecodeError, struct.error),
        "check": lambda data: decode_checked(type_name, leaves, data, complete=complete),
    }
    lines, checks = [], []
    end = "8"
    for number, block in enumerate(_blocks(leaves)):
        targets = _names("m", block)
        for index, leaf in enumerate(block.fixed, block.start):
            if leaf.kind == "enum":
                checks += _fixed_checks(leaf, f"m{index}", f"values{index}", scope)
        if block.variable is not None:
            index = block.start + len(block.fixed)
            targets.append(f"n{index}")
        if targets:
            if number == 0:
                scope["unpack0"] = block.struct_at(0).unpack_from
                lines.append(f"{', '.join(targets)}, = unpack0(data, 8)")
            else:
                scope[f"unpack{number}"] = tuple(block.struct_at(residue).unpack_from for residue in range(4))
                lines.append(f"{', '.join(targets)}, = unpack{number}[{end} & 3](data, {end})")
        start = str(8 + block.struct_at(0).size) if number == 0 else block.end(end)
        if block.variable is None:
            end = start
            break
        lines.append(f"p = {start}")
        end = f"e{index}"
        if block.variable.kind == "string":
            lines += [f"{end} = p + n{index} - 1", f"m{index} = data[p:{end}].decode()"]
            checks += [f"data[{end}]", f"'\\0' in m{index}"]
        else:
            lines += [f"{end} = p + n{index}", f"m{index} = data[p:{end}]"]
        if block.variable.bound is not None:
            checks.append(f"n{index} > {block.variable.bound + (block.variable.kind == 'string')}")
    values = "".join(f"m{index}, " for index in range(len(leaves)))
    source = f"""
def decode(data):
    try:
        start, size = header(data)
        {"; ".join(lines) or "pass"}
        if {end} > size + 8 or size + 8 > len(data) or start[:2] != encapsulation or {" or ".join(checks) or "False"}:
            return check(data)
        return ({values})
    except bad_bytes:
        return check(data)
"""
    return _execute(source, "decode", scope)


def _execute(source: str, name: str, scope: dict[str, Any]) -> Callable[..., Any]:
    exec(source, scope)
    compiled: Callable[..., Any] = scope[name]
    return compiled
