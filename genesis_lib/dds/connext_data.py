"""Samples between CDR bytes and RTI Connext's DynamicData."""

from __future__ import annotations

from functools import cache
from typing import Any

import rti.connextdds as dds

from genesis_lib.dds.cdr import codec
from genesis_lib.dds.datamodel import config_file, struct
from genesis_lib.errors import BusError


@cache
def _types() -> dds.QosProvider:
    return dds.QosProvider(str(config_file("datamodel.xml")))


@cache
def dynamic_type(type_name: str) -> dds.StructType:
    """The type of a topic, by the unqualified name of its struct in `config/datamodel.xml`."""
    found = _types().type(struct(type_name).qualified_name)
    assert isinstance(found, dds.StructType)
    return found


def payload_to_data(payload: bytes, type_name: str) -> dds.DynamicData:
    """A sample from its bytes.

    Raises:
        BusError: they are not a sample of this type.
    """
    try:
        return dds.DynamicData(dynamic_type(type_name)).from_cdr_buffer(dds.Uint8Seq(payload))
    except dds.Exception as error:
        raise BusError(f"RTI Connext refuses a sample of type {type_name}: {error}") from error


def data_to_payload(data: dds.DynamicData) -> bytes:
    """The bytes of a sample, without the zeros that pad it to a multiple of 4 on the wire."""
    buffer: Any = data.to_cdr_buffer()  # supports the buffer protocol, though its stub does not say so
    return bytes(memoryview(buffer))


def key_to_data(key_payload: bytes, type_name: str) -> dds.DynamicData:
    """A sample that has the key members only."""
    data = dds.DynamicData(dynamic_type(type_name))
    compiled = codec(type_name)
    for name, value in zip(compiled.key_fields, compiled.decode_key(key_payload), strict=True):
        data[name] = value
    return data


def data_to_key(data: dds.DynamicData, type_name: str) -> bytes:
    """The payload of the key members of a sample."""
    compiled = codec(type_name)
    return compiled.encode_key(*(data[name] for name in compiled.key_fields))
