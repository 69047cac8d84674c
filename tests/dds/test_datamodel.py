from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import genesis_lib
from genesis_lib.dds.datamodel import Enum, Member, Struct, config_file, load_datamodel, struct
from genesis_lib.errors import ConfigError


def test_agent_capability_has_the_members_and_bounds_of_the_requirement() -> None:
    declared = struct("AgentCapability")
    assert declared.qualified_name == "genesis_lib::AgentCapability"
    assert declared.name == "AgentCapability"
    assert declared.extensibility == "appendable"
    assert declared.members[:12] == (
        Member("agent_id", "string", 128, key=True),
        Member("name", "string", 256),
        Member("description", "string", 2048),
        Member("agent_type", "string", 128),
        Member("service_name", "string", 128),
        Member("last_seen", "int64"),
        Member("capabilities", "string", 2048),
        Member("specializations", "string", 2048),
        Member("model_info", "string", 1024),
        Member("classification_tags", "string", 2048),
        Member("performance_metrics", "string", 1024),
        Member("default_capable", "int32"),
    )


def test_headers_are_those_of_dds_rpc() -> None:
    request, reply = struct("RequestHeader"), struct("ReplyHeader")
    identity = request.members[0].type
    assert isinstance(identity, Struct)
    assert identity.members[0] == Member("writer_guid", "octet", array_length=16)
    assert reply.members[0].type == identity
    code = reply.members[1].type
    assert isinstance(code, Enum)
    assert code.name == "RemoteExceptionCode"
    assert [number for _, number in code.values] == [0, 1, 2, 3, 4, 5]


def test_unbounded_members_have_no_bound() -> None:
    members = {member.name: member for member in struct("AgentAgentRequest").members}
    assert members["message"] == Member("message", "string")
    assert members["attachment_data"] == Member("attachment_data", "octet", sequence=True)


def test_topic_types_are_the_appendable_structs() -> None:
    model = load_datamodel()
    assert set(model.topic_types) == {
        "AgentAgentRequest",
        "AgentAgentReply",
        "AgentCapability",
        "FunctionCapability",
        "MonitoringEvent",
        "ComponentStatus",
        "VoiceFrame",
        "VoiceControl",
        "VoiceTranscript",
    }
    assert load_datamodel() is model


def test_an_unknown_struct_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no struct Nothing; it has .*AgentCapability"):
        struct("Nothing")


def model(members: str, attributes: str = 'extensibility="appendable"') -> str:
    return f'<dds><types><module name="m"><struct name="S" {attributes}>{members}</struct></module></types></dds>'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<dds>", "cannot be read"),
        ("<dds/>", "has no <types>"),
        (model('<member name="x" type="float64"/>'), "m::S.x is of type float64"),
        (model('<member name="x" type="string"/>'), "m::S.x must say its stringMaxLength"),
        (
            model('<member name="x" type="string" stringMaxLength="9" sequenceMaxLength="2"/>'),
            "m::S.x is a collection of string",
        ),
        (model('<member name="x" type="octet" arrayDimensions="2,3"/>'), "m::S.x has arrayDimensions='2,3'"),
        (model('<member name="x" type="int32" optional="true"/>'), "m::S.x has the attribute optional"),
        (
            model('<member name="x" type="nonBasic" nonBasicTypeName="m::Other"/>'),
            "m::Other, which is not declared above",
        ),
        (model('<member type="int32"/>'), "a <member> lacks the attribute name"),
        (model("", attributes=""), "struct m::S must say extensibility"),
        (model("", attributes='extensibility="mutable"'), "struct m::S must say extensibility"),
        (model("", attributes='extensibility="final" baseType="m::T"'), "m::S has the attribute baseType"),
        ('<dds><types><union name="U"/></types></dds>', "<union> U is not supported"),
        (
            '<dds><types><struct name="A" extensibility="appendable"/><struct name="B" extensibility="appendable">'
            '<member name="a" type="nonBasic" nonBasicTypeName="A"/></struct></types></dds>',
            "B.a nests A, which is appendable",
        ),
    ],
)
def test_what_cannot_travel_is_refused_with_its_name(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "model.xml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=problem.replace("(", r"\(")) as caught:
        load_datamodel(path)
    assert str(path) in str(caught.value)


def test_config_is_found_in_a_checkout() -> None:
    checkout = Path(genesis_lib.__file__).resolve().parents[1]
    assert config_file("qos.xml") == checkout / "config" / "qos.xml"


def test_config_is_found_inside_an_installed_package(tmp_path: Path) -> None:
    package = Path(genesis_lib.__file__).resolve().parent
    shutil.copytree(package, tmp_path / "genesis_lib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(config_file("qos.xml").parent, tmp_path / "genesis_lib" / "config")
    program = "from genesis_lib.dds.datamodel import load_datamodel; print(load_datamodel().path)"
    ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert Path(ran.stdout.strip()) == tmp_path / "genesis_lib" / "config" / "datamodel.xml"


def test_a_missing_file_is_named_with_the_places_looked_at() -> None:
    with pytest.raises(ConfigError, match=r"nothing\.xml is missing: neither .*genesis_lib/config/nothing\.xml nor"):
        config_file("nothing.xml")
