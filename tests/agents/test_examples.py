"""The examples, run as a person would run them."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from pathlib import Path

import pytest

from genesis_lib import GenesisInterface
from genesis_lib.testing import ScriptedModelServer, WeatherServer
from genesis_lib.testing.model_server import routing_script
from tests.agents.conftest import KEY

EXAMPLES = Path(__file__).parents[2] / "examples"


async def start(script: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Process:
    """In a session of its own, so that what it leaves behind can be looked for."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLES / script),
        *arguments,
        stdout=PIPE,
        stderr=PIPE,
        env={**os.environ, **(environment or {})},
        start_new_session=True,
    )


async def outcome(process: Process) -> tuple[int | None, str, str]:
    out, errors = await process.communicate()
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    return process.returncode, out.decode(), errors.decode()


async def test_the_agents_and_the_interface_are_processes_of_their_own(
    genesis_domain: int, weather_server: WeatherServer
) -> None:
    async with ScriptedModelServer(script=routing_script({"rain": "WeatherExpert"})) as model:
        keys = {"OPENWEATHERMAP_API_KEY": KEY, "OPENWEATHERMAP_BASE_URL": weather_server.base_url}
        weather = await start("weather_agent.py", environment=keys)
        general = await start("general_agent.py", environment={"OPENAI_BASE_URL": model.base_url})
        async with GenesisInterface("test") as bus:
            assert await bus.wait_for_agent("WeatherExpert")
            assert await bus.wait_for_agent("SmartGeneralAgent")
        routed = await outcome(await start("interface.py", "Will it rain tomorrow in Monument, Colorado?"))
        direct = await outcome(await start("interface.py", "Paris weather?", "WeatherExpert"))
        asked_back = await outcome(await start("interface.py", "Will it rain?", "WeatherExpert"))
        weather.send_signal(signal.SIGTERM)
        general.send_signal(signal.SIGINT)
        assert await outcome(weather) == (0, "", "")
        assert await outcome(general) == (0, "", "")
    assert routed[0] == 0
    assert routed[1].startswith("Monument, Colorado, US, tomorrow (")
    assert "'rain' goes to WeatherExpert" in routed[2]
    assert direct == (
        0,
        "Paris, Ile-de-France, FR: 11 °C, scattered clouds, feels like 9 °C, humidity 60 %, wind 3.1 m/s.\n",
        "",
    )
    assert asked_back[0] == 1
    assert "Which place" in asked_back[1]


async def test_the_interface_tells_how_it_is_used() -> None:
    status, out, errors = await outcome(await start("interface.py"))
    assert (status, out) == (1, "")
    assert "examples/interface.py" in errors


async def test_the_launcher_asks_and_ends_what_it_started(genesis_domain: int) -> None:
    status, out, errors = await outcome(await start("launcher.py", "Weather", "in", "Oslo?"))
    assert (status, errors) == (0, "")
    assert "No language model is configured" in out
    assert "> WeatherExpert: Weather in Oslo?\nOslo, NO: 0 °C" in out
    assert "sample data" in out


async def test_the_launcher_routes_where_a_model_is_configured(genesis_domain: int) -> None:
    async with ScriptedModelServer(script=routing_script({"umbrella": "WeatherExpert"})) as model:
        environment = {"OPENAI_BASE_URL": model.base_url}
        status, out, _ = await outcome(await start("launcher.py", environment=environment))
    assert status == 0
    # Late in the day, local time, the answer is about tomorrow alone and says so.
    question = "> SmartGeneralAgent: Will I need an umbrella in Monument, Colorado?"
    assert re.match(rf"{re.escape(question)}\nMonument, Colorado, US(: |, tomorrow \()", out)
    assert "> WeatherExpert" not in out


async def test_a_launcher_that_is_ended_takes_its_agents_along(genesis_domain: int) -> None:
    launcher = await start("launcher.py")
    async with GenesisInterface("test") as bus:
        assert await bus.wait_for_agent("WeatherExpert")
    launcher.send_signal(signal.SIGTERM)
    status, _, errors = await outcome(launcher)
    assert (status, errors) == (1, "ended before there was an answer\n")
