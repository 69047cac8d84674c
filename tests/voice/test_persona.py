"""G4: personas as TOML, and what is said of files that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from genesis_lib.errors import ConfigError
from genesis_lib.voice.persona import SHIPPED_PERSONAS, PersonaFileError, list_personas, load_persona
from genesis_lib.voice.speech.ports import VoiceStyle
from tests.voice.people import PERSONA


def refusal(folder: Path, text: str) -> PersonaFileError:
    path = folder / "ann.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PersonaFileError) as raised:
        load_persona(path)
    assert raised.value.path == path
    return raised.value


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "ann.toml"
    path.write_text(PERSONA.replace("asks_to_repeat = 0", "asks_to_repeat = 2\ninterrupts_after_seconds = 3"))
    ann = load_persona(path)
    assert (ann.name, ann.mood, ann.goal, ann.facts) == ("Ann", "calm", "to know", {"number": "four two"})
    assert ann.style == VoiceStyle("", 150, 50, 100)
    assert ann.manner.asks_to_repeat == 2
    assert ann.interrupts_after_seconds == 3.0


def test_the_shortest_file(tmp_path: Path) -> None:
    (tmp_path / "bo.toml").write_text('name = "Bo"\nmood = "calm"\ngoal = "none"\n')
    bo = load_persona("bo", tmp_path)
    assert (bo.name, bo.facts, bo.interrupts_after_seconds, bo.manner.asks_to_repeat) == ("Bo", {}, None, 0)


def test_a_folder_adds_to_those_that_come_with_the_library(tmp_path: Path) -> None:
    shipped = set(list_personas())
    assert len(shipped) >= 5
    (tmp_path / "ann.toml").write_text(PERSONA)
    (tmp_path / "traveller.toml").write_text(PERSONA)
    assert set(list_personas(tmp_path)) == shipped | {"ann"}
    assert list_personas(tmp_path)["traveller"].name == "Ann"
    assert load_persona("ann", tmp_path).name == "Ann"
    assert load_persona("traveller").name != "Ann"


def test_a_name_that_nobody_has() -> None:
    with pytest.raises(
        PersonaFileError, match=r"persona nobody: there is none of that name; known are angry-customer, "
    ):
        load_persona("nobody")


def test_a_path_where_nothing_is(tmp_path: Path) -> None:
    with pytest.raises(PersonaFileError, match=r"cannot be read: No such file") as raised:
        load_persona(tmp_path / "none.toml")
    assert raised.value.line is None
    assert isinstance(raised.value, ConfigError)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ('name = "Ann"\n', "", 1, "name is missing"),
        ('name = "Ann"', "name = 7", 1, "name: input should be a valid string; this is 7"),
        ('name = "Ann"', 'name = " "', 1, "name: "),
        ('mood = "calm"', 'mud = "calm"', 1, "mood is missing"),
        ('goal = "to know"', 'goal = "to know"\nage = 3', 4, "unknown key 'age'; known are name, mood, goal, voice"),
        ("words_per_minute = 150", "words_per_minute = 300", 6, "words_per_minute: input should be less than or equal"),
        ("words_per_minute = 150", "words_per_minute = 109", 6, "greater than or equal to 110; this is 109"),
        ("words_per_minute = 150", 'words_per_minute = "150"', 6, "a valid integer; this is '150'"),
        ("words_per_minute = 150", "words_per_minute = 150\npitch = -1", 7, "pitch"),
        ("words_per_minute = 150", 'speed = "fast"', 6, "unknown key 'speed'; known are name, words_per_minute, pitch"),
        ("[voice]\nwords_per_minute = 150", "voice = 3", 5, "voice: "),
        ('number = "four two"', "number = 42", 9, "number: input should be a valid string; this is 42"),
        ('number = "four two"', '"The Number" = "four"', 9, "The Number: "),
        ("asks_to_repeat = 0", "asks_to_repeat = -1", 12, "asks_to_repeat: "),
        ("asks_to_repeat = 0", "asks_to_repeat = true", 12, "asks_to_repeat: "),
        ("asks_to_repeat = 0", "interrupts_after_seconds = 0", 12, "interrupts_after_seconds: "),
        ("asks_to_repeat = 0", "interrupts_after_seconds = nan", 12, "interrupts_after_seconds: "),
        ("asks_to_repeat = 0", 'repeat_request = "What?"', 12, "repeat_request needs one of the words repeat, again"),
        ("asks_to_repeat = 0", "asks_to_repeat = ", 12, "Invalid value"),
        ("asks_to_repeat = 0", "asks_to_repeat = 0\n[manner]", 13, "Cannot declare"),
    ],
)
def test_mistakes_have_a_line_and_a_reason(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    assert old in PERSONA
    error = refusal(tmp_path, PERSONA.replace(old, new))
    assert (error.line, words in error.reason) == (line, True), error
    assert f"line {line}: " in str(error)


def test_text_that_is_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "ann.toml"
    path.write_bytes(b'name = "Ann"\nmood = "\xff"\n')
    with pytest.raises(PersonaFileError, match=r"line 2: this is not UTF-8 text"):
        load_persona(path)


@pytest.mark.parametrize("name", sorted(path.stem for path in SHIPPED_PERSONAS.glob("*.toml")))
def test_those_that_come_with_the_library(name: str) -> None:
    persona = load_persona(name)
    assert persona.style.voice
    assert not any(letter.isdigit() for text in persona.facts.values() for letter in text)
