"""Payloads nobody should send."""

from __future__ import annotations

import random
import struct
from typing import Any

from genesis_lib.dds.cdr import codec

HEADER = b"\x00\x09\x00\x00"


def with_values(type_name: str, valid: bytes, **values: Any) -> bytes:
    """A payload with some of its members replaced."""
    of_type = codec(type_name)
    members = dict(zip(of_type.fields, of_type.decode(valid), strict=True))
    assert set(values) <= set(members)
    return of_type.encode(*{**members, **values}.values())


def framed(body: bytes) -> bytes:
    """A body with encapsulation and a DHEADER that fits."""
    return HEADER + struct.pack("<I", len(body)) + body


def undecodable(valid: bytes) -> list[bytes]:
    """Bytes that are no sample of the type, some of them nearly."""
    body = valid[8:]
    return [
        HEADER,
        framed(b""),
        framed(b"\xff" * 200),
        framed(body[: len(body) // 2]),
        framed(struct.pack("<I", 2**31) + b"abc"),
        valid[:8] + b"\xff" * 300,
        HEADER + struct.pack("<I", 2**32 - 1) + body,
        valid[: len(valid) // 2],
        b"\x00\x01" + valid[2:],
        b"\x00\x07" + valid[2:],
        b"\xff\xff" + valid[2:],
    ]


def mutated(valid: bytes, count: int) -> list[bytes]:
    """Copies of a payload with a few bytes changed, the same ones each time."""
    chosen = random.Random(7)
    copies = []
    for _ in range(count):
        copy = bytearray(valid)
        for _ in range(chosen.randint(1, 4)):
            copy[chosen.randrange(4, len(copy))] = chosen.choice((0, 1, 0x7F, 0x80, 0xFF, chosen.randrange(256)))
        copies.append(bytes(copy))
    return copies


# For members that hold JSON.
NO_OBJECTS = ["{", "[]", "1", "null", '"x"', "[" * 1000, '{"a":' * 200, "9" * 1000, "NaN", "\ufeff{}", " "]
NO_NAMES = ["[", "{}", "1", "null", '"x"', "[1]", "[null]", "[[]]", '[["a"]]', '{"a":1}', "[" * 1000, "9" * 1000]
EXTREME_INT32 = [-(2**31), -1, 2**31 - 1]
EXTREME_INT64 = [-(2**63), -1, 2**63 - 1]
