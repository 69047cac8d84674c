"""The codec: against Cyclone's own serializer, across versions of a type, and against hostile bytes and values."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genesis_lib.dds.cdr import Codec, codec, compile_codec
from genesis_lib.dds.cdr_check import decode_checked
from genesis_lib.dds.cyclone_types import build_struct
from genesis_lib.dds.datamodel import Struct, load_datamodel, struct
from genesis_lib.errors import ConfigError, DecodeError, InvalidRequest, MessageTooLarge
from tests.dds.samples import cyclone_payload, cyclone_sample, cyclone_values, leaves, values

TOPIC_TYPES = load_datamodel().topic_types
KEYED_TYPES = [name for name in TOPIC_TYPES if codec(name).key_fields]
every_topic_type = pytest.mark.parametrize("type_name", TOPIC_TYPES)

REQUEST = (
    bytes(range(16)), 0, 7, "Weather", 0, "Will it rain in Monument, Colorado?", "c1", "alice", "", "", "", "[]", 10**10,
    True, "{}", '[["a.bin","application/octet-stream",3]]', b"\x00\xff\x7f",
)  # fmt: skip


@every_topic_type
@given(data=st.data())
def test_bytes_equal_those_of_cyclone_and_decode_to_the_same_values(type_name: str, data: st.DataObject) -> None:
    declared, compiled = struct(type_name), codec(type_name)
    flat = data.draw(values(declared))
    payload = compiled.encode(*flat)
    sample = cyclone_sample(declared, flat)
    assert payload == cyclone_payload(sample)
    assert with_recurring(declared).encode(*flat) == payload
    assert compiled.decode(payload) == flat
    assert compiled.decode(sample.serialize()) == flat
    assert cyclone_values(declared, build_struct(declared).deserialize(payload)) == flat


@cache
def with_recurring(declared: Struct) -> Codec:
    """Its codec with every string taken for one that comes again and again."""
    return compile_codec(declared, *(leaf.name for leaf in leaves(declared) if leaf.kind == "string"))


@pytest.mark.parametrize("type_name", KEYED_TYPES)
@given(data=st.data())
def test_keys_equal_those_of_cyclone(type_name: str, data: st.DataObject) -> None:
    declared, compiled = struct(type_name), codec(type_name)
    flat = data.draw(values(declared))
    keys = tuple(flat[compiled.fields.index(name)] for name in compiled.key_fields)
    of_cyclone = cyclone_sample(declared, flat).serialize_key()
    assert compiled.encode_key(*keys) == of_cyclone.ljust(len(of_cyclone) + 3 & -4, b"\0")
    assert compiled.decode_key(of_cyclone) == keys


def test_fields_are_flattened_in_the_order_of_the_xml() -> None:
    assert codec("AgentAgentRequest").fields[:6] == ("writer_guid", "high", "low", "instance_name", "kind", "message")
    assert codec("AgentAgentReply").fields[:5] == ("writer_guid", "high", "low", "remote_exception", "part_number")
    assert codec("FunctionCapability").key_fields == ("provider_id", "name")


def test_a_large_attachment_survives() -> None:
    attachment = bytes(range(256)) * 40_960
    compiled = codec("AgentAgentRequest")
    assert compiled.decode(compiled.encode(*REQUEST[:-1], attachment))[-1] == attachment


# Shapes that the data model of today does not have, which an XML may have.
ODD_MODEL = """<dds><types><module name="odd">
  <enum name="Colour"><enumerator name="RED" value="2"/><enumerator name="GREEN" value="5"/></enum>
  <struct name="Inner" extensibility="final">
    <member name="flag" type="boolean"/><member name="small" type="octet"/>
  </struct>
  <struct name="KeyedInner" extensibility="final">
    <member name="id" type="string" stringMaxLength="9" key="true"/><member name="note" type="int64"/>
  </struct>
  <struct name="Odd" extensibility="appendable">
    <member name="who" type="nonBasic" nonBasicTypeName="odd::KeyedInner" key="true"/>
    <member name="name" type="string" stringMaxLength="-1"/>
    <member name="inner" type="nonBasic" nonBasicTypeName="odd::Inner"/>
    <member name="number" type="int64"/>
    <member name="blob" type="octet" sequenceMaxLength="5000"/>
    <member name="three" type="octet" arrayDimensions="3"/>
    <member name="colour" type="nonBasic" nonBasicTypeName="odd::Colour"/>
    <member name="text" type="string" stringMaxLength="-1"/>
    <member name="last" type="boolean"/>
  </struct>
  <struct name="Fixed" extensibility="appendable"><member name="yes" type="boolean"/></struct>
  <struct name="Blob" extensibility="appendable"><member name="bytes" type="octet" sequenceMaxLength="-1"/></struct>
