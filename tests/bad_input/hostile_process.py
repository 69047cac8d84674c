"""`python -m tests.bad_input.hostile_process`: Cyclone DDS without this library's port, to send what the port would not.

Does what it reads on stdin and reports on stdout, both in JSON lines, as `tests.contract.peer_process` does.
"""

from __future__ import annotations

import json
import sys
from typing import Any, cast

from cyclonedds._clayer import ddspy_dispose, ddspy_take, ddspy_write
from cyclonedds.core import DDSException, Listener, Policy, Qos
from cyclonedds.domain import DomainParticipant
from cyclonedds.idl import IdlStruct, make_idl_struct
from cyclonedds.idl.types import int32
from cyclonedds.pub import DataWriter, Publisher
from cyclonedds.sub import DataReader, Subscriber
from cyclonedds.topic import Topic

from genesis_lib.dds.cyclone_domain import acquire_domain
from genesis_lib.dds.cyclone_types import idl_type
from genesis_lib.settings import load_settings

_ANY_STATE = 0x7F
OTHER_TYPE, OTHER_KEYED_TYPE = "Other", "OtherKeyed"


def _report(event: str, **members: Any) -> None:
    sys.stdout.write(json.dumps({"event": event, **members}) + "\n")
    sys.stdout.flush()


class _Reporter(Listener):  # type: ignore[misc]  # the package has no types
    """Reports matches of one endpoint."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def on_publication_matched(self, writer: object, status: Any) -> None:
        _report("match", name=self._name, matched=status.current_count > 0)

    def on_subscription_matched(self, reader: object, status: Any) -> None:
        _report("match", name=self._name, matched=status.current_count > 0)

    def on_data_available(self, reader: Any) -> None:
        for payload, info in ddspy_take(reader._ref, _ANY_STATE, 100):
            _report("sample", name=self._name, payload=payload.hex(), valid_data=info.valid_data)


class _Hostile:
    def __init__(self) -> None:
        settings = load_settings()
        acquire_domain(settings)
        self._participant = DomainParticipant(settings.domain_id)
        self._endpoints: dict[str, Any] = {}
        self._topics: dict[tuple[str, str], Topic[Any]] = {}

    def obey(self, command: dict[str, Any]) -> dict[str, Any]:
        name = command.get("name", "")
        match command["do"]:
            case "writer" | "reader":
                entity = self._endpoints[name] = self._create(command["do"] == "writer", name, command)
                return {"guid": bytes(entity.guid.bytes).hex()}
            case "write":
                writer, payload = self._endpoints[name], bytes.fromhex(command["payload"])
                while (code := ddspy_write(writer._ref, payload)) == DDSException.DDS_RETCODE_TIMEOUT:
                    writer._wait_for_acks(writer._ref, 1_000_000_000)
                return {"code": code}
            case "dispose":
                return {"code": ddspy_dispose(self._endpoints[name]._ref, bytes.fromhex(command["payload"]))}
        raise ValueError(command)

    def _create(self, writes: bool, name: str, command: dict[str, Any]) -> Any:
        topic = self._topic(command["topic"], command["type"])
        qos = _qos(command)
        partition = Qos(Policy.Partition([command["partition"]])) if command.get("partition") else Qos()
        if writes:
            parent = Publisher(self._participant, partition)
            return DataWriter(parent, topic, qos, _Reporter(name))
        return DataReader(Subscriber(self._participant, partition), topic, qos, _Reporter(name))

    def _topic(self, name: str, type_name: str) -> Topic[Any]:
        if (name, type_name) not in self._topics:
            self._topics[name, type_name] = Topic(self._participant, name, _type(type_name))
        return self._topics[name, type_name]


def _type(name: str) -> type[IdlStruct]:
    if name not in (OTHER_TYPE, OTHER_KEYED_TYPE):
        return idl_type(name)
    keys = {"value": {"key": True}} if name == OTHER_KEYED_TYPE else {}
    return cast("type[IdlStruct]", make_idl_struct(name, f"else.{name}", {"value": int32}, field_annotations=keys))


def _qos(command: dict[str, Any]) -> Qos:
    reliable, durable = command.get("reliable", True), command.get("durable", False)
    policies: list[Any] = [
        Policy.Reliability.Reliable(max_blocking_time=0) if reliable else Policy.Reliability.BestEffort,
        Policy.Durability.TransientLocal if durable else Policy.Durability.Volatile,
        Policy.History.KeepAll,
    ]
    if command.get("lease"):
        policies.append(Policy.Liveliness.Automatic(round(command["lease"] * 1e9)))
    if command.get("user_data"):
        policies.append(Policy.Userdata(bytes.fromhex(command["user_data"])))
    return Qos(*policies)


def main() -> None:
    """Obey until stdin ends."""
    hostile = _Hostile()
    _report("done")
    for line in sys.stdin:
        _report("done", **hostile.obey(json.loads(line)))


if __name__ == "__main__":
    main()
