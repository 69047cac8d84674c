"""`genesis voice batch`: many spoken calls, one after the other, and a table of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from genesis_lib.cli.interruptible import run_interruptible
from genesis_lib.cli.invocation import Invocation, common_options, json_option
from genesis_lib.cli.output import complain, show, visible, write_json

if TYPE_CHECKING:
    from genesis_lib.cli.voice_stage import RoomKind
    from genesis_lib.errors import GenesisError
    from genesis_lib.voice.production import CallResult
    from genesis_lib.voice.scenario import Scenario


@click.command("batch")
@click.argument("scenarios", nargs=-1)
@click.option("--out", type=click.Path(path_type=Path), default=Path("calls"), metavar="DIR", help="[default: calls]")
@click.option(
    "--pace",
    type=click.Choice(["realtime", "fast"]),
    default="fast",
    help="In real time, or as fast as speech is made.  [default: fast]",
)
@click.option(
    "--room",
    "kind",
    type=click.Choice(["dds", "livekit"]),
    default="dds",
    help="Where the calls are held; in a LiveKit room always in real time.  [default: dds]",
)
@json_option("One JSON array with an object for each call.")
@common_options
@click.pass_obj
def command(
    invocation: Invocation,
    scenarios: tuple[str, ...],
    out: Path,
    pace: Literal["realtime", "fast"],
    kind: RoomKind,
) -> int:
    """Hold the calls of these SCENARIOS, of all scripted ones that come with the library when none is named, each recorded
    into a new directory below DIR, such as weather-1.

    Exit status: 0 all reached what their scenarios want, 1 not all.
    """
    from genesis_lib.testing.domains import free_domain

    pace = "realtime" if kind == "livekit" else pace
    if invocation.interfaces is None:
        invocation.interfaces = "lo"
    if invocation.domain is not None:
        return run_interruptible(_run(invocation, scenarios, out, pace, kind))
    with free_domain() as domain:
        invocation.domain = domain
        return run_interruptible(_run(invocation, scenarios, out, pace, kind))


async def _run(
    invocation: Invocation, names: tuple[str, ...], out: Path, pace: Literal["realtime", "fast"], kind: RoomKind
) -> int:
    from genesis_lib.cli.voice_run import summary
    from genesis_lib.cli.voice_stage import called_by, new_directory, stage
    from genesis_lib.errors import GenesisError

    chosen = await asyncio.to_thread(_chosen, names)
    called = frozenset[str]().union(*(called_by(scenario) for _, scenario in chosen))
    results: list[tuple[str, Path, CallResult | GenesisError]] = []
    async with stage(invocation.settings(), invocation.environment(), called, kind) as ready:
        for name, scenario in chosen:
            directory = new_directory(out, name)
            if not invocation.json:
                complain(f"{name}: {scenario.title}, recorded in {directory}")
            try:
                results.append((name, directory, await ready.play(name, scenario, {}, directory, pace)))
            except GenesisError as error:
                results.append((name, directory, error))
    if invocation.json:
        write_json(
            [
                {"scenario": name, "error": str(result)}
                if isinstance(result, GenesisError)
                else {"scenario": name, **summary(result, directory)}
                for name, directory, result in results
            ]
        )
    else:
        _show_table(results)
    return 0 if all(not isinstance(each, GenesisError) and not each.missing for _, _, each in results) else 1


def _chosen(names: tuple[str, ...]) -> list[tuple[str, Scenario]]:
    from genesis_lib.voice.scenario import list_scenarios, load_scenario

    if names:
        return [(name, load_scenario(name)) for name in names]
    return [(name, one) for name, one in list_scenarios().items() if one.customer.steps and one.support.steps]


def _show_table(results: list[tuple[str, Path, CallResult | GenesisError]]) -> None:
    from rich.table import Table
    from rich.text import Text

    from genesis_lib.errors import GenesisError

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("SCENARIO", "RESULT", "TURNS", "DURATION", "GAP", "WORD ERROR", "BUS CALLS", "ENDED"):
        table.add_column(column, overflow="fold")
    for name, _, result in results:
        if isinstance(result, GenesisError):
            table.add_row(Text(name), Text("failed", "red"), "", "", "", "", "", Text(visible(str(result))))
            continue
        figures = result.figures
        errors = [f"{each.rate:.0%}" for each in figures.word_error.values() if each.rate is not None]
        gap = figures.response_gaps.median
        table.add_row(
            Text(name),
            Text("missed", "red") if result.missing else Text("reached", "green"),
            str(figures.turns),
            f"{figures.duration_seconds:.1f} s",
            "" if gap is None else f"{gap:.2f} s",
            " / ".join(errors),
            str(figures.bus_calls.count),
            Text(visible(result.reason)),
        )
    show(table)
