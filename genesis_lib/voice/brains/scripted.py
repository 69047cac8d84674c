"""A brain that follows a scenario's script by what it heard."""

from __future__ import annotations

import re
from collections.abc import Sequence

from genesis_lib.errors import GenesisError, VoiceError
from genesis_lib.voice.brain import Bus, BusCall, Thought, Turn
from genesis_lib.voice.brains.speakable import speakable
from genesis_lib.voice.persona import Persona
from genesis_lib.voice.scenario import AgentCall, Scenario, Side, Step, other_side
from genesis_lib.voice.script import steps_of
from genesis_lib.voice.templates import fill
from genesis_lib.voice.understanding import asks_to_repeat, is_nothing_but, understood

_MOST_FAILED_TURNS = 3


class ScriptedBrain:
    """Goes one step further when it heard what the step expects, and only then.

    Otherwise it asks to repeat; when it is asked to, or the other side says the same as before, it repeats itself. After
    three turns in a row that brought it no further it gives up and hangs up.

    Args:
        scenario: with steps for this side.
        side: the one that this brain plays.
        persona: who plays it.

    Raises:
        VoiceError: the side has no steps, or a text needs a fact that is not there.
    """

    def __init__(self, scenario: Scenario, side: Side, persona: Persona) -> None:
        self._steps = steps_of(scenario, side, persona)
        if not self._steps:
            raise VoiceError(f"{side} has no steps in {scenario.title!r}: a language model has to play it")
        self._side = side
        self._manner = persona.manner
        others = scenario.part(other_side(side)).steps
        self._pauses = [step.call.while_waiting for step in others if step.call is not None and step.call.while_waiting]
        self._done = 0
        self._said = ""
        self._failed_turns = 0
        self._met = 0
        self._asked = 0

    async def open_call(self, bus: Bus) -> Thought:
        """Say the first step; see Brain."""
        return await self._perform(self._steps[0], "", bus)

    async def answer(self, heard: str, turns: Sequence[Turn], bus: Bus) -> Thought:
        """Say the step that fits what was heard; see Brain."""
        if self._done < len(self._steps) and understood(self._steps[self._done].expects, heard):
            if self._hears_badly():
                return Thought(self._manner.repeat_request)
            return await self._perform(self._steps[self._done], heard, bus)
        self._failed_turns += 1
        if self._failed_turns > _MOST_FAILED_TURNS:
            return Thought(self._manner.gives_up, hang_up=f"{self._side} does not understand {other_side(self._side)}")
        if any(is_nothing_but(pause, heard) for pause in self._pauses):
            return Thought("")
        if self._said and (asks_to_repeat(heard) or self._heard_before(heard)):
            return Thought(self._said, hang_up=self._steps[self._done - 1].hang_up)
        return Thought(self._manner.repeat_request)

    async def close(self) -> None:
        """Nothing is held."""

    def _heard_before(self, heard: str) -> bool:
        """Is it what led to the last step? Then what this side said did not get through."""
        return understood(self._steps[self._done - 1].expects, heard)

    def _hears_badly(self) -> bool:
        """Whether to have this repeated although it was understood: every other time, as often as the persona does."""
        self._met += 1
        if self._met % 2 or self._asked >= self._manner.asks_to_repeat:
            return False
        self._asked += 1
        return True

    async def _perform(self, step: Step, heard: str, bus: Bus) -> Thought:
        text = step.say if step.call is None else await _told(step.call, step.say, heard, bus)
        self._said = fill(text, {"heard": heard})
        self._done += 1
        self._failed_turns = 0
        return Thought(self._said, step.hang_up)


async def _told(call: AgentCall, otherwise: str, heard: str, bus: Bus) -> str:
    """What to say after a call on the bus."""
    values = {"heard": heard}
    arguments = {
        name: fill(value, values) if isinstance(value, str) else value for name, value in call.arguments.items()
    }
    made = BusCall(call.agent, fill(call.message, values), call.function, arguments, fill(call.while_waiting, values))
    try:
        answer = await bus.call(made)
    except GenesisError:
        return call.say_on_failure
    for reading in call.readings:
        if found := re.search(reading.pattern, answer, re.IGNORECASE):
            groups = {name: value or "" for name, value in found.groupdict().items()}
            return fill(reading.say, {"answer": speakable(answer), **groups})
    return fill(otherwise, {"answer": speakable(answer)})
