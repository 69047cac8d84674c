"""`genesis voice run`: one spoken call, live on the terminal and recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from genesis_lib.cli.interruptible import run_interruptible
from genesis_lib.cli.invocation import Invocation, common_options, json_option
from genesis_lib.cli.output import say, write_json

if TYPE_CHECKING:
    from genesis_lib.cli.voice_show import CallDisplay
    from genesis_lib.cli.voice_stage import RoomKind
    from genesis_lib.interface import GenesisInterface
    from genesis_lib.settings import Settings
    from genesis_lib.voice.production import CallResult
    from genesis_lib.voice.scenario import Side

Pace = Literal["realtime", "fast"]


@click.command("run")
@click.argument("scenario")
@click.option("--persona", default="", metavar="P", help="The customer's persona, name or path.")
@click.option("--support-persona", default="", metavar="P", help="The support's persona, name or path.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Where the recording goes.")
@click.option(
    "--pace",
    type=click.Choice(["realtime", "fast"]),
    default="realtime",
    help="In real time, or as fast as speech is made.  [default: realtime]",
)
@click.option(
    "--room",
    "kind",
    type=click.Choice(["dds", "livekit"]),
    default="dds",
    help="Where the call is held. livekit takes LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET.  [default: dds]",
)
@click.option(
    "--person",
    type=click.Choice(["customer", "support"]),
    help="The side that a person takes with a LiveKit client; the address and the token for it are written.",
)
@click.option("--listen", is_flag=True, help="Serve a page to listen in while the call goes on, and write its address.")
@json_option("The figures of the call as one JSON object, nothing else on stdout.")
@common_options
@click.pass_obj
def command(
    invocation: Invocation,
    scenario: str,
    persona: str,
    support_persona: str,
    out: Path | None,
    pace: Pace,
    kind: RoomKind,
    person: Side | None,
    listen: bool,
) -> int:
    """Let two voice agents, in processes of their own, hold the call of a SCENARIO (a name from `genesis voice list`, or
    the path of a TOML file), and record it.

    Takes a free domain and loopback unless --domain and --interfaces say otherwise. Exit status: 0 the call reached what
    its scenario wants, 1 it did not.
    """
    from genesis_lib.testing.domains import free_domain

    if kind == "livekit" and pace == "fast":
        raise click.UsageError("LiveKit rooms are in real time: leave --pace fast out.")
    if kind == "livekit" and listen:
        raise click.UsageError(
            "--listen is for rooms over DDS: into a LiveKit room lets `genesis voice token --listen-only`."
        )
    if kind == "dds" and person is not None:
        raise click.UsageError("--person takes part with a LiveKit client: add --room livekit.")
    personas: dict[Side, str] = {"customer": persona, "support": support_persona}
    if invocation.interfaces is None:
        invocation.interfaces = "lo"
    if invocation.domain is not None:
        return run_interruptible(_run(invocation, scenario, personas, out, pace, kind, person, listen))
    with free_domain() as domain:
        invocation.domain = domain
        return run_interruptible(_run(invocation, scenario, personas, out, pace, kind, person, listen))


async def _run(
    invocation: Invocation,
    name: str,
    personas: dict[Side, str],
    out: Path | None,
    pace: Pace,
    kind: RoomKind,
    person: Side | None,
    listen: bool,
) -> int:
    from genesis_lib.cli.voice_show import CallDisplay
    from genesis_lib.cli.voice_stage import called_by, new_directory, new_room, stage
    from genesis_lib.voice.persona import load_persona
    from genesis_lib.voice.scenario import SIDES, load_scenario

    scenario = await asyncio.to_thread(load_scenario, name)
    directory = out or new_directory(Path("calls"), name)
    people = {side: load_persona(personas[side] or scenario.persona_of(side)) for side in SIDES}
    if not invocation.json:
        say(f"{scenario.title}  {people['customer'].name} calls {people['support'].name}", "bold")
    settings = invocation.settings()
    async with stage(settings, invocation.environment(), called_by(scenario), kind, person) as ready:
        names = {ready.agents[side]: people[side].name for side in SIDES}
        display = None if invocation.json else CallDisplay(names, scenario.time_limit_seconds)
        room = new_room(name)
        if kind == "livekit":
            _tell_room(settings, room, person)
        async with _listening(ready.bus, room) if listen else nullcontext():
            with display or nullcontext():
                watchers: tuple[CallDisplay, ...] = () if display is None else (display,)
                result = await ready.play(name, scenario, personas, directory, pace, watchers, room=room)
    if invocation.json:
        write_json(summary(result, directory))
    else:
        _tell(result, directory)
    return 1 if result.missing else 0


def _tell_room(settings: Settings, room: str, person: Side | None) -> None:
    """How to get into a LiveKit room; goes to stderr, as stdout may be for the figures only."""
    from genesis_lib.voice.livekit.credentials import load_credentials
    from genesis_lib.voice.livekit.tokens import room_token

    credentials = load_credentials(settings)
    click.echo(f"  LiveKit room: {room}", err=True)
    if person is not None:
        click.echo(f"  Join as {person}: {credentials.url}\n  {room_token(credentials, room, person)}", err=True)


@asynccontextmanager
async def _listening(bus: GenesisInterface, room: str) -> AsyncIterator[None]:
    """A page to listen in; its address goes to stderr, as stdout may be for the figures only."""
    from genesis_lib.voice.live_page import ListeningPage

    async with ListeningPage(bus.app.participant, room, bus.app.directory.agents) as page:
        click.echo(f"  Listen in: {page.url}", err=True)
        yield


def summary(result: CallResult, directory: Path) -> dict[str, Any]:
    """A call in JSON."""
    return {
        "success": not result.missing,
        "missing": list(result.missing),
        "directory": str(directory),
        "figures": result.figures.as_json(),
    }


def _tell(result: CallResult, directory: Path) -> None:
    figures = result.figures
    errors = [f"{side} {error.rate:.0%}" for side, error in figures.word_error.items() if error.rate is not None]
    gaps = figures.response_gaps
    say(f"The call ended: {result.reason}.", before=True)
    say(
        f"{figures.turns} turns in {figures.duration_seconds:.1f} s, {figures.interruptions} interruptions,"
        f" {figures.bus_calls.count} calls on the bus; gap between turns"
        f" {'none' if gaps.median is None else f'{gaps.median:.2f} s'} (median);"
        f" not understood of what was said by {', '.join(errors) or 'anybody: nothing was said'}."
    )
    if result.missing:
        say("It did not reach what the scenario wants:", "red")
        for line in result.missing:
            say(f"- {line}", "red")
    else:
        say("It reached what the scenario wants.", "green")
    say(f"Listen and read along: {directory / 'index.html'}")
