"""`python -m benchmarks.run`: echo between two processes over every stack, interleaved in one run."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from benchmarks.contestants import Contestant
from benchmarks.load import Job
from benchmarks.nats_server import NatsServerMissing, install_nats_server
from benchmarks.plan import CELLS, FULL, QUICK, Cell, Plan, is_sane, rotation
from benchmarks.processes import ChildFailed
from benchmarks.report import as_json, print_report
from benchmarks.results import Results
from benchmarks.stack import run
from benchmarks.stacks import NAMES

console = Console(stderr=True)


def main() -> None:
    """The command."""
    arguments = _parse()
    environment = {"GENESIS_DOMAIN_ID": str(arguments.domain), "GENESIS_INTERFACES": "lo"}
    try:
        run(_measure_and_report(arguments, environment), uvloop=False)
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("interrupted; every process is ended")
        sys.exit(130)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter slices, under 90 seconds")
    parser.add_argument("--stacks", type=_stacks, default=list(NAMES), help=f"comma-separated, of {', '.join(NAMES)}")
    parser.add_argument(
        "--domain",
        type=int,
        default=101,
        help="DDS domain to use, kept to loopback, above those tests take (default %(default)s)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw a plot, as png, svg or pdf")
    return parser.parse_args()


def _stacks(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(NAMES)}")
    return names


async def _measure_and_report(arguments: argparse.Namespace, environment: dict[str, str]) -> None:
    plan = QUICK if arguments.quick else FULL
    results = Results(arguments.stacks)
    async with _contestants(results, environment) as contestants:
        await _measure(results, plan, contestants)
    print_report(Console(width=max(Console().width, 140)), results)
    if arguments.json:
        arguments.json.write_text(json.dumps(as_json(results, plan), indent=1) + "\n", encoding="utf-8")
    if arguments.plot:
        from benchmarks.plot import draw

        draw(results, arguments.plot)


@asynccontextmanager
async def _contestants(results: Results, environment: dict[str, str]) -> AsyncIterator[dict[str, Contestant]]:
    contestants: dict[str, Contestant] = {}
    try:
        for name in results.stacks:
            console.print(f"starting {name}")
            try:
                if name == "nats":
                    await asyncio.to_thread(install_nats_server)
                contestant = Contestant(name, environment)
                await contestant.open()
                contestants[name] = contestant
            except (ChildFailed, NatsServerMissing) as error:
                results.skipped[name] = str(error)
                console.print(f"{name} skipped: {error}", style="yellow", markup=False)
        yield contestants
    finally:
        await asyncio.gather(*(contestant.close() for contestant in contestants.values()))


async def _measure(results: Results, plan: Plan, contestants: dict[str, Contestant]) -> None:
    turns = [(number, cell) for number in range(plan.rounds) for cell in CELLS]
    columns = (*Progress.get_default_columns()[:2], TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn())
    with Progress(*columns, console=console, refresh_per_second=2) as progress:
        task = progress.add_task("measuring", total=len(turns) * len(contestants))
        for turn, (number, cell) in enumerate(turns):
            for name in rotation(list(contestants), turn):
                progress.update(task, description=f"round {number + 1}/{plan.rounds} {name}")
                if is_sane(name, cell) and (name, cell) not in results.failed:
                    await _measure_slice(results, plan, contestants, name, cell)
                progress.advance(task)


async def _measure_slice(
    results: Results, plan: Plan, contestants: dict[str, Contestant], name: str, cell: Cell
) -> None:
    if name in results.skipped:
        return
    job = Job(cell.in_flight, cell.payload_bytes, plan.slice_seconds, plan.warm_up_seconds)
    try:
        results.slices[name, cell].append(await contestants[name].measure(job))
    except ChildFailed as error:
        results.failed[name, cell] = str(error)
        await contestants[name].close()
        try:
            await contestants[name].open()
        except ChildFailed as failure:
            results.skipped[name] = str(failure)


if __name__ == "__main__":
    main()
