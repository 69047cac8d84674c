"""What holds for every subcommand."""

from __future__ import annotations

import asyncio
import sys

import pytest

from tests.cli.command import GENESIS, Outcome, finish, run

SUBCOMMANDS = ("agents", "ask", "run", "demo", "config", "doctor", "policy", "voice")


async def test_help_lists_all_subcommands() -> None:
    outcome = await run("--help")
    assert outcome.status == 0
    assert all(f"\n  {name} " in outcome.stdout for name in SUBCOMMANDS)
    assert "128+n ended by signal n" in outcome.stdout


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
async def test_every_subcommand_has_help_and_takes_a_domain(subcommand: str) -> None:
    outcome = await run(subcommand, "--help")
    assert outcome.status == 0
    assert "--domain N" in outcome.stdout


@pytest.mark.parametrize(
    ("arguments", "forbidden"),
    [
        (("--help",), ("cyclonedds", "pydantic", "asyncio", "rich", "openai", "aiohttp")),
        (("ask", "--help"), ("cyclonedds", "pydantic", "rich", "openai", "aiohttp")),
        (("config",), ("cyclonedds", "openai", "aiohttp")),
    ],
)
async def test_loads_no_more_than_it_needs(arguments: tuple[str, ...], forbidden: tuple[str, ...]) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "importtime", "-m", "genesis_lib.cli", *arguments),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, imports = await process.communicate()
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in imports.decode().splitlines()}
    assert process.returncode == 0
    assert "genesis_lib" in loaded
    assert not loaded & set(forbidden)


async def test_says_its_version() -> None:
    assert (await run("--version")).stdout.startswith("genesis, version ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("agents", "--nonsense"),
        ("agents", "--domain", "233"),
        ("--domain", "-1", "agents"),
        ("agents", "--wait", "never"),
        ("run",),
        ("config", "superfluous"),
    ],
)
async def test_bad_usage_is_2_and_leaves_stdout_empty(arguments: tuple[str, ...]) -> None:
    outcome = await run(*arguments)
    assert outcome.status == 2
    assert outcome.stdout == ""
    assert "Error: " in outcome.stderr
    assert "Traceback" not in outcome.stderr


@pytest.mark.parametrize("subcommand", [("agents",), ("ask", "Echo", "hello"), ("config",), ("demo",)])
async def test_a_wrong_setting_is_2_and_named(subcommand: tuple[str, ...]) -> None:
    outcome = await run(*subcommand, environment={"GENESIS_LEASE_SECONDS": "soon"})
    assert outcome.status == 2
    assert outcome.stdout == ""
    assert outcome.stderr.startswith("genesis: setting lease_seconds ('soon') from GENESIS_LEASE_SECONDS")
    assert "Traceback" not in outcome.stderr


async def test_a_wrong_setting_is_an_object_with_json() -> None:
    outcome = await run("ask", "Echo", "hello", "--json", environment={"GENESIS_DOMAIN_ID": "x"})
    assert outcome.status == 2
    assert outcome.json["error"] == "ConfigError"
    assert outcome.stderr == ""


async def test_the_domain_may_stand_before_or_after_the_subcommand() -> None:
    before = await run("--domain", "7", "config", "--json")
    after = await run("config", "--json", "--domain", "7")
    assert before.json["domain_id"]["value"] == after.json["domain_id"]["value"] == 7
    assert before.json["domain_id"]["origin"] == "argument"


@pytest.mark.parametrize("subcommand", [("agents",), ("ask", "Echo", "hello"), ("demo",)])
async def test_an_interface_that_is_not_there_is_a_wrong_setting(
    subcommand: tuple[str, ...], genesis_domain: int
) -> None:
    outcome = await run(*subcommand, "--interfaces", "nosuch0")
    assert (outcome.status, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith("genesis: the settings name the network interface 'nosuch0', this machine has lo")
    assert outcome.stderr.endswith("; correct GENESIS_INTERFACES\n")


async def _in_a_shell(command: str) -> Outcome:
    process = await asyncio.create_subprocess_shell(
        f"{GENESIS} {command}", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    return await finish(process)


@pytest.mark.parametrize("arguments", ["--json", ""])
async def test_a_full_disk_is_told_without_a_trace(arguments: str) -> None:
    outcome = await _in_a_shell(f"config {arguments} >/dev/full")
    assert outcome.status == 1
    (line,) = outcome.stderr.splitlines()
    assert line.startswith("genesis: OSError: [Errno 28] ")


async def test_a_closed_stdout_loses_the_answer_alone() -> None:
    outcome = await _in_a_shell("config >&-")
    assert (outcome.status, outcome.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [("--timeout", "-1", "--json"), ("--json", "--timeout", "-1")])
async def test_bad_usage_is_an_object_with_json(arguments: tuple[str, ...]) -> None:
    outcome = await run("ask", "Echo", "hello", *arguments)
    assert (outcome.status, outcome.stderr) == (2, "")
    assert outcome.json["error"] == "BadParameter"
    assert "--timeout" in outcome.json["message"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--domain", "abc"), "'abc' is not a valid domain number."),
        (("--wait", "abc"), "'abc' is not a valid number of seconds."),
    ],
)
async def test_a_value_of_the_wrong_kind_is_named(arguments: tuple[str, ...], told: str) -> None:
    assert told in (await run("agents", *arguments)).stderr
