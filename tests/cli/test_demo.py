"""The demo, end to end."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import pytest

from genesis_lib import MonitoredInterface
from genesis_lib.cli.demo_acts import Cast, broadcast
from genesis_lib.cli.demo_trace import JourneyWatcher
from genesis_lib.testing.fixtures import StartAgentProcess
from genesis_lib.testing.model_server import Answer, ScriptedModelServer, routing_script
from tests.agents_for_tests import Echo
from tests.cli.agents import Silent
from tests.cli.command import finish, run, start
from tests.cli.conftest import MarkedProcesses
from tests.contract.recorder import PATIENCE_SECONDS

LABEL = "scripted stand-in"
AGENTS = {"WeatherExpert", "SmartGeneralAgent", "Storyteller"}


def _lines(stdout: str) -> list[str]:
    return [line.removeprefix("  ") for line in stdout.splitlines()]


def _ready(stdout: str) -> dict[str, int]:
    """Agent -> pid."""
    found = re.findall(r"^  (\w+) +ready  \d+\.\d\d s   pid (\d+) ", stdout, re.MULTILINE)
    return {name: int(pid) for name, pid in found}


async def test_without_a_model_it_shows_the_fallback(marked_processes: MarkedProcesses) -> None:
    outcome = await run("demo")
    assert (outcome.status, outcome.stderr) == (0, "")
    lines = _lines(outcome.stdout)
    assert re.fullmatch(r"domain \d+ on Eclipse Cyclone DDS [\d.]+, loopback, no broker", lines[0])
    pids = _ready(outcome.stdout)
    assert set(pids) == AGENTS
    assert len(set(pids.values())) == 3
    assert any(re.fullmatch(r"demo -> WeatherExpert   1 hop, \d+\.\d ms on the bus", line) for line in lines)
    assert any(line.startswith("demo -> 3 agents   all answered within ") for line in lines)
    assert any(line.startswith("demo -> Storyteller   35 parts, the first after ") for line in lines)
    (fallback,) = (line for line in lines if line.startswith("demo -> SmartGeneralAgent"))
    assert "no language model is configured" in fallback
    assert "'SmartGeneralAgent' is default_capable" in fallback
    assert "sample data: set OPENWEATHERMAP_API_KEY for live data" in outcome.stdout
    assert "genesis ask WeatherExpert" in outcome.stdout
    assert LABEL not in outcome.stdout.replace("'genesis demo --scripted-model' shows it with a scripted stand-in", "")
    assert marked_processes.alive() == []


async def test_the_stand_in_routes_and_is_labelled(marked_processes: MarkedProcesses) -> None:
    outcome = await run("demo", "--scripted-model")
    assert (outcome.status, outcome.stderr) == (0, "")
    lines = _lines(outcome.stdout)
    (chosen,) = (line for line in lines if line.startswith("SmartGeneralAgent -> WeatherExpert"))
    assert "chosen by the scripted stand-in, no model configured" in chosen
    assert re.search(r"   2 hops, \d+\.\d ms on the bus(, connecting included)?$", chosen)
    assert all(LABEL in line for line in lines if "You said" in line)
    assert lines[lines.index(chosen) + 1].startswith("Monument, Colorado")
    assert marked_processes.alive() == []


async def test_with_a_model_the_model_chooses(marked_processes: MarkedProcesses) -> None:
    async with ScriptedModelServer(script=routing_script({"umbrella": "WeatherExpert"})) as model:
        environment = {"OPENAI_BASE_URL": model.base_url, "GENESIS_MODEL_NAME": "some-model"}
        outcome = await run("demo", environment=environment)
        assert model.requests
    assert outcome.status == 0
    assert "SmartGeneralAgent -> WeatherExpert   (chosen by the language model some-model: " in outcome.stdout
    assert "the fallback" not in outcome.stdout
    assert marked_processes.alive() == []


async def test_a_model_that_refuses_is_told_and_the_demo_goes_on(marked_processes: MarkedProcesses) -> None:
    outcome = await run("demo", environment={"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"})
    assert (outcome.status, outcome.stderr) == (0, "")
    lines = _lines(outcome.stdout)
    assert any(line.startswith("demo -> 3 agents   all answered within ") for line in lines)
    assert any(line.startswith("SmartGeneralAgent (status -1): ") for line in lines)
    (told,) = (line for line in lines if line.startswith("No agent was chosen by the language model gpt-4o-mini."))
    assert "http://127.0.0.1:9/v1" in lines[lines.index(told) - 1]
    assert "What to try next" in lines
    assert marked_processes.alive() == []


async def test_a_model_that_hangs_is_told_and_the_demo_goes_on(marked_processes: MarkedProcesses) -> None:
    async with ScriptedModelServer(script=lambda _: Answer("too late", delay_seconds=600)) as model:
        outcome = await run("demo", environment={"OPENAI_BASE_URL": model.base_url})
    assert (outcome.status, outcome.stderr) == (0, "")
    lines = _lines(outcome.stdout)
    assert any(line.startswith("WeatherExpert: Oslo") for line in lines)
    assert any(line.startswith("No agent was chosen by the language model gpt-4o-mini.") for line in lines)
    assert "What to try next" in lines
    assert marked_processes.alive() == []


async def test_a_broadcast_shows_the_answers_beside_the_one_that_failed(
    agent_process: StartAgentProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    echo = await agent_process(Echo)
    silent = await agent_process(Silent)
    async with MonitoredInterface("demo") as bus:
        for agent in (echo, silent):
            assert await bus.wait_for_agent(agent.agent_id)
            assert await bus.connect_to_agent(agent.agent_id)
        cast = Cast(bus, JourneyWatcher(bus.app.agent_id), {}, last_call=asyncio.get_running_loop().time() + 3)
        await broadcast(cast)
    lines = _lines(capsys.readouterr().out)
    assert any(line.startswith("demo -> 2 agents   1 answered within ") for line in lines)
    assert any(line.endswith(": Tell me about Oslo.") for line in lines)
    assert any(line.startswith(f"{silent.agent_id} (RequestTimeout): ") for line in lines)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
async def test_a_signal_leaves_no_process_behind(
    marked_processes: MarkedProcesses, number: signal.Signals, status: int
) -> None:
    process = await start("demo")
    assert process.stdout is not None
    while b" ready " not in await process.stdout.readline():
        assert process.returncode is None
    assert len(marked_processes.alive()) == 4
    process.send_signal(number)
    outcome = await finish(process)
    assert (outcome.status, outcome.stderr) == (status, "")
    assert marked_processes.alive() == []


async def _readable(descriptor: int) -> None:
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)


async def test_its_processes_end_when_it_is_killed(marked_processes: MarkedProcesses) -> None:
    process, agents = await _with_its_agents(marked_processes)
    async with _ended(agents):
        process.kill()
        await finish(process)
    assert marked_processes.alive() == []


async def test_its_processes_end_after_a_second_ctrl_c(marked_processes: MarkedProcesses) -> None:
    process, agents = await _with_its_agents(marked_processes)
    async with _ended(agents):
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        outcome = await finish(process)
        assert (outcome.status, outcome.stderr) == (130, "")
    assert marked_processes.alive() == []


async def _with_its_agents(marked_processes: MarkedProcesses) -> tuple[asyncio.subprocess.Process, list[int]]:
    """A demo, and the pids of its processes."""
    process = await start("demo")
    assert process.stdout is not None
    while b" ready " not in await process.stdout.readline():
        assert process.returncode is None
    agents = [pid for pid in marked_processes.pids() if pid != process.pid]
    assert len(agents) == 3
    return process, agents


@asynccontextmanager
async def _ended(pids: list[int]) -> AsyncIterator[None]:
    """Left when these processes are gone."""
    with ExitStack() as stack:
        ends = [os.pidfd_open(pid) for pid in pids]
        for end in ends:
            stack.callback(os.close, end)
        yield
        async with asyncio.timeout(PATIENCE_SECONDS):
            for end in ends:
                await _readable(end)


async def test_time_that_runs_out_is_told(marked_processes: MarkedProcesses) -> None:
    outcome = await run("demo", "--timeout", "0.2")
    assert outcome.status == 1
    assert outcome.stderr == "genesis: the demo did not come to its end within 0.2 s (--timeout)\n"
    assert marked_processes.alive() == []


async def test_a_network_that_is_not_there_fails_at_once(marked_processes: MarkedProcesses) -> None:
    outcome = await run("demo", "--interfaces", "nosuch0")
    assert outcome.status == 2
    assert "nosuch0" in outcome.stderr
    assert marked_processes.alive() == []


async def test_two_demos_at_once_do_not_meet(marked_processes: MarkedProcesses) -> None:
    first, second = await asyncio.gather(run("demo"), run("demo"))
    assert (first.status, second.status) == (0, 0)
    assert not set(_ready(first.stdout).values()) & set(_ready(second.stdout).values())
    assert "demo -> 3 agents" in first.stdout
    assert "demo -> 3 agents" in second.stdout
