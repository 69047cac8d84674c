"""A scenario's texts as personas speak them: steps with the facts filled in, and all sentences a recogniser may hear."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from genesis_lib.errors import VoiceError
from genesis_lib.voice.persona import Persona
from genesis_lib.voice.scenario import SIDES, AgentCall, Scenario, Side, Step
from genesis_lib.voice.templates import fill, fragments, placeholders


def steps_of(scenario: Scenario, side: Side, persona: Persona) -> tuple[Step, ...]:
    """The script of one side, with what this persona knows filled in. {heard}, {answer} and groups stay open.

    Raises:
        VoiceError: a text needs a fact that neither the persona nor the scenario has.
    """
    facts = {**scenario.part(side).facts, **persona.facts, "name": persona.name}
    return tuple(
        _filled(step, facts, f"step {number} of {side} in {scenario.title!r}")
        for number, step in enumerate(scenario.part(side).steps, start=1)
    )


def sentences(scenario: Scenario, personas: Mapping[Side, Persona]) -> list[str]:
    """All that the given sides may say in this scenario, for a recogniser's language model. Give both sides' personas, or
    only that of the side that will be listened to. Where an answer from the bus is filled in, only what stands around it.

    Raises:
        VoiceError: as `steps_of`.
    """
    found = [text for side in SIDES if side in personas for text in _texts(scenario, side, personas[side])]
    return list(dict.fromkeys([*found, *scenario.sentences]))


def _texts(scenario: Scenario, side: Side, persona: Persona) -> Iterator[str]:
    for step in steps_of(scenario, side, persona):
        yield from fragments(step.say)
        if step.call is not None:
            yield from fragments(step.call.while_waiting)
            yield from fragments(step.call.say_on_failure)
            for reading in step.call.readings:
                yield from fragments(reading.say)
    yield persona.manner.repeat_request
    yield persona.manner.gives_up


def _filled(step: Step, facts: Mapping[str, str], where: str) -> Step:
    def put(template: str, *open_names: str) -> str:
        text = fill(template, facts)
        if lacking := placeholders(text) - {"heard", *open_names}:
            raise VoiceError(
                f"{where} needs {', '.join(sorted(lacking))}, which neither the persona nor the scenario has as facts"
            )
        return text

    if step.call is None:
        return step.model_copy(update={"say": put(step.say)})
    return step.model_copy(update={"say": put(step.say, "answer"), "call": _filled_call(step.call, put)})


def _filled_call(call: AgentCall, put: Callable[..., str]) -> AgentCall:
    readings = tuple(
        reading.model_copy(update={"say": put(reading.say, "answer", *re.compile(reading.pattern).groupindex)})
        for reading in call.readings
    )
    return call.model_copy(
        update={
            "message": put(call.message),
            "arguments": {
                name: put(value) if isinstance(value, str) else value for name, value in call.arguments.items()
            },
            "while_waiting": put(call.while_waiting),
            "say_on_failure": put(call.say_on_failure),
            "readings": readings,
        }
    )
