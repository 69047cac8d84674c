from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from genesis_lib.dds.qos import EndpointQos, Profile, load_profiles, profile
from genesis_lib.errors import ConfigError

DURABLE = EndpointQos(reliable=True, durability="TRANSIENT_LOCAL", depth=1, lease_seconds=1.0)
RELIABLE_ALL = EndpointQos(reliable=True, depth=None)
LATEST = EndpointQos(reliable=False, depth=1000)


def offered(qos: EndpointQos, **changes: Any) -> EndpointQos:
    return replace(qos, max_blocking_seconds=0.0, **changes)


@pytest.mark.parametrize(
    "expected",
    [
        Profile("Discovery", offered(DURABLE, autodispose=False), DURABLE),
        Profile("Status", offered(DURABLE, autodispose=False), DURABLE),
        Profile("Rpc", replace(offered(RELIABLE_ALL), asynchronous=True), RELIABLE_ALL),
        Profile("Events", LATEST, LATEST),
        Profile(
            "VoiceFrames",
            offered(EndpointQos(reliable=True, depth=50), lifespan_seconds=2.0),
            EndpointQos(reliable=True, depth=250),
        ),
        Profile("VoiceControl", offered(RELIABLE_ALL), RELIABLE_ALL),
        Profile(
            "VoiceTranscript",
            offered(RELIABLE_ALL, durability="TRANSIENT_LOCAL"),
            EndpointQos(reliable=True, durability="TRANSIENT_LOCAL", depth=None),
        ),
    ],
    ids=lambda expected: expected.name,
)
def test_profiles_are_those_of_the_wire(expected: Profile) -> None:
    assert profile(expected.name) == expected


def test_an_unknown_profile_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no profile Fast; it has Discovery, Rpc"):
        profile("Fast")


def writer_with(policies: str) -> str:
    return (
        '<dds><qos_library name="GenesisQos"><qos_profile name="P">'
        f"<datawriter_qos>{policies}</datawriter_qos></qos_profile></qos_library></dds>"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<dds>", "cannot be read"),
        ("<dds/>", "no qos_library named GenesisQos"),
        (
            writer_with("<ownership><kind>EXCLUSIVE_OWNERSHIP_QOS</kind></ownership>"),
            "P/datawriter_qos/ownership has <kind>",
        ),
        (writer_with("<batch/>"), "P/datawriter_qos/batch has <batch>"),
        (
            writer_with("<durability><kind>PERSISTENT_DURABILITY_QOS</kind></durability>"),
            "<kind> PERSISTENT_DURABILITY_QOS",
        ),
        (writer_with("<history><depth>many</depth></history>"), "history has 'many' where a number belongs"),
        (
            writer_with("<lifespan><duration><hours>1</hours></duration></lifespan>"),
            "lifespan/duration must have <sec>",
        ),
        (
            writer_with("<lifespan><duration><sec>DURATION_INFINITE_SEC</sec></duration></lifespan>"),
            "where a number belongs",
        ),
        (
            writer_with("<representation><value><element>XCDR_DATA_REPRESENTATION</element></value></representation>"),
            "must be XCDR2_DATA_REPRESENTATION alone",
        ),
        (
            '<dds><qos_library name="GenesisQos"><qos_profile name="P" base_name="Q"/></qos_library></dds>',
            "not a plain named qos_profile",
        ),
        (
            '<dds><qos_library name="GenesisQos"><qos_profile name="P"><topic_qos/></qos_profile></qos_library></dds>',
            "P has <topic_qos>",
        ),
    ],
)
def test_what_is_not_known_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "qos.xml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=problem) as caught:
        load_profiles(path)
    assert str(path) in str(caught.value)
