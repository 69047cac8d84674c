"""QoS of RTI Connext: the profiles of `config/qos.xml`, the settings, and what this product needs besides."""

from __future__ import annotations

from functools import cache

import rti.connextdds as dds

from genesis_lib.dds.datamodel import config_file
from genesis_lib.dds.qos import LIBRARY
from genesis_lib.settings import Settings

# Participants that are looked for on each peer; Connext's own default is 5.
_PARTICIPANTS_PER_PEER = 32
# Samples without acknowledgement after which a KEEP_ALL writer is throttled; Connext's own default is no limit.
_SEND_WINDOW = 1024
# Types with unbounded members would otherwise be allocated at their largest size, 2 GiB.
_POOL_BUFFER_BYTES = "65536"


def participant_qos(settings: Settings) -> dds.DomainParticipantQos:
    """Connext's default (a USER_QOS_PROFILES.xml of the user counts) with our lease, interfaces and peers."""
    qos = dds.QosProvider.default.participant_qos
    discovery = qos.discovery_config
    discovery.participant_liveliness_lease_duration = dds.Duration.from_seconds(settings.lease_seconds)
    discovery.participant_liveliness_assert_period = dds.Duration.from_seconds(settings.lease_seconds / 3)
    discovery.max_liveliness_loss_detection_period = dds.Duration.from_seconds(settings.lease_seconds / 3)
    if settings.interfaces:
        transport = "dds.transport.UDPv4.builtin"
        qos.property[f"{transport}.parent.allow_interfaces_list"] = ",".join(settings.interfaces)
        # By default loopback is left to shared memory, where no other product can be met.
        qos.property[f"{transport}.ignore_loopback_interface"] = "0"
    if settings.peers:
        peers = [f"{_PARTICIPANTS_PER_PEER}@builtin.udpv4://{address}" for address in settings.peers]
        qos.discovery.initial_peers = dds.StringSeq([*qos.discovery.initial_peers, *peers])
    return qos


def writer_qos(profile: str, settings: Settings, user_data: bytes) -> dds.DataWriterQos:
    """QoS of a writer: the profile with the settings' lease."""
    qos = _profiles().datawriter_qos_from_profile(f"{LIBRARY}::{profile}")
    _set_lease(qos, settings)
    qos.user_data = dds.UserData(dds.Uint8Seq(user_data))
    qos.property["dds.data_writer.history.memory_manager.fast_pool.pool_buffer_max_size"] = _POOL_BUFFER_BYTES
    # Other products cannot tell the instance from Connext's hash of a long key.
    qos.data_writer_protocol.serialize_key_with_dispose = True
    reliable_writer = qos.data_writer_protocol.rtps_reliable_writer
    reliable_writer.max_nack_response_delay = dds.Duration.zero
    if qos.history.kind == dds.HistoryKind.KEEP_ALL:
        reliable_writer.min_send_window_size = _SEND_WINDOW
        reliable_writer.max_send_window_size = _SEND_WINDOW
    return qos


def reader_qos(profile: str, settings: Settings, user_data: bytes) -> dds.DataReaderQos:
    """QoS of a reader: the profile with the settings' lease."""
    qos = _profiles().datareader_qos_from_profile(f"{LIBRARY}::{profile}")
    _set_lease(qos, settings)
    qos.user_data = dds.UserData(dds.Uint8Seq(user_data))
    qos.property["dds.data_reader.history.memory_manager.fast_pool.pool_buffer_max_size"] = _POOL_BUFFER_BYTES
    qos.data_reader_protocol.rtps_reliable_reader.max_heartbeat_response_delay = dds.Duration.zero
    return qos


def _set_lease(qos: dds.DataWriterQos | dds.DataReaderQos, settings: Settings) -> None:
    if qos.liveliness.lease_duration != dds.Duration.infinite:
        qos.liveliness.lease_duration = dds.Duration.from_seconds(settings.lease_seconds)


@cache
def _profiles() -> dds.QosProvider:
    return dds.QosProvider(str(config_file("qos.xml")))
