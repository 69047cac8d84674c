"""Request against offer, in both products' words."""

from __future__ import annotations

import pytest

from genesis_lib.cli.topics import expected_topic
from genesis_lib.dds.compatibility import Misfit, misfits
from genesis_lib.dds.port import Endpoint
from genesis_lib.discovery.wire import AGENT_TOPIC
from genesis_lib.rpc.wire import reply_topic, request_topic

CYCLONE = {
    "reliability": "Policy.Reliability.Reliable(max_blocking_time=0)",
    "durability": "Policy.Durability.TransientLocal",
    "liveliness": "Policy.Liveliness.Automatic(lease_duration=1000000000)",
    "data representation": "Policy.DataRepresentation(use_cdrv0_representation=False, use_xcdrv2_representation=True)",
}
CONNEXT = {
    "reliability": "ReliabilityKind.RELIABLE",
    "durability": "DurabilityKind.TRANSIENT_LOCAL",
    "liveliness": "LivelinessKind.AUTOMATIC, lease Duration(sec=1, nanosec=0)",
}


def _announcer(qos: dict[str, str], *, is_writer: bool = True) -> Endpoint:
    return Endpoint("AgentCapability", "genesis_lib::AgentCapability", is_writer, b"p" * 16, b"", qos)


@pytest.mark.parametrize("qos", [CYCLONE, CONNEXT])
@pytest.mark.parametrize("is_writer", [True, False])
def test_our_own_qos_fits(qos: dict[str, str], is_writer: bool) -> None:
    assert misfits(_announcer(qos, is_writer=is_writer), AGENT_TOPIC, 1.0) == []


@pytest.mark.parametrize("worst", ["Policy.Reliability.BestEffort", "ReliabilityKind.BEST_EFFORT"])
def test_a_best_effort_writer_does_not_fit_and_a_best_effort_reader_does(worst: str) -> None:
    qos = {**CYCLONE, "reliability": worst}
    assert misfits(_announcer(qos), AGENT_TOPIC, 1.0) == [Misfit("reliability", "BEST_EFFORT", "RELIABLE")]
    assert misfits(_announcer(qos, is_writer=False), AGENT_TOPIC, 1.0) == []


@pytest.mark.parametrize(
    ("durability", "writer_fits", "reader_fits"),
    [
        ("Policy.Durability.Volatile", False, True),
        ("DurabilityKind.VOLATILE", False, True),
        ("DurabilityKind.TRANSIENT", True, False),
        ("Policy.Durability.Persistent", True, False),
    ],
)
def test_durability_is_ordered(durability: str, writer_fits: bool, reader_fits: bool) -> None:
    qos = {**CYCLONE, "durability": durability}
    assert (misfits(_announcer(qos), AGENT_TOPIC, 1.0) == []) is writer_fits
    assert (misfits(_announcer(qos, is_writer=False), AGENT_TOPIC, 1.0) == []) is reader_fits


@pytest.mark.parametrize("qos", [CYCLONE, CONNEXT])
def test_a_lease_may_be_shorter_at_the_writer_only(qos: dict[str, str]) -> None:
    assert misfits(_announcer(qos), AGENT_TOPIC, 2.0) == []
    assert [misfit.policy for misfit in misfits(_announcer(qos), AGENT_TOPIC, 0.5)] == ["liveliness"]
    assert [misfit.policy for misfit in misfits(_announcer(qos, is_writer=False), AGENT_TOPIC, 2.0)] == ["liveliness"]
    assert misfits(_announcer(qos, is_writer=False), AGENT_TOPIC, 0.5) == []


def test_an_infinite_lease_is_no_sign_of_life() -> None:
    for lease in (
        "Policy.Liveliness.Automatic(lease_duration=9223372036854775807)",
        "AUTOMATIC, lease Duration(infinite)",
    ):
        (misfit,) = misfits(_announcer({**CYCLONE, "liveliness": lease}), AGENT_TOPIC, 1.0)
        assert misfit.theirs == "lease inf s"


def test_xcdr1_does_not_fit() -> None:
    only_xcdr1 = "Policy.DataRepresentation(use_cdrv0_representation=True, use_xcdrv2_representation=False)"
    found = misfits(_announcer({**CYCLONE, "data representation": only_xcdr1}), AGENT_TOPIC, 1.0)
    assert found == [Misfit("data representation", "XCDR1", "XCDR2")]


def test_another_type_is_all_that_is_told() -> None:
    endpoint = _announcer({})._replace(type_name="other::AgentCapability")
    assert misfits(endpoint, AGENT_TOPIC, 1.0) == [
        Misfit("type", "other::AgentCapability", "genesis_lib::AgentCapability")
    ]


def test_topics_of_others_are_not_judged() -> None:
    def endpoint(topic: str, type_name: str) -> Endpoint:
        return Endpoint(topic, type_name, True, b"p" * 16, b"", {})

    assert expected_topic(endpoint("S_1Request", "genesis_lib::AgentAgentRequest")) == request_topic("S_1")
    assert expected_topic(endpoint("S_1Reply", "genesis_lib::AgentAgentReply")) == reply_topic("S_1")
    assert expected_topic(endpoint("S_1Request", "others::Request")) is None
    assert expected_topic(endpoint("rt/chatter", "std_msgs::String")) is None
