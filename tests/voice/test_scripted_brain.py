"""G4: a script goes on by what was heard, and by nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genesis_lib.errors import AgentLost, VoiceError
from genesis_lib.voice.brain import Brain, BusCall, Thought
from genesis_lib.voice.brains.scripted import ScriptedBrain
from genesis_lib.voice.brains.speakable import speakable
from genesis_lib.voice.persona import Manner, Persona
from genesis_lib.voice.scenario import SIDES, Side, load_scenario
from genesis_lib.voice.script import sentences
from genesis_lib.voice.understanding import asks_to_repeat, is_nothing_but, understood
from tests.voice.people import OneAnswer, default_personas, number_scenario, play

BUS = OneAnswer("four two belongs to Alice")
REPEAT = Manner().repeat_request


def brain(folder: Path, side: Side, **manner: object) -> ScriptedBrain:
    scenario, personas = number_scenario(folder)
    persona = personas[side].model_copy(update={"manner": Manner.model_validate(manner)})
    return ScriptedBrain(scenario, side, persona)


async def texts(brain: Brain, *heard: str) -> list[str]:
    return [(await brain.answer(text, (), BUS)).text for text in heard]


async def test_it_goes_on_by_what_it_hears(tmp_path: Path) -> None:
    customer = brain(tmp_path, "customer")
    assert await texts(customer, "which number is it") == ["The number is four two."]
    assert await customer.answer("it belongs to alice", (), BUS) == Thought("Thank you, goodbye.", "the owner is known")


async def test_it_asks_to_repeat_what_it_does_not_understand_and_gives_up(tmp_path: Path) -> None:
    customer = brain(tmp_path, "customer", gives_up="Goodbye then.")
    assert await texts(customer, "", "blah blah", "it belongs to alice") == [REPEAT] * 3
    last = await customer.answer("", (), BUS)
    assert last == Thought("Goodbye then.", "customer does not understand support")


async def test_being_understood_again_it_has_all_its_patience_back(tmp_path: Path) -> None:
    customer = brain(tmp_path, "customer")
    assert await texts(customer, "", "", "", "which number") == [REPEAT] * 3 + ["The number is four two."]
    assert await texts(customer, "", "", "", "it belongs to alice") == [REPEAT] * 3 + ["Thank you, goodbye."]


async def test_it_repeats_itself_when_asked_or_when_the_other_does(tmp_path: Path) -> None:
    customer = brain(tmp_path, "customer")
    said = await texts(customer, "which number is it", "sorry could you repeat that please", "which number is it")
    assert said == ["The number is four two."] * 3


async def test_asked_to_repeat_before_it_said_anything_it_asks_itself(tmp_path: Path) -> None:
    assert await texts(brain(tmp_path, "customer"), "pardon") == [REPEAT]


async def test_who_hears_badly_asks_although_it_understood(tmp_path: Path) -> None:
    customer = brain(tmp_path, "customer", asks_to_repeat=1, repeat_request="Say it again.")
    said = await texts(customer, "which number is it", "it belongs to alice", "it belongs to alice")
    assert said == ["The number is four two.", "Say it again.", "Thank you, goodbye."]


async def test_it_calls_an_agent_with_what_it_heard_and_says_the_answer(tmp_path: Path) -> None:
    support, bus = brain(tmp_path, "support"), OneAnswer("4 2 belongs to Alice")
    assert await support.open_call(bus) == Thought("Which number is it?")
    assert await support.answer("the number is four two", (), bus) == Thought("It belongs to Alice.")
    assert bus.calls == [BusCall("Books", "Who has this: the number is four two", meanwhile="One moment.")]


async def test_an_answer_that_no_reading_fits_is_said_as_it_is(tmp_path: Path) -> None:
    support = brain(tmp_path, "support")
    await support.open_call(BUS)
    thought = await support.answer("the number is four", (), OneAnswer("**nobody** (as of today)"))
    assert thought.text == "The books say nobody."


async def test_a_call_that_fails_is_told(tmp_path: Path) -> None:
    support, bus = brain(tmp_path, "support"), OneAnswer(AgentLost("gone", target="Books"))
    await support.open_call(bus)
    assert (await support.answer("the number is four two", (), bus)).text == "The books are closed."


async def test_it_says_nothing_while_the_other_side_waits_for_an_agent(tmp_path: Path) -> None:
    customer = brain(tmp_path, "customer")
    assert await texts(customer, "which number", "one moment", "it belongs to alice") == [
        "The number is four two.",
        "",
        "Thank you, goodbye.",
    ]


async def test_functions_are_called_with_what_was_heard(tmp_path: Path) -> None:
    number_scenario(tmp_path)
    path = tmp_path / "number.toml"
    text = path.read_text().replace(
        'message = "Who has this: {heard}"', 'function = "owner"\narguments = { text = "{heard}", limit = 3 }'
    )
    path.write_text(text)
    scenario, bus = load_scenario(path), OneAnswer("belongs to Bob")
    support = ScriptedBrain(scenario, "support", default_personas_of(tmp_path)["support"])
    await support.open_call(bus)
    await support.answer("number is one", (), bus)
    assert bus.calls == [
        BusCall("Books", function="owner", arguments={"text": "number is one", "limit": 3}, meanwhile="One moment.")
    ]


def default_personas_of(folder: Path) -> dict[Side, Persona]:
    return number_scenario(folder)[1]


def test_a_side_without_steps_needs_a_model() -> None:
    scenario = load_scenario("free-talk")
    with pytest.raises(VoiceError, match="customer has no steps in 'Planning a holiday, freely'"):
        ScriptedBrain(scenario, "customer", default_personas(scenario)["customer"])


NAMES = ["refund", "technical-fault", "appointment", "hard-of-hearing", "weather", "cancellation"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(NAMES), side=st.sampled_from(SIDES))
async def test_it_ends_whatever_it_hears(data: st.DataObject, name: str, side: Side) -> None:
    scenario = load_scenario(name)
    people = default_personas(scenario)
    lines = st.one_of(st.sampled_from(sentences(scenario, people)), st.just(""), st.text(max_size=20))
    player = ScriptedBrain(scenario, side, people[side])
    asks = people[side].manner.asks_to_repeat
    most = (len(scenario.part(side).steps) + 1) * 4 + asks
    for _ in range(most):
        if (await player.answer(data.draw(lines), (), BUS)).hang_up:
            return
    pytest.fail(f"still talking after {most} turns")


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(NAMES), dice=st.randoms(use_true_random=False), loss=st.floats(0, 1))
async def test_two_of_them_end_whatever_gets_lost(name: str, dice: object, loss: float) -> None:
    chance = dice.random  # type: ignore[attr-defined]
    played = await play(
        load_scenario(name), hearing=lambda text: " ".join(word for word in text.split() if chance() >= loss)
    )
    assert played.hung_up_by in SIDES


@pytest.mark.parametrize(
    ("expected", "heard", "is_understood"),
    [
        (["refund"], "i want a refund now", True),
        (["refund"], "i want refunds", True),
        (["refund"], "", False),
        (["refund"], "i want to find out", False),
        ([], "anything", False),
        (["red", "light"], "the red", False),
        (["red", "light", "router"], "the red router", True),
        (["sixty percent"], "there is a 60 % chance", True),
        (["Thursday"], "on thursday", True),
    ],
)
def test_tolerance(expected: list[str], heard: str, is_understood: bool) -> None:
    assert understood(expected, heard) is is_understood


def test_pauses_and_requests() -> None:
    assert is_nothing_but("One moment please.", "one moment please")
    assert not is_nothing_but("One moment please.", "one moment please it will rain tomorrow")
    assert asks_to_repeat("could you say that again")
    assert not asks_to_repeat("i live in maple street")


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Berlin: 5 to 11 °C, wind 3.1 m/s (sample data).", "Berlin: 5 to 11 degrees, wind 3.1 metres per second."),
        ("60 % between 09:00 and 21:00, 1.6 mm", "60 percent between 9 o'clock and 21 o'clock, 1.6 millimetres"),
        ("# Yes\n\n- **really** [1]", "Yes - really"),
        ("", ""),
    ],
)
def test_what_is_written_for_the_eye_becomes_speakable(written: str, spoken: str) -> None:
    assert speakable(written) == spoken
