"""What the demo shows, one act a function. Everything told is measured or comes from the agents."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from genesis_lib.cli.demo_processes import DemoProcesses
from genesis_lib.cli.demo_trace import JourneyWatcher
from genesis_lib.cli.diagnosis import products
from genesis_lib.cli.output import WrappedLine, is_narrow, say, show
from genesis_lib.errors import GenesisError, RemoteAgentError, RequestTimeout
from genesis_lib.messages import AgentInfo
from genesis_lib.monitored_agent import MonitoredInterface
from genesis_lib.settings import Settings

_CALL_SECONDS = 10.0
_LEAST_CALL_SECONDS = 1.0
_UMBRELLA = "Will I need an umbrella in Monument, Colorado?"
_LONGEST_LINE = 240
_NAMED_ABILITIES = 2
_TITLE, _QUESTION, _QUIET = "bold", "cyan", "dim"


@dataclass(frozen=True, slots=True)
class Cast:
    """The agents of the demo by name, and who calls them; `last_call` is when the last call has to be over."""

    bus: MonitoredInterface
    watcher: JourneyWatcher
    agents: Mapping[str, AgentInfo]
    last_call: float

    @property
    def call_seconds(self) -> float:
        """The time for a call that begins now: half of what is left, so that those after it have theirs."""
        left = self.last_call - asyncio.get_running_loop().time()
        return max(_LEAST_CALL_SECONDS, min(_CALL_SECONDS, left / 2))

    def name_of(self, agent_id: str) -> str:
        """The agent's name, its id when it is a stranger."""
        return next((agent.name for agent in self.agents.values() if agent.agent_id == agent_id), agent_id)

    async def ask(self, name: str, question: str) -> tuple[dict[str, Any], str]:
        """Ask, and say how the question travelled."""
        self.watcher.begin()
        reply = await self.bus.request_agent(self.agents[name].agent_id, question, None, self.call_seconds)
        journey = await self.watcher.journey()
        return reply, str(journey) if journey is not None else "not measured: monitoring events were lost"


def show_stage(settings: Settings) -> None:
    """Where it all takes place."""
    product = next(each for each in products() if each.setting == settings.dds)
    place = "loopback" if settings.interfaces == ("lo",) else ", ".join(settings.interfaces) or "the network"
    if settings.dds == "cyclone" and os.environ.get("CYCLONEDDS_URI"):
        place = "where CYCLONEDDS_URI says"
    say(f"domain {settings.domain_id} on {product.name} {product.version}, {place}, no broker")


async def await_cast(
    bus: MonitoredInterface, watcher: JourneyWatcher, processes: DemoProcesses, last_call: float
) -> Cast:
    """Show each agent as it appears on the bus, and connect to it."""
    for agent in bus.discovered_agents.values():
        processes.on_agent(agent)
    waiting = list(processes.all)
    agents: dict[str, AgentInfo] = {}
    while waiting:
        ready = await processes.next_ready(waiting)
        waiting.remove(ready)
        agent = ready.ready.result()
        agents[agent.name] = agent
        named = [*agent.capabilities[:_NAMED_ABILITIES], *["..."] * (len(agent.capabilities) > _NAMED_ABILITIES)]
        default = " (default)" if agent.default_capable else ""
        say(f"{agent.name:<18} ready  {ready.ready_seconds:.2f} s   pid {agent.pid}   {', '.join(named)}{default}")
        if not await bus.connect_to_agent(agent.agent_id):
            raise GenesisError(f"{agent.name} was found, but no connection to it could be made")
    return Cast(bus, watcher, agents, last_call)


async def call(cast: Cast) -> None:
    """One question to one agent."""
    say("A direct call, by name", _TITLE, before=True)
    question = "How warm is it in Oslo?"
    say(f"> {question}", _QUESTION)
    reply, journey = await cast.ask("WeatherExpert", question)
    say(f"demo -> WeatherExpert   {journey}", _QUIET)
    say(_answer(reply, "WeatherExpert"))


async def broadcast(cast: Cast) -> None:
    """One question to all."""
    say("A broadcast, to all at once", _TITLE, before=True)
    question = "Tell me about Oslo."
    say(f"> {question}", _QUESTION)
    # Discovery settles once after the start; that is no part of a broadcast.
    await asyncio.sleep(cast.bus.app.directory.seconds_until_settled)
    started = time.perf_counter()
    replies = await cast.bus.broadcast_to_agents(question, timeout_seconds=cast.call_seconds)
    answered = sum(not isinstance(reply, GenesisError) for reply in replies.values())
    count = "all" if answered == len(replies) else str(answered)
    took = _duration(time.perf_counter() - started)
    say(f"demo -> {len(replies)} agents   {count} answered within {took}", _QUIET)
    for agent_id, reply in replies.items():
        if isinstance(reply, GenesisError):
            say(f"{cast.name_of(agent_id)} ({type(reply).__name__}): {reply}")
            continue
        said = reply["message"] if len(reply["message"]) <= _LONGEST_LINE else f"{reply['message'][:_LONGEST_LINE]}..."
        status = f" (status {reply['status']})" if reply["status"] else ""
        say(f"{cast.name_of(agent_id)}{status}: {said}")