</module></types></dds>"""


@pytest.fixture(scope="module")
def odd_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "odd.xml"
    path.write_text(ODD_MODEL)
    return path


@pytest.mark.parametrize("name", ["Odd", "Fixed", "Blob"])
@given(data=st.data())
def test_other_shapes_equal_cyclone_too(odd_model: Path, name: str, data: st.DataObject) -> None:
    declared = load_datamodel(odd_model).struct(name)
    compiled = compile_codec(declared)
    flat = data.draw(values(declared))
    payload = compiled.encode(*flat)
    assert payload == cyclone_payload(cyclone_sample(declared, flat))
    assert with_recurring(declared).encode(*flat) == payload
    assert compiled.decode(payload) == flat


def test_the_key_of_a_nested_struct_is_its_key_members(odd_model: Path) -> None:
    declared = load_datamodel(odd_model).struct("Odd")
    compiled = compile_codec(declared)
    flat = ("me", 1, "n", True, 2, 3, b"", b"abc", 5, "t", False)
    of_cyclone = cyclone_sample(declared, flat).serialize_key()
    assert compiled.key_fields == ("id",)
    assert compiled.encode_key("me") == of_cyclone.ljust(len(of_cyclone) + 3 & -4, b"\0")


def test_a_final_struct_is_no_topic_type() -> None:
    with pytest.raises(ConfigError, match="RequestHeader is final"):
        codec("RequestHeader")


# Older and newer versions of a type


def model_text() -> str:
    return load_datamodel().path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Today's model with the last two members of AgentCapability left out, and with members added to it and to the request."""
    today = model_text()
    lines = today.splitlines(keepends=True)
    older = "".join(
        line for line in lines if '"service_instance_tag"' not in line and '"agent_communication"' not in line
    )
    added = '<member name="colour" type="string" stringMaxLength="8"/><member name="weight" type="int64"/></struct>'
    newer = re.sub(
        r'(<struct name="(?:AgentCapability|AgentAgentRequest)".*?)</struct>', rf"\1{added}", today, flags=re.S
    )
    assert older != today
    assert newer.count("colour") == 2
    folder = tmp_path_factory.mktemp("models")
    paths = {name: folder / f"{name}.xml" for name in ("older", "newer")}
    paths["older"].write_text(older, encoding="utf-8")
    paths["newer"].write_text(newer, encoding="utf-8")
    return paths


CAPABILITY = (
    "id-1", "Weather", "Knows the weather", "specialized", "WeatherService_id-1", 1_700_000_000, "[]", "[]", "{}", "[]",
    "{}", 0, "host", 42, "tag", 1,
)  # fmt: skip


def test_an_older_writer_leaves_the_newest_members_empty(neighbours: dict[str, Path]) -> None:
    older = load_datamodel(neighbours["older"]).struct("AgentCapability")
    today = struct("AgentCapability")
    payload = compile_codec(older).encode(*CAPABILITY[:-2])
    assert codec("AgentCapability").decode(payload) == (*CAPABILITY[:-2], "", 0)
    assert cyclone_values(today, build_struct(today).deserialize(payload)) == (*CAPABILITY[:-2], "", 0)


def test_a_newer_writers_members_are_skipped(neighbours: dict[str, Path]) -> None:
    newer = load_datamodel(neighbours["newer"])
    payload = compile_codec(newer.struct("AgentCapability")).encode(*CAPABILITY, "red", 7)
    today = struct("AgentCapability")
    assert codec("AgentCapability").decode(payload) == CAPABILITY
    assert cyclone_values(today, build_struct(today).deserialize(payload)) == CAPABILITY
    request = compile_codec(newer.struct("AgentAgentRequest")).encode(*REQUEST, "red", 7)
    assert codec("AgentAgentRequest").decode(request) == REQUEST


def test_a_newer_reader_reads_an_older_writer_through_an_octet_sequence(neighbours: dict[str, Path]) -> None:
    newer = load_datamodel(neighbours["newer"]).struct("AgentAgentRequest")
    for attachment in (b"", b"a", b"ab", b"abc", b"abcd"):
        flat = (*REQUEST[:-1], attachment)
        payload = codec("AgentAgentRequest").encode(*flat)
        assert compile_codec(newer).decode(payload) == (*flat, "", 0)


def test_missing_members_have_the_defaults_of_their_type(odd_model: Path) -> None:
    declared = load_datamodel(odd_model).struct("Odd")
    shortest = Struct(declared.qualified_name, "appendable", declared.members[:1])
    payload = compile_codec(shortest).encode("me", 1)
    assert compile_codec(declared).decode(payload) == ("me", 1, "", False, 0, 0, b"", b"\0\0\0", 2, "", False)


