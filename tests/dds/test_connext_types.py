# ruff: noqa: E402  (what is imported below needs RTI Connext)
"""RTI Connext without a licence: what it makes of our XML files and of our bytes.

Its bytes equal ours up to the zeros that fill a payload to a multiple of 4: `to_cdr_buffer` leaves them out, as Cyclone's
`serialize` does, and both leave the options of the encapsulation header 0.

The XTypes compliance mask is global to a process, so every mask is tried in a process of its own: RTI's default, which
differs from the standard in details, and the one called VENDOR, which follows the standard for other vendors' sake.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

dds = pytest.importorskip("rti.connextdds", reason="RTI Connext is not installed: pip install 'genesis-lib[connext]'")

import hypothesis
from hypothesis import given
from hypothesis import strategies as st

from genesis_lib.dds.cdr import codec
from genesis_lib.dds.connext_data import (
    data_to_key,
    data_to_payload,
    dynamic_type,
    key_to_data,
    payload_to_data,
)
from genesis_lib.dds.connext_qos import participant_qos, reader_qos, writer_qos
from genesis_lib.dds.connext_waitset import WaitSetThread
from genesis_lib.dds.datamodel import config_file, load_datamodel, struct
from genesis_lib.dds.qos import load_profiles
from genesis_lib.errors import BusError
from genesis_lib.settings import Settings, resolve_settings
from tests.dds.samples import cyclone_sample, leaves, values

TOPIC_TYPES = load_datamodel().topic_types
KEYED_TYPES = [name for name in TOPIC_TYPES if codec(name).key_fields]
every_topic_type = pytest.mark.parametrize("type_name", TOPIC_TYPES)
every_profile = pytest.mark.parametrize("name", load_profiles())
MASKS = ("DEFAULT_MASK", "VENDOR")


def settings_with(**values: object) -> Settings:
    return resolve_settings({}, **values).settings


def check_bytes(type_name: str, mask: str) -> None:
    """Runs in a process of its own. Hypothesis raises what it finds."""
    import rti.connextdds as dds
    from rti.connextdds import compliance

    chosen = getattr(compliance.XTypesMask, mask)
    if mask != "DEFAULT_MASK":
        compliance.set_xtypes_mask(chosen)
    assert compliance.get_xtypes_mask() == chosen
    declared, compiled = struct(type_name), codec(type_name)

    @hypothesis.settings(deadline=None)
    @given(flat=values(declared))
    def equal(flat: tuple[Any, ...]) -> None:
        data = dds.DynamicData(dynamic_type(type_name))
        for leaf, value in zip(leaves(declared), flat, strict=True):
            data[leaf.path] = dds.Uint8Seq(value) if isinstance(value, bytes) else value
        theirs = data_to_payload(data)
        ours = compiled.encode(*flat)
        assert theirs == cyclone_sample(declared, flat).serialize()
        assert theirs.ljust(len(ours), b"\0") == ours
        assert len(ours) - len(theirs) == -len(theirs) % 4
        assert data_to_payload(payload_to_data(ours, type_name)) == theirs
        assert compiled.decode(theirs) == flat

    equal()


@pytest.mark.parametrize("mask", MASKS)
@every_topic_type
def test_bytes_equal_ours_and_cyclones(type_name: str, mask: str) -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        process.submit(check_bytes, type_name, mask).result()


@every_topic_type
def test_the_data_model_loads_with_every_type(type_name: str) -> None:
    declared, loaded = struct(type_name), dynamic_type(type_name)
    assert loaded.name == declared.qualified_name
    assert [member.name for member in loaded.members()] == [member.name for member in declared.members]


@every_profile
def test_the_qos_file_loads_with_every_profile(name: str) -> None:
    provider = dds.QosProvider(str(config_file("qos.xml")))
    assert name in list(provider.qos_profiles("GenesisQos"))
    ours = load_profiles()[name]
    writer = provider.datawriter_qos_from_profile(f"GenesisQos::{name}")
    reader = provider.datareader_qos_from_profile(f"GenesisQos::{name}")
    for loaded, expected in ((writer, ours.writer), (reader, ours.reader)):
        assert (loaded.reliability.kind == dds.ReliabilityKind.RELIABLE) == expected.reliable
        assert str(loaded.durability.kind) == f"DurabilityKind.{expected.durability}"
        assert (loaded.history.kind == dds.HistoryKind.KEEP_ALL) == (expected.depth is None)
        assert expected.depth in (None, loaded.history.depth)
        assert list(loaded.data_representation.value) == [int(dds.DataRepresentation.XCDR2)]
    if ours.writer.reliable:
        assert writer.reliability.max_blocking_time.to_seconds() == ours.writer.max_blocking_seconds
    if not ours.writer.autodispose:
        assert not writer.writer_data_lifecycle.autodispose_unregistered_instances


@every_profile
def test_the_lease_of_the_settings_takes_the_place_of_the_profiles(name: str) -> None:
    settings = settings_with(lease_seconds=2.5)
    expected = (
        dds.Duration.infinite if load_profiles()[name].writer.lease_seconds is None else dds.Duration(2, 500_000_000)
    )
    assert writer_qos(name, settings, b"").liveliness.lease_duration == expected
    assert reader_qos(name, settings, b"").liveliness.lease_duration == expected


def test_endpoints_carry_their_user_data() -> None:
    assert bytes(writer_qos("Rpc", settings_with(), b"inbox-1").user_data.value) == b"inbox-1"
    assert bytes(reader_qos("Rpc", settings_with(), b"\0\xff").user_data.value) == b"\0\xff"


def test_only_a_writer_that_keeps_all_is_throttled_by_a_send_window() -> None:
    windows = {
        name: writer_qos(name, settings_with(), b"").data_writer_protocol.rtps_reliable_writer.max_send_window_size
        for name in ("Rpc", "Discovery")
    }
    assert windows["Rpc"] > 0
    assert windows["Discovery"] == dds.LENGTH_UNLIMITED


def test_participants_get_lease_interfaces_and_peers() -> None:
    qos = participant_qos(settings_with(lease_seconds=3, interfaces=("lo", "eth1"), peers=("10.0.0.7", "host.example")))
    assert qos.discovery_config.participant_liveliness_lease_duration == dds.Duration(3)
    assert qos.discovery_config.participant_liveliness_assert_period == dds.Duration(1)
    assert qos.property["dds.transport.UDPv4.builtin.parent.allow_interfaces_list"] == "lo,eth1"
    assert list(qos.discovery.initial_peers)[-2:] == ["32@builtin.udpv4://10.0.0.7", "32@builtin.udpv4://host.example"]


@pytest.mark.parametrize("type_name", KEYED_TYPES)
@given(data=st.data())
def test_keys_go_to_dynamic_data_and_back(type_name: str, data: st.DataObject) -> None:
    declared, compiled = struct(type_name), codec(type_name)
    flat = data.draw(values(declared))
    keys = tuple(flat[compiled.fields.index(name)] for name in compiled.key_fields)
    key_payload = compiled.encode_key(*keys)
    holder = key_to_data(key_payload, type_name)
    assert tuple(holder[name] for name in compiled.key_fields) == keys
    assert data_to_key(holder, type_name) == key_payload


def test_bytes_of_another_type_are_refused() -> None:
    with pytest.raises(BusError, match="RTI Connext refuses a sample of type AgentCapability"):
        payload_to_data(b"\x00\x09\x00\x00\x40\x00\x00\x00\x01", "AgentCapability")


async def test_conditions_are_handled_on_the_event_loop() -> None:
    thread = WaitSetThread()
    handled_in: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
    conditions = {name: dds.GuardCondition() for name in ("first", "second")}

    def watch(name: str, condition: Any) -> None:
        def handle() -> None:
            condition.trigger_value = False
            handled_in.put_nowait((name, threading.get_ident()))

        condition.set_handler_no_args(handle)
        thread.attach(condition)

    for name, condition in conditions.items():
        watch(name, condition)
    try:
        for name in ("first", "second", "first"):
            conditions[name].trigger_value = True
            async with asyncio.timeout(10):
                assert await handled_in.get() == (name, threading.get_ident())
        for condition in conditions.values():
            thread.detach(condition)
    finally:
        for condition in conditions.values():
            condition.reset_handler()
        await asyncio.to_thread(thread.close)
    assert handled_in.empty()
