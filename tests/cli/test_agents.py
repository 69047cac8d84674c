from __future__ import annotations

from dataclasses import fields

from genesis_lib import AgentInfo
from genesis_lib.cli.agents import age
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.agents_for_tests import Calculator
from tests.cli.agents import Clerk, Recluse
from tests.cli.command import run


async def test_no_agents_is_no_error_and_says_what_to_do(genesis_domain: int) -> None:
    outcome = await run("agents", "--wait", "0.2")
    assert (outcome.status, outcome.stdout) == (0, "")
    assert f"no agents on domain {genesis_domain}" in outcome.stderr
    assert "genesis run" in outcome.stderr
    assert "genesis doctor" in outcome.stderr


async def test_no_agents_in_json_is_an_empty_array(genesis_domain: int) -> None:
    outcome = await run("agents", "--json", "--wait", "0.2")
    assert (outcome.status, outcome.json) == (0, [])


async def test_the_table_marks_what_is_special(agent_process: StartAgentProcess) -> None:
    clerk, recluse = await agent_process(Clerk), await agent_process(Recluse)
    await agent_process(Calculator)
    outcome = await run("agents")
    assert (outcome.status, outcome.stderr) == (0, "")
    header, *rows = outcome.stdout.splitlines()
    assert header.split() == ["NAME", "TYPE", "CAPABILITIES", "ID", "HOST", "SINCE"]
    assert [row.split()[0] for row in rows] == ["Calculator", "Clerk", "Recluse"]
    assert "add(), fail()" in rows[0]
    assert "filing (default)" in rows[1]
    assert clerk.agent_id in rows[1]
    assert "(interfaces only)" in rows[2]
    assert recluse.agent_id in rows[2]


async def test_json_has_all_that_is_known(agent_process: StartAgentProcess) -> None:
    calculator = await agent_process(Calculator)
    (agent,) = (await run("agents", "--json")).json
    assert set(agent) == {field.name for field in fields(AgentInfo)} | {"functions"}
    assert agent["agent_id"] == calculator.agent_id
    assert agent["service_name"] == f"CalculatorService_{calculator.agent_id}"
    assert agent["pid"] == calculator.pid
    assert agent["capabilities"] == []
    add, fail = agent["functions"]
    assert (add["name"], add["description"], fail["name"]) == ("add", "Add two whole numbers.", "fail")
    assert add["parameter_schema"]["required"] == ["a"]


async def test_a_name_does_not_reach_the_terminal_as_a_command(agent_process: StartAgentProcess) -> None:
    await agent_process(Clerk, {"agent_name": "[bold]Clerk\x1b]0;gotcha\x07"})
    outcome = await run("agents")
    assert "\x1b" not in outcome.stdout
    assert "[bold]Clerk\\x1b]0;gotcha\\x07" in outcome.stdout


def test_age_in_the_largest_unit_that_fits() -> None:
    assert [age(seconds) for seconds in (-3, 0.5, 59, 60, 7199, 86_400 * 3)] == [
        "just now",
        "just now",
        "59 s ago",
        "1 min ago",
        "1 h ago",
        "3 d ago",
    ]