# Hostile bytes


def with_header(body: bytes, size: int | None = None) -> bytes:
    return b"\x00\x09\x00\x00" + (len(body) if size is None else size).to_bytes(4, "little") + body


@every_topic_type
@given(data=st.data())
@settings(max_examples=10)
def test_truncation_at_any_offset_is_refused_or_an_older_sample(type_name: str, data: st.DataObject) -> None:
    compiled = codec(type_name)
    flat = data.draw(values(struct(type_name)))
    payload = compiled.encode(*flat)
    end = 8 + int.from_bytes(payload[4:8], "little")
    step = max(1, end // 300)
    for cut in range(0, end, step):
        with pytest.raises(DecodeError, match=type_name):
            compiled.decode(payload[:cut])
        if cut >= 8:
            body = payload[8:cut]
            assert_refused_or_valid(type_name, compiled, with_header(body))


@every_topic_type
@given(junk=st.binary(max_size=300))
def test_random_bytes_are_refused_or_valid(type_name: str, junk: bytes) -> None:
    compiled = codec(type_name)
    assert_refused_or_valid(type_name, compiled, junk)
    assert_refused_or_valid(type_name, compiled, with_header(junk))
    assert_refused_or_valid(type_name, compiled, with_header(junk, size=2**32 - 1))


@every_topic_type
@given(data=st.data())
def test_damaged_bytes_are_refused_or_valid(type_name: str, data: st.DataObject) -> None:
    compiled = codec(type_name)
    damaged = bytearray(compiled.encode(*data.draw(values(struct(type_name)))))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    assert_refused_or_valid(type_name, compiled, bytes(damaged))


@given(junk=st.binary(max_size=80))
def test_a_key_is_refused_or_complete(junk: bytes) -> None:
    compiled = codec("FunctionCapability")
    for payload in (junk, with_header(junk)):
        try:
            assert len(compiled.encode_key(*compiled.decode_key(payload))) >= 8
        except DecodeError:
            continue


def assert_refused_or_valid(type_name: str, compiled: Codec, payload: bytes) -> None:
    """Either DecodeError or values that can be sent on; the compiled decoder and the plain one agree."""
    try:
        flat = compiled.decode(payload)
    except DecodeError:
        with pytest.raises(DecodeError):
            decode_checked(type_name, leaves(struct(type_name)), payload, complete=False)
    else:
        assert compiled.decode(compiled.encode(*flat)) == flat
        assert decode_checked(type_name, leaves(struct(type_name)), payload, complete=False) == flat


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        (b"", "AgentAgentRequest at offset 0: 0 bytes are too few"),
        (b"\x00\x01\x00\x00" + bytes(60), "offset 0: encapsulation 0001"),
        (with_header(b"", size=100), "offset 4: the DHEADER promises 100 bytes, 0 are there"),
        (with_header(bytes(15)), r"header.request_id.writer_guid at offset 8: needs 16 bytes, 15 are left"),
        (with_header(bytes(20)), r"header.request_id.sequence_number.low at offset 28: needs 4 bytes, 0 are left"),
        (with_header(bytes(24) + b"\xff\xff\xff\xff"), "header.instance_name at offset 36: needs 4294967295 bytes"),
        (
            with_header(bytes(24) + b"\x02\0\0\0ab"),
            "header.instance_name at offset 36: the string does not end with NUL",
        ),
        (with_header(bytes(24) + b"\x03\0\0\0a\0\0"), "header.instance_name at offset 37: the string has a NUL"),
        (with_header(bytes(24) + b"\x03\0\0\0a\xff\0"), "header.instance_name at offset 37: the string is not UTF-8"),
        (with_header(bytes(24) + b"\x02\x01\0\0" + b"x" * 257 + b"\0"), "257 bytes are over its bound of 255"),
    ],
)
def test_refusals_say_what_is_wrong_and_where(payload: bytes, problem: str) -> None:
    with pytest.raises(DecodeError, match=problem):
        codec("AgentAgentRequest").decode(payload)


def test_an_unknown_enumerator_is_refused() -> None:
    body = bytes(24) + b"\x09\0\0\0"
    with pytest.raises(DecodeError, match=r"remote_exception at offset 32: 9 is none of its values \[0, 1, 2"):
        codec("AgentAgentReply").decode(with_header(body))


# Values that cannot be sent


