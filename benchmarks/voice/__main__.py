"""`python -m benchmarks.voice [--json FILE]`: every figure of docs/voice.md that this machine can measure, and its tables.

Takes a quarter of an hour on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.processes import ChildFailed
from benchmarks.report import machine
from benchmarks.stack import run
from benchmarks.voice.calls import measure_calls
from benchmarks.voice.document import write_tables
from benchmarks.voice.rooms import measure_rooms
from benchmarks.voice.words import measure_words

ROOMS_AT_ONCE = (1, 5, 10, 15, 20)
CALLS_AT_ONCE = (1, 2, 4, 6, 8)
TURNS = 20

console = Console(stderr=True)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.voice", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure")
    arguments = parser.parse_args()
    try:
        figures: dict[str, Any] = {"machine": machine(), "rooms": [], "calls": []}
        run(_measure(figures), uvloop=False)
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("interrupted; every process is ended")
        sys.exit(130)
    except ChildFailed as error:
        sys.exit(str(error))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    write_tables(figures)


async def _measure(figures: dict[str, Any]) -> None:
    for count in ROOMS_AT_ONCE:
        console.print(f"{count} rooms at once, audio only")
        figures["rooms"].append(asdict(await measure_rooms(count, TURNS)))
    for count in CALLS_AT_ONCE:
        console.print(f"{count} calls at once, with speech")
        figures["calls"].append(asdict(await measure_calls(count)))
    console.print("voices, recognisers and codecs")
    figures["words"] = [asdict(each) for each in await measure_words()]


if __name__ == "__main__":
    main()
