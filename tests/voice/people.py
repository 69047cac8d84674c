"""What the tests of personas, scenarios and brains share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from genesis_lib.agents.weather import OpenWeatherMapAgent
from genesis_lib.errors import AgentNotFound, GenesisError
from genesis_lib.voice.brain import Brain, BusCall
from genesis_lib.voice.brains.scripted import ScriptedBrain
from genesis_lib.voice.persona import Persona, load_persona
from genesis_lib.voice.rehearsal import Rehearsal, rehearse
from genesis_lib.voice.scenario import SIDES, Scenario, Side, load_scenario

PERSONA = """\
name = "Ann"
mood = "calm"
goal = "to know"

[voice]
words_per_minute = 150

[facts]
number = "four two"

[manner]
asks_to_repeat = 0
"""
SCENARIO = """\
title = "A number"
description = "Somebody gives a number."
opens = "support"
sentences = ["It is seven.", "It belongs to Ada."]

[success]
hung_up_by = "customer"
heard = [{ by = "support", words = ["four", "two"] }]
called = [{ agent = "Books" }]

[support]
persona = "patient-agent"

[[support.steps]]
say = "Which number is it?"

[[support.steps]]
expects = ["number", "is"]
say = "The books say {answer}."

[support.steps.call]
agent = "Books"
message = "Who has this: {heard}"
while_waiting = "One moment."
say_on_failure = "The books are closed."

[[support.steps.call.readings]]
pattern = "belongs to (?P<owner>\\\\w+)"
say = "It belongs to {owner}."

[customer]
persona = "ann.toml"

[[customer.steps]]
expects = ["which", "number"]
say = "The number is {number}."

[[customer.steps]]
expects = ["belongs"]
say = "Thank you, goodbye."
hang_up = "the owner is known"
"""


class OneAnswer:
    """A bus where every agent says the same, or fails."""

    def __init__(self, answer: str | GenesisError) -> None:
        self._answer = answer
        self.calls: list[BusCall] = []

    async def call(self, call: BusCall) -> str:
        self.calls.append(call)
        if isinstance(self._answer, GenesisError):
            raise self._answer
        return self._answer


class WeatherOnly:
    """A bus with the library's weather agent on it, asked without DDS: its answers are the real ones."""

    async def call(self, call: BusCall) -> str:
        if call.target != "WeatherExpert":
            raise AgentNotFound(f"there is no {call.target}", target=call.target)
        reply = await OpenWeatherMapAgent("").process_agent_request({"message": call.message})
        if reply["status"]:
            raise GenesisError(reply["message"])
        return str(reply["message"])


def number_scenario(folder: Path) -> tuple[Scenario, dict[Side, Persona]]:
    """The scenario and persona above, as files."""
    (folder / "ann.toml").write_text(PERSONA, encoding="utf-8")
    (folder / "number.toml").write_text(SCENARIO, encoding="utf-8")
    scenario = load_scenario(folder / "number.toml")
    return scenario, number_personas(folder)


def number_personas(folder: Path) -> dict[Side, Persona]:
    """Who plays it, once it is written."""
    return {"customer": load_persona(folder / "ann.toml"), "support": load_persona("patient-agent")}


def default_personas(scenario: Scenario) -> dict[Side, Persona]:
    return {side: load_persona(scenario.persona_of(side)) for side in SIDES}


def scripted(scenario: Scenario, personas: dict[Side, Persona]) -> dict[Side, Brain]:
    return {side: ScriptedBrain(scenario, side, personas[side]) for side in SIDES}


async def play(
    scenario: Scenario, personas: dict[Side, Persona] | None = None, hearing: Callable[[str], str] = str
) -> Rehearsal:
    people = personas or default_personas(scenario)
    return await rehearse(scenario, scripted(scenario, people), people, WeatherOnly(), hearing=hearing)
