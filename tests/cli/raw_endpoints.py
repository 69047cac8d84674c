"""Endpoints as somebody else might make them; a process of its own. Prints the participant's key when they are there."""

from __future__ import annotations

import sys
from typing import Any

from cyclonedds.core import Policy, Qos
from cyclonedds.domain import Domain, DomainParticipant
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic

from genesis_lib.dds.cyclone_domain import domain_configuration
from genesis_lib.dds.cyclone_types import idl_type
from genesis_lib.settings import load_settings

RELIABLE = Policy.Reliability.Reliable(max_blocking_time=0)


def careless_writer(participant: DomainParticipant) -> Any:
    topic: Topic[Any] = Topic(participant, "AgentCapability", idl_type("AgentCapability"))
    return DataWriter(participant, topic, Qos(Policy.Reliability.BestEffort, Policy.Liveliness.Automatic(10**9)))


def demanding_reader(participant: DomainParticipant) -> Any:
    topic: Topic[Any] = Topic(participant, "OtherService_x1Request", idl_type("AgentAgentRequest"))
    return DataReader(participant, topic, Qos(RELIABLE, Policy.Durability.TransientLocal))


def strange_type(participant: DomainParticipant) -> Any:
    topic: Topic[Any] = Topic(participant, "ComponentStatus", idl_type("AgentAgentReply"))
    return DataWriter(participant, topic)


def fitting_writer(participant: DomainParticipant) -> Any:
    topic: Topic[Any] = Topic(participant, "AgentCapability", idl_type("AgentCapability"))
    policies = (RELIABLE, Policy.Durability.TransientLocal, Policy.Liveliness.Automatic(10**9))
    return DataWriter(participant, topic, Qos(*policies))


if __name__ == "__main__":
    settings = load_settings()
    domain = Domain(settings.domain_id, domain_configuration(settings))
    participant = DomainParticipant(settings.domain_id)
    kept = [globals()[name](participant) for name in sys.argv[1:]]
    sys.stdout.write(f"{participant.guid.hex}\n")
    sys.stdout.flush()
    sys.stdin.read()
