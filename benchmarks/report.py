"""Results as tables on the terminal, as JSON, and as the generated part of docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import asdict
from importlib import metadata
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.plan import CELLS, IN_FLIGHT, PAYLOAD_BYTES, Cell, Plan, is_sane
from benchmarks.results import Results, ratio_results

PACKAGES = ("cyclonedds", "nats-py", "pyzmq", "grpcio", "eclipse-zenoh", "a2a-sdk", "uvicorn", "uvloop")


def size(payload_bytes: int) -> str:
    """A payload size for people."""
    for unit, factor in (("MB", 1_000_000), ("KB", 1000)):
        if payload_bytes >= factor:
            return f"{payload_bytes // factor} {unit}"
    return f"{payload_bytes} B"


def microseconds(value: float) -> str:
    """A latency for people: microseconds up to ten milliseconds, then milliseconds."""
    return f"{value:,.0f} us" if value < 10_000 else f"{value / 1000:,.0f} ms"


def cell_texts(results: Results, stack: str, cell: Cell) -> tuple[str, str, str]:
    """p50, p99 and requests/s of one cell, or why there are none."""
    measured = results.figures(stack, cell)
    if measured is not None:
        return microseconds(measured.p50_us), microseconds(measured.p99_us), f"{measured.requests_per_second:,.0f}"
    if (stack, cell) in results.failed:
        return "failed", "", ""
    return ("-", "", "") if is_sane(stack, cell) else ("too slow", "", "")


def notes(results: Results) -> Iterable[str]:
    """One line for every stack and cell that is missing."""
    for stack, reason in results.skipped.items():
        yield f"{stack} skipped: {reason}"
    for (stack, cell), reason in results.failed.items():
        yield f"{stack} failed at {size(cell.payload_bytes)}, {cell.in_flight} in flight: {reason}"
    left_out = [stack for stack in results.stacks if not all(is_sane(stack, cell) for cell in CELLS)]
    for stack in left_out:
        yield f"{stack} is left out where one slice would take many seconds"


def print_report(console: Console, results: Results) -> None:
    """Print everything there is to know."""
    for payload_bytes in PAYLOAD_BYTES:
        table = Table(title=f"{size(payload_bytes)} there and back", title_justify="left")
        table.add_column("stack", no_wrap=True)
        for in_flight in IN_FLIGHT:
            for heading in (f"{in_flight} in flight\np50", "\np99", "\nrequests/s"):
                table.add_column(heading, justify="right", no_wrap=True)
        for stack in results.stacks:
            if stack not in results.skipped:
                texts = [cell_texts(results, stack, Cell(payload_bytes, in_flight)) for in_flight in IN_FLIGHT]
                table.add_row(stack, *(text for three in texts for text in three))
        console.print(table)
    console.print(_ratio_table(results))
    for note in notes(results):
        console.print(note, style="yellow", markup=False)


def _ratio_table(results: Results) -> Table:
    ratios = Table(
        title="Ratios at 100 B: median of the rounds (lowest to highest)", title_justify="left", min_width=80
    )
    for heading in ("ratio", "value", "goal", ""):
        ratios.add_column(heading)
    for result in ratio_results(results):
        value = f"{result.median:.2f} ({result.lowest:.2f} to {result.highest:.2f})"
        reached = "reached" if result.ratio.reached(result.median) else "[red]missed[/red]"
        ratios.add_row(result.ratio.title, value, result.ratio.goal, reached)
    return ratios


def as_json(results: Results, plan: Plan) -> dict[str, Any]:
    """Everything as JSON values. Latencies are microseconds."""
    return {
        "machine": machine(),
        "plan": asdict(plan),
        "cells": [
            {
                "stack": stack,
                **cell._asdict(),
                **asdict(measured),
                "rounds": [asdict(r) for r in results.rounds(stack, cell)],
            }
            for stack in results.stacks
            for cell in CELLS
            if (measured := results.figures(stack, cell)) is not None
        ],
        "ratios": [result.as_json() for result in ratio_results(results)],
        "skipped": results.skipped,
        "failed": [
            {"stack": stack, **cell._asdict(), "reason": reason} for (stack, cell), reason in results.failed.items()
        ],
    }


def machine() -> dict[str, Any]:
    """Where it was measured."""
    return {
        "cpus": os.cpu_count(),
        "architecture": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