def refused(field: str, value: Any, type_name: str = "AgentAgentRequest", base: tuple[Any, ...] = REQUEST) -> str:
    """The problem, which is the same whether the member's values are taken for recurring ones or not."""
    problems = []
    for compiled in (codec(type_name), with_recurring(struct(type_name))):
        flat = list(base)
        flat[compiled.fields.index(field)] = value
        with pytest.raises(InvalidRequest) as caught:
            compiled.encode(*flat)
        problems.append(str(caught.value))
    assert problems[0] == problems[1]
    return problems[0]


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("message", "a\0b", "AgentAgentRequest.message has a NUL character at index 1; DDS strings hold none"),
        ("message", "ab\ud800", "AgentAgentRequest.message is not valid text: lone surrogate at index 2"),
        ("message", b"bytes", "AgentAgentRequest.message must be str, not bytes"),
        ("message", None, "AgentAgentRequest.message must be str, not NoneType"),
        ("kind", "0", "AgentAgentRequest.kind must be int, not str"),
        ("kind", 1.0, "AgentAgentRequest.kind must be int, not float"),
        ("kind", 2**31, "AgentAgentRequest.kind is 2147483648, out of the range of int32"),
        ("low", -1, "AgentAgentRequest.header.request_id.sequence_number.low is -1, out of the range of uint32"),
        ("timeout_ns", 2**63, f"AgentAgentRequest.timeout_ns is {2**63}, out of the range of int64"),
        ("idempotent", 1, "AgentAgentRequest.idempotent must be bool, not int"),
        (
            "writer_guid",
            bytes(15),
            "AgentAgentRequest.header.request_id.writer_guid has 15 bytes where exactly 16 belong",
        ),
        ("writer_guid", "x" * 16, "AgentAgentRequest.header.request_id.writer_guid must be bytes, not str"),
        ("attachment_data", "text", "AgentAgentRequest.attachment_data must be bytes, not str"),
        ("attachment_data", bytearray(3), "AgentAgentRequest.attachment_data must be bytes, not bytearray"),
    ],
)
def test_wrong_values_are_refused_with_the_members_name(field: str, value: Any, problem: str) -> None:
    assert refused(field, value) == problem


def test_an_enum_takes_its_own_values_only() -> None:
    base = (bytes(16), 0, 1, 0, 0, 1, "hello", 0, "c", "bob", "{}", "[]", b"", 0)
    problem = refused("remote_exception", 6, "AgentAgentReply", base)
    assert problem == "AgentAgentReply.header.remote_exception is 6, which is none of its values [0, 1, 2, 3, 4, 5]"


@pytest.mark.parametrize("character", ["x", "é", "\N{GRINNING FACE}"])
@pytest.mark.parametrize("compiled", [codec("AgentCapability"), with_recurring(struct("AgentCapability"))])
def test_bounds_count_bytes(character: str, compiled: Codec) -> None:
    width = len(character.encode())
    fits = character * (256 // width)
    assert compiled.decode(compiled.encode("id", fits, *CAPABILITY[2:]))[1] == fits
    with pytest.raises(MessageTooLarge, match=rf"AgentCapability.name has {256 + width} bytes, its bound is 256"):
        compiled.encode("id", fits + character, *CAPABILITY[2:])
    with pytest.raises(MessageTooLarge, match=r"AgentCapability\.agent_id has 129 bytes, its bound is 128"):
        compiled.encode_key("x" * 129)


def test_a_bounded_sequence_keeps_its_bound(odd_model: Path) -> None:
    compiled = compile_codec(load_datamodel(odd_model).struct("Odd"))
    with pytest.raises(MessageTooLarge, match=r"Odd\.blob has 5001 bytes, its bound is 5000"):
        compiled.encode("me", 1, "n", True, 2, 3, bytes(5001), b"abc", 5, "t", False)


# Strings that come again and again


class Careless(str):
    """Takes upper and lower case for the same."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and self.lower() == other.lower()

    def __hash__(self) -> int:
        return hash(self.lower())


def test_a_string_that_claims_to_be_another_one_is_not_kept_for_it() -> None:
    compiled = with_recurring(struct("FunctionCapability"))
    for name in (Careless("ABC"), "abc"):
        values_of = compiled.decode(compiled.encode("id", name, "", "{}", "service"))
        assert values_of[1] == str(name)


class Unhashable(str):
    __hash__ = None  # type: ignore[assignment]


def test_a_string_without_a_hash_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"FunctionCapability\.name is a Unhashable without a hash"):
        with_recurring(struct("FunctionCapability")).encode("id", Unhashable("abc"), "", "{}", "service")


def test_only_strings_of_the_struct_can_be_recurring() -> None:
    with pytest.raises(ConfigError, match="AgentAgentReply has no string message_id, status"):
        codec("AgentAgentReply", "message", "status", "message_id")
