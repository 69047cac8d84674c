"""`genesis demo`: agents in processes of their own, found, called, and gone again."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import click

from genesis_lib.cli.interruptible import run_interruptible
from genesis_lib.cli.invocation import Invocation, Seconds, common_options

if TYPE_CHECKING:
    from genesis_lib.cli.demo_processes import DemoProcesses
    from genesis_lib.settings import Settings

_WEATHER = "genesis_lib.agents.weather:OpenWeatherMapAgent"
_GENERAL = "genesis_lib.agents.general:SmartGeneralAgent"
_STORY = "genesis_lib.cli.demo_agents:Storyteller"
_CLOSING_SECONDS = 5.0  # for what takes no call, on a slow machine, too
_STAND_IN_RULES = {"umbrella": "WeatherExpert"}


@click.command("demo")
@click.option(
    "--scripted-model", is_flag=True, help="Route with a scripted stand-in in place of a language model; it says so."
)
@click.option("--timeout", type=Seconds(), default=25.0, metavar="S", help="Give up after this long.  [default: 25]")
@common_options
@click.pass_obj
def command(invocation: Invocation, scripted_model: bool, timeout: float) -> None:
    """Start agents in processes of their own, let them find and call each other, end them.

    Takes a free domain and loopback unless --domain and --interfaces say otherwise.
    """
    from genesis_lib.testing.domains import free_domain

    if invocation.interfaces is None:
        invocation.interfaces = "lo"
    if invocation.domain is not None:
        run_interruptible(_perform(invocation, scripted_model, timeout))
        return
    with free_domain() as domain:
        invocation.domain = domain
        run_interruptible(_perform(invocation, scripted_model, timeout))


async def _perform(invocation: Invocation, scripted_model: bool, timeout_seconds: float) -> None:
    from genesis_lib.errors import GenesisError

    end = asyncio.get_running_loop().time() + timeout_seconds
    limit = asyncio.timeout_at(end)
    try:
        async with limit:
            await _demo(invocation.settings(), invocation.environment(), scripted_model, end - _CLOSING_SECONDS)
    except TimeoutError:
        if not limit.expired():  # one of an agent
            raise
        raise GenesisError(f"the demo did not come to its end within {timeout_seconds:g} s (--timeout)") from None


async def _demo(settings: Settings, options: dict[str, str], scripted_model: bool, last_call: float) -> None:
    """`last_call` is when the last call has to be over, by the loop's clock."""
    from genesis_lib.cli import demo_acts as acts
    from genesis_lib.cli.demo_processes import DemoProcesses
    from genesis_lib.cli.demo_trace import JourneyWatcher
    from genesis_lib.cli.output import say
    from genesis_lib.errors import GenesisError
    from genesis_lib.monitored_agent import MonitoredInterface

    started = time.perf_counter()
    chooser = _chooser(settings, scripted_model)
    async with AsyncExitStack() as stack:
        acts.show_stage(settings)
        processes = await stack.enter_async_context(DemoProcesses())
        bus = MonitoredInterface("demo", settings=settings)
        bus.add_discovery_callback(processes.on_agent)
        await _start(processes, stack, {**os.environ, **options}, scripted_model)
        await stack.enter_async_context(bus)
        watcher = JourneyWatcher(bus.app.agent_id)
        await watcher.open(bus.app.participant)
        try:
            cast = await acts.await_cast(bus, watcher, processes, last_call)
            await acts.call(cast)
            await acts.broadcast(cast)
            await acts.stream(cast)
            await acts.batch(cast)
            await acts.route(cast, chooser, model_configured=_has_model(settings))
        except GenesisError as error:
            for each in processes.all:
                if said := each.said():
                    error.add_note(f"\n{each.target} said:\n{said}")
            raise
        count = len(processes.all)
    say(f"{count} processes started and ended in {time.perf_counter() - started:.1f} s.", before=True)
    acts.show_next_steps(settings, scripted_model)


async def _start(
    processes: DemoProcesses, stack: AsyncExitStack, environment: dict[str, str], scripted_model: bool
) -> None:
    await processes.start(_STORY, environment)
    if not scripted_model:
        await processes.start(_WEATHER, environment)
        await processes.start(_GENERAL, environment)
        return
    await processes.start(_WEATHER, {**environment, "OPENAI_API_KEY": "", "OPENAI_BASE_URL": ""})
    from genesis_lib.testing.model_script import routing_script
    from genesis_lib.testing.model_server import ScriptedModelServer

    stand_in = await stack.enter_async_context(ScriptedModelServer(script=routing_script(_STAND_IN_RULES)))
    await processes.start(_GENERAL, {**environment, "OPENAI_API_KEY": "", "OPENAI_BASE_URL": stand_in.base_url})


def _has_model(settings: Settings) -> bool:
    return bool(settings.openai_api_key or settings.openai_base_url)


def _chooser(settings: Settings, scripted_model: bool) -> str:
    """Who picks the agent for a request, "" when nobody can."""
    if scripted_model:
        why = "asked for" if _has_model(settings) else "no model configured"
        return f"the scripted stand-in, {why}"
    return f"the language model {settings.model_name}" if _has_model(settings) else ""
