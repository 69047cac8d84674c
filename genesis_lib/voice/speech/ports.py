"""The ports of speech. Adapters are opened by name in `open.py`; each imports its library only when it is opened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class VoiceStyle:
    """How a persona sounds. `voice` is a name the Speaker knows, "" its default; `words_per_minute` its pace; `pitch` is
    0 to 100, 50 is ordinary; `volume` is 0 to 100, 100 is the engine's own."""

    voice: str = ""
    words_per_minute: int = 150
    pitch: int = 50
    volume: int = 100


@dataclass(frozen=True, slots=True)
class Recognition:
    """What was heard. `confidence` is 0 to 1."""

    text: str
    confidence: float = 1.0


class Speaker(Protocol):
    """Text to speech."""

    def speak(self, text: str, style: VoiceStyle) -> AsyncIterator[bytes]:
        """The audio as it is made: PCM of the room's format (`audio.py`), pieces of any even length.

        Raises:
            VoiceError: the voice is not there, or the engine fails.
        """
        ...

    async def close(self) -> None:
        """Give back what the engine holds."""
        ...


class Recogniser(Protocol):
    """Speech to text, one utterance at a time."""

    async def recognise(self, pcm: bytes) -> Recognition:
        """The text of an utterance; "" when there is no speech in it.

        Raises:
            VoiceError: the engine fails.
        """
        ...

    async def close(self) -> None:
        """Give back what the engine holds."""
        ...


class VoiceActivity(Protocol):
    """Is somebody speaking? Fed with one frame after the other, silence included."""

    def feed(self, frame: bytes) -> bool:
        """Take in 20 ms; is this speech, with what came before it?"""
        ...

    def reset(self) -> None:
        """Forget what came before."""
        ...

    async def close(self) -> None:
        """Give back what the engine holds."""
        ...
