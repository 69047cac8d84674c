"""Whole calls: espeak-ng speaks, PocketSphinx hears, scripts decide; two processes for each call."""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.voice.cost import cpu_seconds, memory_bytes
from genesis_lib import GenesisInterface
from genesis_lib.settings import load_settings
from genesis_lib.testing.domains import free_domain
from genesis_lib.testing.processes import AgentProcess, start_agent_process
from genesis_lib.voice.audio import seconds
from genesis_lib.voice.captured import read_captured
from genesis_lib.voice.figures import response_gaps
from genesis_lib.voice.production import CallResult, Production, produce
from genesis_lib.voice.scenario import SIDES, Side, load_scenario

SCENARIO = "appointment"
_AGENTS: dict[Side, str] = {
    "customer": "genesis_lib.voice.agent:CustomerAgent",
    "support": "genesis_lib.voice.agent:SupportAgent",
}
_PATIENCE_SECONDS = 60
_IN_THE_MIDST_SECONDS = 20


@dataclass(frozen=True, slots=True)
class CallFigures:
    """So many calls at once. `reached` counts those that reached what their scenario wants; gaps in seconds, thinking and
    the first synthesis included; `word_error` is errors per word over all; CPU and memory as in RoomFigures."""

    calls: int
    reached: int
    gaps: list[float]
    word_error: float
    seconds: float
    cpu_per_call: float
    memory_per_call: int


async def measure_calls(calls: int) -> CallFigures:
    """Hold so many calls at once in real time, recorded by this process."""
    with free_domain() as domain, ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        environment = {"GENESIS_DOMAIN_ID": str(domain), "GENESIS_INTERFACES": "lo"}
        processes: list[AgentProcess] = []
        for number in range(calls):
            for side, agent in _AGENTS.items():
                process = await start_agent_process(agent, {"agent_id": f"{side}{number}"}, environment)
                stack.callback(process.end)
                processes.append(process)
        pids = [process.pid for process in processes]
        os.environ.update(environment)
        async with GenesisInterface("benchmark", settings=load_settings()) as bus:
            for process in processes:
                if not await bus.wait_for_agent(process.agent_id, _PATIENCE_SECONDS):
                    raise RuntimeError(f"agent {process.agent_id} was not found")
            loop = asyncio.get_running_loop()
            holding = [asyncio.ensure_future(_hold(bus, number, Path(folder) / str(number))) for number in range(calls)]
            await asyncio.sleep(_IN_THE_MIDST_SECONDS / 2)  # what is loaded once is loaded by then
            began, cpu = loop.time(), cpu_seconds(pids)
            await asyncio.sleep(_IN_THE_MIDST_SECONDS)
            used, lasted, memory = cpu_seconds(pids) - cpu, loop.time() - began, memory_bytes(pids)
            results = await asyncio.gather(*holding)
        gaps = [
            seconds(end - start)
            for number in range(calls)
            for start, end in response_gaps(read_captured(Path(folder) / str(number)).utterances)
        ]
    heard = [result.figures.word_error[side] for result in results for side in SIDES]
    return CallFigures(
        calls,
        sum(not result.missing for result in results),
        sorted(gaps),
        sum(each.errors for each in heard) / sum(each.words for each in heard),
        max(result.figures.duration_seconds for result in results),
        used / lasted / calls,
        memory // calls,
    )


async def _hold(bus: GenesisInterface, number: int, directory: Path) -> CallResult:
    scenario = load_scenario(SCENARIO)
    agents = {side: f"{side}{number}" for side in SIDES}
    personas = {side: scenario.persona_of(side) for side in SIDES}
    return await produce(bus, Production(SCENARIO, scenario, agents, personas, f"room {number}", directory, "realtime"))
