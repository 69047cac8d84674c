"""Personas: who speaks, how it sounds, and how it behaves, as TOML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints, field_validator

from genesis_lib.toml_file import TomlFileError
from genesis_lib.voice.speech.ports import VoiceStyle
from genesis_lib.voice.toml_model import Text, TomlTable, files_in, find_file, load_model, mistake
from genesis_lib.voice.understanding import REPEAT_WORDS, asks_to_repeat

SHIPPED_PERSONAS = Path(__file__).parent / "personas"
FactName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]*$")]


class PersonaFileError(TomlFileError):
    """A persona file cannot be used.

    Attributes:
        path: the file.
        line: where the mistake is, from 1; None when the file could not be read at all.
        reason: what is wrong.
    """

    kind: ClassVar = "persona"


class PersonaVoice(TomlTable):
    """How a persona sounds; see VoiceStyle. `name` is a voice that the speech engine knows, "" its default."""

    name: str = ""
    words_per_minute: int = Field(default=150, ge=110, le=180)
    pitch: int = Field(default=50, ge=0, le=100)
    volume: int = Field(default=100, ge=0, le=100)


class Manner(TomlTable):
    """How a persona behaves on the phone.

    Attributes:
        interrupts_after_seconds: how long it lets the other side talk before it barges in; None for ever.
        asks_to_repeat: how often in a call it asks to repeat what it understood, as one does who hears badly.
        repeat_request: what it says to have something repeated.
        gives_up: what it says before it hangs up because it does not understand the other side.
    """

    interrupts_after_seconds: float | None = Field(default=None, gt=0)
    asks_to_repeat: int = Field(default=0, ge=0, le=20)
    repeat_request: Text = "Sorry, could you repeat that please?"
    gives_up: Text = "I am sorry, I cannot understand you. Goodbye."

    @field_validator("repeat_request")
    @classmethod
    def _can_be_recognised(cls, text: str) -> str:
        if not asks_to_repeat(text):
            raise mistake(f"repeat_request needs one of the words {', '.join(REPEAT_WORDS)}: {text!r}")
        return text


class Persona(TomlTable):
    """One person on the phone. `facts` are what it knows: words that a scenario's texts can hold as {name_of_fact}."""

    name: Text
    mood: Text
    goal: Text
    voice: PersonaVoice = PersonaVoice()
    facts: dict[FactName, Text] = Field(default_factory=dict)
    manner: Manner = Manner()

    @property
    def style(self) -> VoiceStyle:
        """How it sounds, for a Speaker."""
        voice = self.voice
        return VoiceStyle(voice.name, voice.words_per_minute, voice.pitch, voice.volume)

    @property
    def interrupts_after_seconds(self) -> float | None:
        """See Manner."""
        return self.manner.interrupts_after_seconds


def load_persona(name_or_path: str | Path, folder: Path | None = None) -> Persona:
    """A persona by name, from the folder or of those that come with the library, or by the path of a TOML file.

    Blocks while it reads.

    Raises:
        PersonaFileError: there is none, or the file is no persona; with line and reason.
    """
    return load_model(Persona, find_file(name_or_path, _folders(folder), PersonaFileError), PersonaFileError)


def list_personas(folder: Path | None = None) -> dict[str, Persona]:
    """The personas that come with the library, and those in the folder, by name.

    Blocks while it reads.

    Raises:
        PersonaFileError: one of the files is no persona.
    """
    files = files_in(_folders(folder))
    return {name: load_model(Persona, path, PersonaFileError) for name, path in sorted(files.items())}


def _folders(folder: Path | None) -> list[Path]:
    return [SHIPPED_PERSONAS] if folder is None else [SHIPPED_PERSONAS, folder]
