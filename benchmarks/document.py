"""`python -m benchmarks.document RUN.json [STARTUP.json]`: put the figures between the marks in docs/benchmarks.md."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.markdown import head, put_between, row
from benchmarks.plan import IN_FLIGHT, PAYLOAD_BYTES
from benchmarks.report import microseconds, size

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- figures: begin, written by benchmarks.document -->", "<!-- figures: end -->"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.document", description=__doc__)
    parser.add_argument("run", type=Path, help="what benchmarks.run --json wrote")
    parser.add_argument("startup", type=Path, nargs="?", help="what benchmarks.startup --json wrote")
    arguments = parser.parse_args()
    lines = list(_run_section(json.loads(arguments.run.read_text(encoding="utf-8"))))
    if arguments.startup:
        lines += _startup_section(json.loads(arguments.startup.read_text(encoding="utf-8")))
    put_between(PAGE, BEGIN, END, lines)


def _run_section(run: dict[str, Any]) -> Iterator[str]:
    yield _machine_line(run["machine"])
    cells = {(cell["stack"], cell["payload_bytes"], cell["in_flight"]): cell for cell in run["cells"]}
    stacks = list(dict.fromkeys(cell["stack"] for cell in run["cells"]))
    for payload_bytes in PAYLOAD_BYTES:
        yield from ("", f"### {size(payload_bytes)} there and back", "")
        headings = [f"{n} in flight: {what}" for n in IN_FLIGHT for what in ("p50", "p99", "requests/s")]
        yield from head(["stack", *headings], right_from=1)
        for stack in stacks:
            texts = [text for n in IN_FLIGHT for text in _texts(cells.get((stack, payload_bytes, n)))]
            yield row([stack, *texts])
    yield from ("", "### Ratios", "", "At 100 B; the median of the rounds, lowest and highest in brackets.", "")
    yield from head(["ratio", "measured", "goal", ""])
    for ratio in run["ratios"]:
        measured = f"{ratio['median']:.2f} ({ratio['lowest']:.2f} to {ratio['highest']:.2f})"
        yield row([ratio["title"], measured, ratio["goal"], "reached" if ratio["reached"] else "missed"])
    missing = [f"- {stack} was skipped: {reason}" for stack, reason in run["skipped"].items()]
    missing += [
        f"- {cell['stack']} failed at {size(cell['payload_bytes'])} with {cell['in_flight']} in flight: {cell['reason']}"
        for cell in run["failed"]
    ]
    if missing:
        yield from ("", *missing)


def _startup_section(startup: dict[str, Any]) -> Iterator[str]:
    yield from ("", "### Starting", "")
    yield from head(["what", "measured", "goal", ""])
    for each in startup["rows"]:
        yield row([each["what"], each["measured"], each["goal"], "reached" if each["reached"] else "missed"])


def _machine_line(machine: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return f"{machine['cpus']} CPUs ({machine['architecture']}), Python {machine['python']}; {packages}."


def _texts(cell: dict[str, Any] | None) -> tuple[str, str, str]:
    if cell is None:
        return "-", "-", "-"
    return microseconds(cell["p50_us"]), microseconds(cell["p99_us"]), f"{cell['requests_per_second']:,.0f}"


if __name__ == "__main__":
    main()
