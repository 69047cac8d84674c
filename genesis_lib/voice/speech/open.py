"""Speech engines by name. A spec is the engine's name, for some with a colon and what the engine needs to know:

espeak                     espeak-ng
pocketsphinx               PocketSphinx
piper:VOICE.onnx           Piper with this voice; VOICE.onnx.json lies beside it
whisper:MODEL              faster-whisper with this model, a name or a folder; base by default
openai:MODEL:VOICE         an OpenAI-compatible endpoint (OPENAI_BASE_URL, OPENAI_API_KEY), with this model and, for a
                           speaker, this voice; both may be left out
livekit:MODULE.CLASS       a plugin of LiveKit: livekit:openai.TTS is livekit.plugins.openai.TTS, made without arguments
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from genesis_lib.errors import VoiceError
from genesis_lib.settings import Settings, load_settings
from genesis_lib.voice.speech.espeak import EspeakSpeaker
from genesis_lib.voice.speech.libraries import load
from genesis_lib.voice.speech.openai import OpenAIRecogniser, OpenAISpeaker
from genesis_lib.voice.speech.piper import PiperSpeaker
from genesis_lib.voice.speech.pocketsphinx import PocketsphinxRecogniser, PocketsphinxVoiceActivity
from genesis_lib.voice.speech.ports import Recogniser, Speaker, VoiceActivity
from genesis_lib.voice.speech.whisper import WhisperRecogniser

Role = Literal["speaker", "recogniser", "voice activity"]


@dataclass(frozen=True, slots=True)
class Engine:
    """A speech engine. `spec` shows how it is named; what is in capitals is the user's, what is in brackets optional.
    `extra` is the one of genesis-lib that brings the package, "" when it is always there."""

    name: str
    roles: tuple[Role, ...]
    spec: str
    about: str
    package: str
    extra: str = ""

    @property
    def installed(self) -> bool:
        """Is its package there?"""
        parent = self.package.rpartition(".")[0]
        return not (parent and find_spec(parent) is None) and find_spec(self.package) is not None


ENGINES = (
    Engine("espeak", ("speaker",), "espeak", "formant synthesis, many languages", "espeakng_loader", "voice"),
    Engine(
        "pocketsphinx",
        ("recogniser", "voice activity"),
        "pocketsphinx",
        "English; understands well what a scenario lets it expect",
        "pocketsphinx",
        "voice",
    ),
    Engine("piper", ("speaker",), "piper:VOICE.onnx", "neural voices from files", "piper", "voice-neural"),
    Engine(
        "whisper",
        ("recogniser",),
        "whisper[:MODEL]",
        "free English, by name or folder",
        "faster_whisper",
        "voice-neural",
    ),
    Engine("openai", ("speaker", "recogniser"), "openai[:MODEL[:VOICE]]", "an OpenAI-compatible endpoint", "openai"),
    Engine(
        "livekit",
        ("speaker", "recogniser", "voice activity"),
        "livekit:MODULE.CLASS",
        "a plugin of LiveKit",
        "livekit.agents",
        "livekit",
    ),
)


def available(role: Role | None = None) -> list[Engine]:
    """The engines whose packages are installed, all or those of one role."""
    return [engine for engine in ENGINES if engine.installed and (role is None or role in engine.roles)]


async def open_speaker(spec: str, settings: Settings | None = None) -> Speaker:
    """Open what speaks. `settings` are those in force by default; they name the OpenAI-compatible endpoint.

    Raises:
        VoiceError: there is no such speaker, or something that it needs is missing.
        ConfigError: the settings cannot be read.
    """
    name, argument = _parse(spec, "speaker")
    match name:
        case "espeak":
            return await asyncio.to_thread(EspeakSpeaker)
        case "piper":
            return await asyncio.to_thread(PiperSpeaker, argument)
        case "livekit":
            await asyncio.to_thread(load, "livekit.agents", "livekit")
            from genesis_lib.voice.speech.livekit import open_livekit_speaker

            return await open_livekit_speaker(argument)
        case _:
            model, _, voice = argument.partition(":")
            return await asyncio.to_thread(lambda: OpenAISpeaker(settings or load_settings(), model, voice))


async def open_recogniser(spec: str, sentences: Sequence[str] = (), settings: Settings | None = None) -> Recogniser:
    """Open what recognises. `sentences` are those that the call is expected to contain, for recognisers that gain by it.

    Raises:
        VoiceError: there is no such recogniser, or something that it needs is missing.
        ConfigError: the settings cannot be read.
    """
    name, argument = _parse(spec, "recogniser")
    match name:
        case "pocketsphinx":
            return await PocketsphinxRecogniser.start(sentences)
        case "whisper":
            return await asyncio.to_thread(WhisperRecogniser, argument)
        case "livekit":
            await asyncio.to_thread(load, "livekit.agents", "livekit")
            from genesis_lib.voice.speech.livekit import open_livekit_recogniser

            return await open_livekit_recogniser(argument)
        case _:
            return await asyncio.to_thread(lambda: OpenAIRecogniser(settings or load_settings(), argument))


async def open_voice_activity(spec: str) -> VoiceActivity:
    """Open what tells speech from silence.

    Raises:
        VoiceError: there is no such detector, or something that it needs is missing.
    """
    name, argument = _parse(spec, "voice activity")
    if name == "livekit":
        await asyncio.to_thread(load, "livekit.agents", "livekit")
        from genesis_lib.voice.speech.livekit import open_livekit_voice_activity

        return await open_livekit_voice_activity(argument)
    return await asyncio.to_thread(PocketsphinxVoiceActivity)


def _parse(spec: str, role: Role) -> tuple[str, str]:
    name, colon, argument = spec.partition(":")
    engines = {engine.name: engine for engine in ENGINES if role in engine.roles}
    if name not in engines:
        known = ", ".join(engine.spec for engine in engines.values())
        raise VoiceError(f"there is no {role} {spec!r}: take one of {known}")
    engine = engines[name]
    takes_none, needs_one = ":" not in engine.spec, ":" in engine.spec.replace("[:", "")
    if (takes_none and colon) or (needs_one and not argument):
        raise VoiceError(f"the {role} {spec!r} cannot be opened: write {engine.spec}")
    return name, argument
