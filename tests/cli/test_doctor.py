from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from rich.console import Console

from genesis_lib.cli.doctor_report import render
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.agents_for_tests import Echo
from tests.cli.agents import Clerk
from tests.cli.command import run


@asynccontextmanager
async def raw_endpoints(*kinds: str) -> AsyncIterator[str]:
    """A process with these endpoints; its participant's key."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.cli.raw_endpoints", *kinds),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.stdin.close()
        await process.wait()


def _problems(report: Any) -> list[str]:
    return [conclusion["text"] for conclusion in report["conclusions"] if conclusion["problem"]]


async def test_fine_is_0_and_names_what_was_seen(agent_process: StartAgentProcess, genesis_domain: int) -> None:
    clerk = await agent_process(Clerk)
    outcome = await run("doctor", "--json")
    report = outcome.json
    assert (outcome.status, outcome.stderr, report["ok"], _problems(report)) == (0, "", True, [])
    assert (report["domain_id"], report["dds"], report["mismatches"]) == (genesis_domain, "cyclone", [])
    assert report["settings"]["interfaces"] == {"value": ["lo"], "origin": "GENESIS_INTERFACES"}
    cyclone, connext = report["products"]
    assert (cyclone["name"], connext["name"]) == ("Eclipse Cyclone DDS", "RTI Connext")
    assert cyclone["version"]
    (loopback,) = (interface for interface in report["interfaces"] if interface["name"] == "lo")
    assert loopback["used"] is True
    assert loopback["up"] is True
    assert "127.0.0.1" in loopback["addresses"]
    assert not any(interface["used"] for interface in report["interfaces"] if interface["name"] != "lo")
    (participant,) = report["participants"]
    assert participant["agents"] == [{"name": "Clerk", "agent_id": clerk.agent_id}]
    assert participant["pid"] == clerk.pid
    assert participant["components"] == ["Clerk"]
    assert [agent["agent_id"] for agent in report["agents"]] == [clerk.agent_id]


async def test_text_says_the_same_to_a_person(agent_process: StartAgentProcess) -> None:
    clerk = await agent_process(Clerk)
    outcome = await run("doctor")
    assert outcome.status == 0
    assert f"process {clerk.pid} on " in outcome.stdout
    assert clerk.agent_id in outcome.stdout
    assert "Nothing is wrong; 1 agent can be seen." in outcome.stdout


async def test_no_agents_is_fine_and_says_where_they_may_be(genesis_domain: int) -> None:
    outcome = await run("doctor", "--json")
    assert (outcome.status, outcome.json["participants"], outcome.json["agents"]) == (0, [], [])
    assert any("GENESIS_DOMAIN_ID" in conclusion["text"] for conclusion in outcome.json["conclusions"])


async def test_endpoints_that_do_not_match_are_named_with_policy_and_participant(genesis_domain: int) -> None:
    async with raw_endpoints("careless_writer", "demanding_reader", "strange_type") as key:
        outcome = await run("doctor", "--json")
        text = await run("doctor")
    report = outcome.json
    assert (outcome.status, report["ok"]) == (1, False)
    found = {
        (mismatch["topic"], mismatch["endpoint"]): [
            (policy["policy"], policy["theirs"], policy["ours"]) for policy in mismatch["policies"]
        ]
        for mismatch in report["mismatches"]
    }
    assert found == {
        ("AgentCapability", "writer"): [
            ("reliability", "BEST_EFFORT", "RELIABLE"),
            ("durability", "VOLATILE", "TRANSIENT_LOCAL"),
        ],
        ("OtherService_x1Request", "reader"): [("durability", "TRANSIENT_LOCAL", "VOLATILE")],
        ("ComponentStatus", "writer"): [("type", "genesis_lib::AgentAgentReply", "genesis_lib::ComponentStatus")],
    }
    assert {mismatch["participant"] for mismatch in report["mismatches"]} == {key}
    assert len(_problems(report)) == 3
    assert all(key in problem for problem in _problems(report))
    assert text.status == 1
    assert "offers reliability BEST_EFFORT, durability VOLATILE; ours asks for RELIABLE, TRANSIENT_LOCAL" in text.stdout
    assert "the service OtherService_x1" in text.stdout


async def test_endpoints_that_fit_are_no_problem(genesis_domain: int) -> None:
    async with raw_endpoints("fitting_writer") as key:
        outcome = await run("doctor", "--json")
    assert outcome.status == 0
    assert [participant["key"] for participant in outcome.json["participants"]] == [key]


async def test_an_agent_with_another_lease_is_named(agent_process: StartAgentProcess) -> None:
    echo = await agent_process(Echo, {"agent_id": "slow1"}, {"GENESIS_LEASE_SECONDS": "5"})
    assert (await run("agents", "--json")).json == []
    outcome = await run("doctor", "--json")
    assert outcome.status == 1
    (problem,) = _problems(outcome.json)
    assert f"EchoService_{echo.agent_id}" in problem
    assert "liveliness lease 5 s; ours asks for lease 1 s (GENESIS_LEASE_SECONDS)" in problem


async def test_wrong_settings_are_a_conclusion(genesis_domain: int) -> None:
    outcome = await run("doctor", "--json", environment={"GENESIS_SETTLE_SECONDS": "-1"})
    assert outcome.status == 1
    (problem,) = _problems(outcome.json)
    assert "GENESIS_SETTLE_SECONDS" in problem
    assert outcome.json["interfaces"]


async def test_an_interface_that_is_not_there_is_a_conclusion(genesis_domain: int) -> None:
    outcome = await run("doctor", "--json", "--interfaces", "nosuch0")
    assert outcome.status == 1
    first, second = _problems(outcome.json)
    assert "'nosuch0'" in first
    assert "Cyclone DDS cannot open domain" in second


async def test_a_narrow_report_breaks_no_id_and_no_address(agent_process: StartAgentProcess) -> None:
    clerk = await agent_process(Clerk)
    report = (await run("doctor", "--json")).json
    console = Console(width=60)
    with console.capture() as captured:
        console.print(*render(report, narrow=True))
    words = captured.get().split()
    assert {clerk.agent_id, report["participants"][0]["key"], "127.0.0.1", "process", "GENESIS_DDS=connext"} <= {*words}
    assert max(len(line) for line in captured.get().splitlines()) <= 60


async def test_a_route_by_an_interface_that_is_not_used_says_so(genesis_domain: int) -> None:
    report = (await run("doctor", "--json")).json
    for interface in report["interfaces"]:
        interface["used"] = False
    report["multicast_route"] = {"interface": "lo", "address": "127.0.0.1"}
    console = Console(width=200)
    with console.capture() as captured:
        console.print(*render(report, narrow=False))
    assert "by lo, from 127.0.0.1; not taken, that interface is not used" in captured.get()
