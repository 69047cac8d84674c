"""G4: scenarios as TOML, what is said of files that are none, and those that come with the library played in text."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from genesis_lib.errors import VoiceError
from genesis_lib.voice.persona import list_personas
from genesis_lib.voice.scenario import (
    SHIPPED_SCENARIOS,
    SIDES,
    Scenario,
    ScenarioFileError,
    list_scenarios,
    load_scenario,
)
from genesis_lib.voice.script import sentences, steps_of
from genesis_lib.voice.success import CallMade, Heard, Outcome, unmet
from genesis_lib.voice.words import spoken_words
from tests.voice.people import SCENARIO, default_personas, number_scenario, play

SHIPPED = sorted(path.stem for path in SHIPPED_SCENARIOS.glob("*.toml"))
SCRIPTED = [name for name in SHIPPED if load_scenario(name).support.steps]


def replaced(old: str, new: str) -> str:
    assert SCENARIO.count(old) == 1, old
    return SCENARIO.replace(old, new)


def test_a_file(tmp_path: Path) -> None:
    scenario, _ = number_scenario(tmp_path)
    assert scenario.opens == "support"
    assert scenario.time_limit_seconds == 180
    assert [step.hang_up for step in scenario.customer.steps] == ["", "the owner is known"]
    assert scenario.support.steps[1].call is not None
    assert scenario.support.steps[1].call.readings[0].pattern == r"belongs to (?P<owner>\w+)"
    assert scenario.persona_of("customer") == "ann.toml"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "title is missing"),
        (SCENARIO + "[[support.steps]\n", 42, "']]'"),
        (
            replaced('opens = "support"', 'opens = "me"'),
            3,
            "opens: input should be 'customer' or 'support'; this is 'me'",
        ),
        (replaced('opens = "support"', 'opens = "support"\ntime_limit_seconds = 0'), 4, "time_limit_seconds: "),
        (replaced("sentences = [", "sentences = [3, "), 4, "sentences: input should be a valid string; this is 3"),
        (replaced('hung_up_by = "customer"', 'hung_up_by = "nobody"'), 7, "hung_up_by: "),
        (replaced('{ by = "support", words = ["four", "two"] }', ""), 8, "heard is empty"),
        (replaced('["four", "two"]', "[]"), 8, "words is empty"),
        (replaced('by = "support", ', ""), 8, "by is missing"),
        (replaced('{ agent = "Books" }', '{ agent = "Books", reply = "x" }'), 9, "known are agent, function"),
        (replaced('say = "Which number is it?"', 'sya = "Which number is it?"'), 14, "say is missing"),
        (replaced('say = "Which number is it?"', 'say = "A {"'), 15, "a brace that belongs to no {placeholder}"),
        (
            replaced('say = "Which', 'wait = 3\nsay = "Which'),
            15,
            "unknown key 'wait'; known are expects, say, call, hang_up",
        ),
        (replaced('say = "Which', 'expects = ["a"]\nsay = "Which'), 15, "nothing can have been heard before"),
        (replaced('expects = ["number", "is"]\n', ""), 17, "expects is missing"),
        (replaced('expects = ["number", "is"]', "expects = []"), 17, "expects is missing"),
        (replaced('expects = ["number", "is"]', 'expects = "number"'), 18, "expects: input should be a valid list"),
        (replaced('message = "Who has this: {heard}"\n', ""), 21, "a call needs either a message or a function"),
        (replaced('agent = "Books"\n', 'agent = "Books"\nfunction = "find"\n'), 21, "either a message or a function"),
        (replaced('agent = "Books"\n', 'agent = "Books"\narguments = { a = 1 }\n'), 23, "arguments are for a function"),
        (replaced('say_on_failure = "The books are closed."\n', ""), 21, "say_on_failure is missing"),
        (replaced('agent = "Books"\n', 'agent = "Books"\nwho = 1\n'), 23, "known are agent, message, function"),
        (replaced("(?P<owner>", "(?P<owner"), 28, "pattern is no regular expression"),
        (replaced('say = "It belongs to {owner}."\n', ""), 27, "say is missing"),
        (replaced('say = "Thank you, goodbye."', 'say = "{answer}"'), 40, "{answer} needs a call"),
        (replaced('hang_up = "the owner is known"\n', ""), 17, "nobody hangs up"),
        (SCENARIO + '\n[[customer.steps]]\nexpects = ["a"]\nsay = "b"\n', 14, "they take turns"),
        (replaced('persona = "ann.toml"', 'persona = "ann.toml"\ninstructions = "Talk."'), 31, "either steps or instr"),
        (SCENARIO.replace("[[customer.steps]]", "[[x]]"), 34, "unknown key 'x'"),
        (replaced('persona = "ann.toml"', 'persona = "ann.toml"\nfacts = { "A B" = "c" }'), 33, "A B"),
    ],
)
def test_mistakes_have_a_line_and_a_reason(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = tmp_path / "number.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioFileError) as raised:
        load_scenario(path)
    error = raised.value
    assert (error.line, words in error.reason) == (line, True), error
    assert str(error).startswith(f"scenario {path}, line {line}: ")


def test_a_fact_that_nobody_has(tmp_path: Path) -> None:
    scenario, personas = number_scenario(tmp_path)
    forgetful = personas["customer"].model_copy(update={"facts": {}})
    with pytest.raises(VoiceError, match=r"step 1 of customer in 'A number' needs number, which neither the persona"):
        steps_of(scenario, "customer", forgetful)


def test_the_sentences_that_may_be_said(tmp_path: Path) -> None:
    scenario, personas = number_scenario(tmp_path)
    said_by_customer = sentences(scenario, {"customer": personas["customer"]})
    assert "The number is four two." in said_by_customer
    assert "Which number is it?" not in said_by_customer
    both = sentences(scenario, personas)
    assert {*said_by_customer, "Which number is it?", "The books are closed.", "One moment.", "It is seven."} <= {*both}
    assert {"The books say", "It belongs to"} <= {*both}
    assert personas["support"].manner.repeat_request in both


def test_a_folder_adds_to_those_that_come_with_the_library(tmp_path: Path) -> None:
    number_scenario(tmp_path)
    (tmp_path / "ann.toml").unlink()
    assert set(list_scenarios(tmp_path)) == {*SHIPPED, "number"}
    assert load_scenario("number", tmp_path).title == "A number"
    with pytest.raises(ScenarioFileError, match=r"known are appointment, "):
        load_scenario("number")


def test_what_success_asks_for(tmp_path: Path) -> None:
    condition = number_scenario(tmp_path)[0].success
    heard = [Heard("support", "the number is for two")]
    assert unmet(condition, Outcome(heard, [CallMade("Books")], "customer", "")) == []
    assert unmet(condition, Outcome([Heard("customer", "four two")], [], None, "the line broke")) == [
        "support did not hear 'four two'",
        "Books was not called with success",
        "customer did not hang up, but nobody: the line broke",
    ]
    failed = Outcome(heard, [CallMade("Books", succeeded=False)], "support", "bored")
    assert len(unmet(condition, failed)) == 2


def test_at_least_five_scripts_come_with_the_library() -> None:
    assert len(SCRIPTED) >= 5
    assert {"refund", "technical-fault", "appointment", "hard-of-hearing", "weather", "cancellation"} <= {*SCRIPTED}


@pytest.mark.parametrize("name", SCRIPTED)
async def test_a_shipped_scenario_succeeds_when_both_hear(name: str) -> None:
    scenario = load_scenario(name)
    played = await play(scenario)
    assert unmet(scenario.success, played.outcome) == []
    assert len(played.said) >= 6


@pytest.mark.parametrize("name", SCRIPTED)
async def test_any_customer_can_play_it(name: str) -> None:
    scenario = load_scenario(name)
    people = default_personas(scenario)
    for persona in list_personas().values():
        played = await play(scenario, {**people, "customer": persona})
        assert unmet(scenario.success, played.outcome) == [], persona.name


def _garbled(text: str) -> str:
    dice = random.Random(text)
    return " ".join("".join(dice.choices("bcdfghjklmnpqrstvwxz", k=len(word))) for word in text.split())


def _deaf_to_the_other(name: str) -> Callable[[str], str]:
    """Hears sentences of another scenario: words that exist, but do not belong here."""
    other = load_scenario("appointment" if name != "appointment" else "technical-fault")
    lines = sentences(other, default_personas(other))
    return lambda text: random.Random(text).choice(lines)


@pytest.mark.parametrize("name", SCRIPTED)
async def test_it_fails_when_nothing_or_something_else_is_heard(name: str) -> None:
    scenario = load_scenario(name)
    for hearing in (lambda text: "", _garbled, _deaf_to_the_other(name)):
        played = await play(scenario, hearing=hearing)
        assert unmet(scenario.success, played.outcome) != []
        assert played.calls == []
        assert "does not understand" in played.reason


@pytest.mark.parametrize("name", SCRIPTED)
async def test_it_survives_words_that_are_lost_here_and_there(name: str) -> None:
    """One word in twenty is lost: about the word error that recognisers have with a scenario's language model."""
    scenario = load_scenario(name)
    for seed in range(20):
        dice = random.Random(seed)
        lossy = lambda text: " ".join(word for word in text.split() if dice.random() > 0.05)  # noqa: B023, E731
        played = await play(scenario, hearing=lossy)
        assert "does not understand" not in played.reason, (seed, played.said, played.heard)


@pytest.mark.parametrize("name", SHIPPED)
def test_texts_are_plain_words(name: str) -> None:
    scenario = load_scenario(name)
    assert not [text for text in sentences(scenario, default_personas(scenario)) if any(map(str.isdigit, text))]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_recogniser_knows_every_word(name: str) -> None:
    pocketsphinx = pytest.importorskip("pocketsphinx")
    dictionary = Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict"))
    known = {line.split()[0] for line in dictionary.read_text(encoding="utf-8").splitlines()}
    scenario: Scenario = load_scenario(name)
    words = {word for text in sentences(scenario, default_personas(scenario)) for word in spoken_words(text)}
    assert words - known == set()


def test_every_side_has_a_persona() -> None:
    for scenario in list_scenarios().values():
        assert {scenario.persona_of(side) for side in SIDES} <= {*list_personas()}
