"""Sessions of livekit-agents that play a scenario with this library's speech and brains."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from livekit.agents import AgentSession

from genesis_lib.errors import VoiceError
from genesis_lib.voice.brain import Bus
from genesis_lib.voice.brains.scripted import ScriptedBrain
from genesis_lib.voice.livekit.llm import GenesisLLM
from genesis_lib.voice.livekit.session_call import between_agents
from genesis_lib.voice.livekit.stt import GenesisSTT
from genesis_lib.voice.livekit.tts import GenesisTTS
from genesis_lib.voice.persona import Persona
from genesis_lib.voice.scenario import Scenario, Side, other_side
from genesis_lib.voice.script import sentences
from genesis_lib.voice.speech.open import open_recogniser, open_speaker
from genesis_lib.voice.speech.ports import Recognition, VoiceStyle


@asynccontextmanager
async def session_of(
    scenario: Scenario,
    personas: dict[Side, Persona],
    side: Side,
    bus: Bus,
    on_hang_up: Callable[[str], None],
    *,
    patience: float = 0.1,
) -> AsyncIterator[AgentSession[Any]]:
    """A session, not started, that plays one side. Where nothing announces the end of a turn, its patience with pauses is
    what keeps a slow machine from ending one between two sentences."""
    other = other_side(side)
    speaker = await open_speaker("espeak")
    recogniser = await open_recogniser("pocketsphinx", sentences(scenario, {other: personas[other]}))
    options = between_agents()
    options["turn_handling"]["endpointing"] = {"min_delay": patience, "max_delay": max(1.0, patience)}
    session = AgentSession[Any](
        tts=GenesisTTS(speaker, personas[side].style),
        stt=GenesisSTT(recogniser),
        llm=GenesisLLM(ScriptedBrain(scenario, side, personas[side]), bus, on_hang_up),
        **options,
    )
    try:
        yield session
    finally:
        await session.aclose()
        await recogniser.close()
        await speaker.close()


class Broken:
    """A speaker and recogniser that fails."""

    def __init__(self) -> None:
        self.asked = 0

    async def speak(self, text: str, style: VoiceStyle) -> AsyncIterator[bytes]:
        self.asked += 1
        yield b""
        raise VoiceError("out of breath")

    async def recognise(self, pcm: bytes) -> Recognition:
        self.asked += 1
        raise VoiceError("deaf")

    async def close(self) -> None:
        pass
