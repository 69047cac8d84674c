"""The brain that a scenario asks for."""

from __future__ import annotations

from genesis_lib.errors import VoiceError
from genesis_lib.llm.openai import model_from_settings
from genesis_lib.settings import Settings
from genesis_lib.voice.brain import Brain
from genesis_lib.voice.brains.model import ModelBrain
from genesis_lib.voice.brains.scripted import ScriptedBrain
from genesis_lib.voice.persona import Persona
from genesis_lib.voice.scenario import Scenario, Side


def open_brain(scenario: Scenario, side: Side, persona: Persona, settings: Settings) -> Brain:
    """A brain for one side: scripted where the scenario has steps for it, else on the language model of the settings.

    Raises:
        VoiceError: no language model is configured, or a text needs a fact that is not there.
    """
    part = scenario.part(side)
    if part.steps:
        return ScriptedBrain(scenario, side, persona)
    model = model_from_settings(settings)
    if model is None:
        raise VoiceError(
            f"{side} in {scenario.title!r} talks freely and needs a language model: set OPENAI_API_KEY or OPENAI_BASE_URL"
        )
    knowing = persona.model_copy(update={"facts": {**part.facts, **persona.facts}})
    return ModelBrain(model, knowing, part.instructions, timeout_seconds=settings.model_timeout_seconds)
