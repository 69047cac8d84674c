"""Announcements of participants are told from everything else that may come in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from genesis_lib.cli.spdp import announced_by
from tests.bad_input import rtps

PARTICIPANT = bytes(range(1, 13))
SPDP_WRITER = PARTICIPANT + bytes.fromhex("000100c2")
SEDP_WRITER = PARTICIPANT + bytes.fromhex("000003c2")
TIMESTAMP = rtps.submessage(0x09, 0x01, bytes(8))


def announcement() -> bytes:
    return rtps.message(SPDP_WRITER, TIMESTAMP, rtps.data(SPDP_WRITER, 1, b"\x00\x03\x00\x00\x01\x00\x00\x00"))


def test_an_announcement_names_its_participant() -> None:
    assert announced_by(announcement()) == PARTICIPANT


def test_other_data_is_none() -> None:
    assert announced_by(rtps.message(SEDP_WRITER, TIMESTAMP, rtps.data(SEDP_WRITER, 1, bytes(8)))) is None
    assert announced_by(rtps.message(SPDP_WRITER, rtps.heartbeat(SPDP_WRITER, 1, 1, 1))) is None


def test_big_endian_submessages_are_read() -> None:
    timestamp = b"\x09\x00\x00\x08" + bytes(8)
    data = b"\x15\x04\x00\x18" + bytes(4) + bytes(4) + SPDP_WRITER[12:] + bytes(12)
    assert announced_by(rtps.message(SPDP_WRITER, timestamp, data)) == PARTICIPANT


@given(st.integers(0, 255).flatmap(lambda cut: st.tuples(st.just(cut), st.binary(max_size=64))))
def test_whatever_comes_in_is_survived(mangled: tuple[int, bytes]) -> None:
    cut, tail = mangled
    for datagram in (announcement()[:cut] + tail, b"RTPS" + tail, tail):
        assert announced_by(datagram) in (None, datagram[8:20])
