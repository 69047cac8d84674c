"""`python -m benchmarks.startup`: import time, first call, memory, and on request many cold starts and a swarm."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.processes import ChildFailed, child
from benchmarks.report import machine
from benchmarks.stack import run
from benchmarks.startup import measures

IMPORTS = ("import genesis_lib", "from genesis_lib import GenesisAgent, GenesisInterface")
IMPORT_RUNS = 9
FIRST_CALL_RUNS = 7
SWARM_PROCESSES, SWARM_AGENTS_EACH = 10, 10

console = Console(stderr=True)
Rows = list[tuple[str, str, str, bool]]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--cold-starts", type=int, default=0, metavar="N", help="start N callers one after the other")
    parser.add_argument("--swarm", action="store_true", help="100 agents in 10 processes: until each sees all others")
    parser.add_argument(
        "--domain",
        type=int,
        default=101,
        help="DDS domain, kept to loopback, above those tests take (default %(default)s)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure")
    arguments = parser.parse_args()
    try:
        run(_measure_and_report(arguments), uvloop=False)
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("interrupted; every process is ended")
        sys.exit(130)
    except ChildFailed as error:
        sys.exit(str(error))


async def _measure_and_report(arguments: argparse.Namespace) -> None:
    environment = os.environ | {"GENESIS_DOMAIN_ID": str(arguments.domain), "GENESIS_INTERFACES": "lo"}
    rows: Rows = []
    figures: dict[str, Any] = {"machine": machine()}
    for statement in IMPORTS:
        imported = await measures.import_time(statement, IMPORT_RUNS)
        figures[statement] = asdict(imported)
        loaded = f"loads {', '.join(imported.heavy)}" if imported.heavy else "loads no DDS, openai or aiohttp"
        good = imported.seconds < 0.3 and not imported.heavy
        rows.append((statement, f"{imported.seconds:.3f} s, {loaded}", "under 0.3 s, loads none", good))
    async with child("benchmarks.stacks.genesis", "serve", environment=environment) as agent:
        starts = [await measures.cold_start(agent.address, environment) for _ in range(FIRST_CALL_RUNS)]
        first = statistics.median(start.start_to_answer_seconds for start in starts)
        figures["first_call"] = [asdict(start) for start in starts]
        rows.append(("process start to the first answer", f"{first:.3f} s", "under 1 s", first < 1))
        resident = measures.resident_megabytes(agent.pid)
        figures["resident_megabytes"] = resident
        rows.append(("memory of a process with one agent", f"{resident:.0f} MB", "under 70 MB", resident < 70))
        if arguments.cold_starts:
            cold = await _cold_starts(agent.address, arguments.cold_starts, environment)
            figures["cold_starts"] = asdict(cold)
            good = cold.answered == cold.callers and not cold.stalls
            text = (
                f"{cold.answered} answered, {cold.stalls} took 100 ms or more;"
                f" call alone {cold.median_call_seconds * 1000:.1f} ms median,"
                f" {cold.slowest_call_seconds * 1000:.1f} ms slowest"
            )
            rows.append((f"{cold.callers} cold starts", text, "all answered, no stall", good))
    if arguments.swarm:
        swarm = await measures.swarm(SWARM_PROCESSES, SWARM_AGENTS_EACH, environment)
        figures["swarm"] = asdict(swarm)
        text = f"{swarm.since_start_seconds:.2f} s, {swarm.since_ready_seconds:.2f} s of it after the last was up"
        title = f"{swarm.agents} agents in {swarm.processes} processes all see each other"
        rows.append((title, text, "within 5 s", swarm.since_start_seconds <= 5))
    _report(rows)
    figures["rows"] = [dict(zip(("what", "measured", "goal", "reached"), row, strict=True)) for row in rows]
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


async def _cold_starts(agent_id: str, callers: int, environment: dict[str, str]) -> measures.ColdStarts:
    with Progress(console=console, refresh_per_second=2) as progress:
        task = progress.add_task("cold starts", total=callers)

        def show(started: int, answered: int, stalls: int) -> None:
            text = f"cold starts: {answered}/{started} answered, {stalls} stalled"
            progress.update(task, completed=started, description=text)
            if started % 100 == 0:
                console.print(text)

        cold = await measures.cold_starts(agent_id, callers, environment, show)
    for failure in cold.failures:
        console.print(failure, style="red", markup=False)
    return cold


def _report(rows: Rows) -> None:
    table = Table(title="Starting", title_justify="left")
    for heading in ("what", "measured", "goal", ""):
        table.add_column(heading)
    for what, measured, goal, reached in rows:
        table.add_row(what, measured, goal, "reached" if reached else "[red]missed[/red]")
    Console(width=max(Console().width, 130)).print(table)


if __name__ == "__main__":
    main()
