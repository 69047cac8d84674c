"""XCDR2 for the structs of the data model: an encoder and a decoder compiled for each of them.

A payload is a whole serialized sample as DDS products put it on the wire (XTypes 1.3, 7.4.3 and 7.6.2): the
encapsulation header of DELIMITED_CDR2 little endian, the DHEADER with the length of what follows, the members aligned to
at most 4, and zeros up to a multiple of 4. Nested final structs are flattened in place: members go in and come out as one
flat sequence of leaves in the order of the XML.

The compiled functions know one shape, a complete and valid sample. Whatever does not fit it (a wrong value, bytes of an
older writer, hostile bytes) goes to the plain functions of `cdr_check`, which find out what is the matter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from genesis_lib.dds import datamodel
from genesis_lib.dds.cdr_check import flatten
from genesis_lib.dds.cdr_decoder import compile_decoder
from genesis_lib.dds.cdr_encoder import compile_encoder
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
def codec(type_name: str, *recurring: str) -> Codec:
    """The codec of a topic type of `config/datamodel.xml`.

    Args:
        type_name: the struct's unqualified name.
        recurring: the strings that hold the same few values in most samples; to encode those costs less.
    """
    return compile_codec(datamodel.struct(type_name), *recurring)


def compile_codec(declared: Struct, *recurring: str) -> Codec:
    """The codec of an appendable struct of any data model; see `codec`.

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
    unknown = set(recurring).difference(leaf.name for leaf in leaves if leaf.kind == "string")
    if unknown:
        raise ConfigError(f"{declared.qualified_name} has no string {', '.join(sorted(unknown))}")
    return Codec(
        declared.name,
        fields,
        tuple(leaf.name for leaf in keys),
        compile_encoder(declared.name, leaves, recurring),
        compile_decoder(declared.name, leaves, complete=False),
        compile_encoder(declared.name, keys),
        compile_decoder(declared.name, keys, complete=True),
    )
