"""Whatever bytes come in, decoding them gives a value or a DecodeError, never anything else."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genesis_lib.dds.cdr import codec
from genesis_lib.discovery.wire import (
    decode_agent,
    decode_agent_key,
    decode_function,
    decode_function_key,
    encode_agent,
    encode_function,
)
from genesis_lib.errors import DecodeError, GenesisError
from genesis_lib.events import EventKind, MonitoringEvent
from genesis_lib.messages import AgentInfo, AgentReply, AgentRequest, Attachment, FunctionInfo
from genesis_lib.monitoring.wire import decode_event, decode_status, encode_event
from genesis_lib.rpc.batch import decode_items, decode_replies
from genesis_lib.rpc.wire import decode_reply, decode_request, encode_reply, encode_request

EXAMPLES = 100
HEADER = b"\x00\x09\x00\x00"

_info = AgentInfo(
    "id", "name", "text", "general", "s_id", 1, ("a", "b"), ("c",), {"m": 1}, ("t",), {"p": 2.5}, True, "host", 7
)
VALID: dict[Callable[[bytes], Any], bytes] = {
    decode_request: encode_request(
        AgentRequest(
            "message",
            bytes(16),
            7,
            conversation_id="c",
            call_path=("a", "b"),
            timeout_ns=10**9,
            metadata={"a": 1},
            attachments=(Attachment("a", "b/c", b"data"),),
        )
    ),
    decode_reply: encode_reply(
        AgentReply("message", 0, "c", "r", {"a": 1}, (Attachment("a", "b/c", b"data"),), writer_guid=bytes(16))
    ),
    decode_agent: encode_agent(_info),
    decode_function: encode_function(FunctionInfo("p", "f", "d", {"type": "object"}, "s")),
    decode_event: encode_event(MonitoringEvent("e", EventKind.CHAIN, "T", 1, "c", payload={"a": 1})),
    decode_status: codec("ComponentStatus").encode("id", "agent", "n", "ready", "h", 1),
    decode_agent_key: codec("AgentCapability").encode_key("id"),
    decode_function_key: codec("FunctionCapability").encode_key("p", "f"),
}
DECODERS = pytest.mark.parametrize("decode", list(VALID), ids=lambda decode: str(decode.__name__))

# Texts that members holding JSON may have: not JSON, JSON of the wrong kind, enormous, deep, with odd characters.
hostile_json = st.one_of(
    st.text(max_size=50),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
        max_leaves=10,
    ).map(repr),
    st.sampled_from(
        [
            "[" * 2000,
            '{"a":' * 400,
            "9" * 2000,
            "1e999",
            "-0",
            "NaN",
            "Infinity",
            '"\\ud800"',
            '["\\ud800"]',
            '["\\u0000"]',
            '{"a":1,"a":2}',
            "null",
            "true",
            "[[]]",
            '[["a","b",-1]]',
            '[["a","b",99999999999999999999]]',
            '[["a","b",true]]',
            '[["a","b",1.5]]',
            '[["a","b"]]',
            '[["a","b",4,5]]',
            "\ufeff{}",
            "{}{}",
            " ",
        ]
    ),
).filter(lambda text: ("\0" not in text and text.isprintable()) or (text.isascii() and "\0" not in text))


def only_decode_errors(decode: Callable[[bytes], Any], data: bytes) -> None:
    with suppress(DecodeError):
        decode(data)


@DECODERS
def test_the_samples_themselves_decode(decode: Callable[[bytes], Any]) -> None:
    decode(VALID[decode])


@DECODERS
@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.binary(max_size=400))
def test_any_bytes(decode: Callable[[bytes], Any], data: bytes) -> None:
    only_decode_errors(decode, data)
    only_decode_errors(decode, HEADER + struct.pack("<I", len(data)) + data)


@DECODERS
@settings(max_examples=EXAMPLES, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 255)), min_size=1, max_size=4))
def test_valid_bytes_with_some_changed(decode: Callable[[bytes], Any], changes: list[tuple[int, int]]) -> None:
    data = bytearray(VALID[decode])
    for position, value in changes:
        data[position % len(data)] = value
    only_decode_errors(decode, bytes(data))


@DECODERS
@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data())
def test_valid_bytes_cut_or_spliced(decode: Callable[[bytes], Any], data: st.DataObject) -> None:
    valid = VALID[decode]
    start, end = sorted((data.draw(st.integers(0, len(valid))), data.draw(st.integers(0, len(valid)))))
    spliced = valid[:start] + data.draw(st.binary(max_size=20)) + valid[end:]
    only_decode_errors(decode, spliced)
    only_decode_errors(decode, spliced[:4] + struct.pack("<I", max(len(spliced) - 8, 0)) + spliced[8:])


@DECODERS
@settings(max_examples=EXAMPLES, deadline=None)
@given(position=st.integers(0, 100), number=st.sampled_from([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFC]))
def test_lengths_and_numbers_out_of_all_bounds(decode: Callable[[bytes], Any], position: int, number: int) -> None:
    data = bytearray(VALID[decode])
    offset = position * 4 % (len(data) - 3)
    data[offset : offset + 4] = struct.pack("<I", number)
    only_decode_errors(decode, bytes(data))


@pytest.mark.parametrize(
    ("decode", "type_name", "members"),
    [
        (decode_request, "AgentAgentRequest", ["call_path", "metadata", "attachment_manifest"]),
        (decode_reply, "AgentAgentReply", ["metadata", "attachment_manifest"]),
        (
            decode_agent,
            "AgentCapability",
            ["capabilities", "specializations", "model_info", "classification_tags", "performance_metrics"],
        ),
        (decode_function, "FunctionCapability", ["parameter_schema"]),
        (decode_event, "MonitoringEvent", ["payload"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@settings(max_examples=EXAMPLES, deadline=None)
@given(text=hostile_json, data=st.data())
def test_hostile_texts_in_members_that_hold_json(
    decode: Callable[[bytes], Any], type_name: str, members: list[str], text: str, data: st.DataObject
) -> None:
    of_type = codec(type_name)
    values = dict(zip(of_type.fields, of_type.decode(VALID[decode]), strict=True))
    values[data.draw(st.sampled_from(members))] = text
    try:
        payload = of_type.encode(*values.values())
    except GenesisError:
        return  # over the member's bound
    only_decode_errors(decode, payload)


@pytest.mark.parametrize("payload", ["[]", "1", '"x"', "null", "true", "[" * 2000])
def test_an_event_whose_payload_is_no_object_does_not_decode(payload: str) -> None:
    event = codec("MonitoringEvent")
    values = dict(zip(event.fields, event.decode(VALID[decode_event]), strict=True))
    with pytest.raises(DecodeError):
        decode_event(event.encode(*{**values, "payload": payload}.values()))


@settings(max_examples=EXAMPLES, deadline=None)
@given(text=hostile_json, expected=st.integers(0, 3))
def test_hostile_batches(text: str, expected: int) -> None:
    only_decode_errors(lambda _: decode_items(AgentRequest(text), 2**20), b"")
    only_decode_errors(lambda _: decode_replies(AgentReply(text), expected), b"")


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    high=st.integers(-(2**31), 2**31 - 1),
    low=st.integers(0, 2**32 - 1),
    timeout_ns=st.integers(-(2**63), 2**63 - 1),
    kind=st.integers(-(2**31), 2**31 - 1),
)
def test_hostile_numbers_in_a_request(high: int, low: int, timeout_ns: int, kind: int) -> None:
    of_type = codec("AgentAgentRequest")
    values = dict(zip(of_type.fields, of_type.decode(VALID[decode_request]), strict=True))
    values.update(high=high, low=low, timeout_ns=timeout_ns, kind=kind)
    only_decode_errors(decode_request, of_type.encode(*values.values()))