async def stream(cast: Cast) -> None:
    """An answer in parts."""
    say("A stream", _TITLE, before=True)
    question = "A story, please."
    say(f"> {question}", _QUESTION)
    started = time.perf_counter()
    first, parts = 0.0, 0
    line = WrappedLine()
    async for part in cast.bus.stream_agent_request(
        cast.agents["Storyteller"].agent_id, question, None, cast.call_seconds
    ):
        parts += 1
        first = first or time.perf_counter() - started
        line.add(part["message"])
    line.end()
    took = time.perf_counter() - started
    say(f"demo -> Storyteller   {parts} parts, the first after {_duration(first)}, all after {_duration(took)}", _QUIET)


async def batch(cast: Cast) -> None:
    """Several questions in one call."""
    say("A batch, several questions in one call", _TITLE, before=True)
    questions = ["How warm is it in Lima?", "Will it rain in Nairobi?", "How is the weather in Osaka?"]
    say("> " + "  > ".join(questions), _QUESTION)
    cast.watcher.begin()
    replies = await cast.bus.send_agent_batch(cast.agents["WeatherExpert"].agent_id, questions, cast.call_seconds)
    journey = await cast.watcher.journey()
    say(f"demo -> WeatherExpert   {journey or 'not measured: monitoring events were lost'}", _QUIET)
    for reply in replies:
        say(_answer(reply, "WeatherExpert"))


async def route(cast: Cast, chooser: str, *, model_configured: bool) -> None:
    """A question that names no agent."""
    say("A question that names no agent", _TITLE, before=True)
    if not model_configured:
        await _fall_back(cast, "Good morning." if chooser else _UMBRELLA)
    if chooser:
        await _let_choose(cast, chooser)


async def _fall_back(cast: Cast, question: str) -> None:
    say(f"> {question}", _QUESTION)
    reply = await cast.bus.route_request_to_best_agent(question, None, cast.call_seconds)
    routed_to = cast.name_of(reply["metadata"]["routed_to"])
    say(f"demo -> {routed_to}   (the fallback: {reply['metadata']['reason']})", _QUIET)
    say(reply["message"])


async def _let_choose(cast: Cast, chooser: str) -> None:
    say(f"> {_UMBRELLA}", _QUESTION)
    try:
        reply, journey = await cast.ask("SmartGeneralAgent", _UMBRELLA)
    except RequestTimeout as error:
        say(f"demo -> SmartGeneralAgent   {error}", _QUIET)
        _tell_no_choice(chooser)
        return
    metadata = reply["metadata"]
    if "routed_to" not in metadata:
        say(f"demo -> SmartGeneralAgent   {journey}", _QUIET)
        say(f"SmartGeneralAgent: {reply['message']}")
        _tell_no_choice(chooser)
        return
    routed_to = cast.name_of(metadata["routed_to"])
    say(f'SmartGeneralAgent -> {routed_to}   (chosen by {chooser}: "{metadata["reason"]}")   {journey}', _QUIET)
    say(_answer(reply, routed_to))


def _tell_no_choice(chooser: str) -> None:
    say(
        f"No agent was chosen by {chooser}. Check OPENAI_BASE_URL, OPENAI_API_KEY and GENESIS_MODEL_NAME;"
        " 'genesis demo --scripted-model' shows this act with a scripted stand-in."
    )


def show_next_steps(settings: Settings, scripted_model: bool) -> None:
    """What to try next."""
    from rich.padding import Padding
    from rich.text import Text

    say("What to try next", _TITLE, before=True)
    for command, purpose in (
        ("genesis run genesis_lib.agents.weather:OpenWeatherMapAgent", "host an agent"),
        ("genesis agents", "see who is there"),
        ('genesis ask WeatherExpert "Will it rain in Oslo?"', "ask it"),
        ("genesis doctor", "check the set-up"),
    ):
        if is_narrow():
            say(f"{purpose}:")
            show(Padding(Text(command), (0, 0, 0, 4)))
        else:
            say(f"{command:<59} {purpose}")
    if not (settings.openai_api_key or settings.openai_base_url):
        stand_in = "" if scripted_model else "; 'genesis demo --scripted-model' shows it with a scripted stand-in"
        say(f"Set OPENAI_API_KEY or OPENAI_BASE_URL to have a language model choose the agent{stand_in}.")


def _answer(reply: Mapping[str, Any], who: str) -> str:
    if reply["status"]:
        raise RemoteAgentError(
            f"{who} answered with the error status {reply['status']}: {reply['message']}", target=who
        )
    return str(reply["message"])


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"
