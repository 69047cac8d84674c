from __future__ import annotations

from pathlib import Path

from genesis_lib.settings import Settings
from tests.cli.command import run


async def test_every_setting_with_its_origin(tmp_path: Path) -> None:
    (tmp_path / "genesis.toml").write_text("lease_seconds = 2.5\ndomain_id = 3\n")
    environment = {"GENESIS_DOMAIN_ID": "4", "GENESIS_INTERFACES": "lo, eth7"}
    outcome = await run("config", "--json", "--domain", "5", environment=environment)
    settings = outcome.json
    assert list(settings) == list(Settings.model_fields)
    assert (settings["domain_id"]["value"], settings["domain_id"]["origin"]) == (5, "argument")
    assert (settings["interfaces"]["value"], settings["interfaces"]["origin"]) == (["lo", "eth7"], "GENESIS_INTERFACES")
    assert (settings["lease_seconds"]["value"], settings["lease_seconds"]["origin"]) == (2.5, "genesis.toml")
    assert settings["dds"] == {
        "value": "cyclone",
        "origin": "default",
        "variable": "GENESIS_DDS",
        "description": Settings.model_fields["dds"].description,
    }


async def test_text_names_value_origin_and_variable() -> None:
    outcome = await run("config", environment={"GENESIS_MAX_QUEUE": "17"})
    lines = outcome.stdout.splitlines()
    (index,) = (number for number, line in enumerate(lines) if line.startswith("max_queue "))
    assert lines[index].split() == ["max_queue", "17", "(GENESIS_MAX_QUEUE)"]
    assert lines[index + 1].startswith("    GENESIS_MAX_QUEUE: ")
    assert outcome.stderr == ""


async def test_secrets_are_never_shown() -> None:
    environment = {"OPENAI_API_KEY": "sk-very-secret", "OPENAI_BASE_URL": "http://me:pass@localhost/v1"}
    for arguments in ((), ("--json",)):
        outcome = await run("config", *arguments, environment=environment)
        assert outcome.status == 0
        assert "very-secret" not in outcome.stdout
        assert "pass" not in outcome.stdout
        assert "********" in outcome.stdout
        assert "localhost/v1" in outcome.stdout
