"""The reference pages say what the code says."""

from __future__ import annotations

import subprocess
import sys

import pytest

from genesis_lib.dds import datamodel, qos
from genesis_lib.errors import ERRORS_BY_NAME, Status, remote_exception_for
from genesis_lib.settings import Settings, variable_for
from tests.docs.pages import ROOT

TOPIC_TYPES = (
    "AgentAgentRequest",
    "AgentAgentReply",
    "AgentCapability",
    "FunctionCapability",
    "MonitoringEvent",
    "ComponentStatus",
)


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """The rows of all tables, cells without backticks."""
    return [
        [cell.strip().replace("`", "") for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]


def test_the_api_reference_is_up_to_date() -> None:
    checked = subprocess.run(
        [sys.executable, ROOT / "docs" / "generate_api.py", "--check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_every_error_is_listed_with_its_status() -> None:
    listed = {row[0]: row[1] for row in rows(page("errors.md")) if row[0] in ERRORS_BY_NAME}
    assert listed == {name: str(int(cls.status)) for name, cls in ERRORS_BY_NAME.items()}


def test_every_status_is_listed_with_its_errors() -> None:
    listed = {int(row[0]): row for row in rows(page("wire.md")) if row[0].isdecimal()}
    assert sorted(listed) == sorted(status for status in Status if status is not Status.OK)
    for status, row in listed.items():
        classes = {name for name, cls in ERRORS_BY_NAME.items() if cls.status == status}
        assert row[1] == Status(status).name
        assert set(row[3].split(", ")) == classes
        for name in classes:
            code = remote_exception_for(ERRORS_BY_NAME[name]("x"))
            assert row[2] == f"{code} {code.name}"


@pytest.mark.parametrize("type_name", TOPIC_TYPES)
def test_every_member_on_the_wire_is_described(type_name: str) -> None:
    section = page("wire.md").partition(f"**{type_name}**")[2].partition("\n**")[0]
    described = {row[0]: row[1] for row in rows(section.partition("\n#")[0])[2:]}
    members = datamodel.struct(type_name).members
    assert list(described) == [member.name for member in members]
    for member in members:
        kind = "octets" if member.sequence else member.type if isinstance(member.type, str) else member.type.name
        assert described[member.name] == (kind if member.bound is None else f"{kind}, {member.bound}")


def test_every_profile_is_described() -> None:
    described = {row[0]: row for row in rows(page("wire.md"))}
    for name, profile in qos.load_profiles().items():
        row = described[name]
        assert row[1].startswith("RELIABLE" if profile.writer.reliable else "BEST_EFFORT")
        assert row[2] == profile.writer.durability
        history = "KEEP_ALL" if profile.writer.depth is None else f"KEEP_LAST {profile.writer.depth}"
        readers = "" if profile.reader.depth == profile.writer.depth else f", readers {profile.reader.depth}"
        assert row[3] == history + readers


def test_every_setting_is_listed() -> None:
    listed = {row[0]: row[1:3] for row in rows(page("how-to/settings.md")) if row[0] in Settings.model_fields}
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    assert listed == {
        name: [variable_for(name), "" if default in ((), "", None) else str(default)]
        for name, default in defaults.items()
    }
