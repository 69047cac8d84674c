"""Scenarios: what a call is about, what both sides say or how a model shall talk, and when it succeeded, as TOML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from genesis_lib.toml_file import TomlFileError
from genesis_lib.voice.persona import FactName
from genesis_lib.voice.templates import placeholders
from genesis_lib.voice.toml_model import Several, Text, TomlTable, files_in, find_file, load_model, mistake

SHIPPED_SCENARIOS = Path(__file__).parent / "scenarios"
Side = Literal["customer", "support"]
SIDES: tuple[Side, ...] = ("customer", "support")


class ScenarioFileError(TomlFileError):
    """A scenario file cannot be used.

    Attributes:
        path: the file.
        line: where the mistake is, from 1; None when the file could not be read at all.
        reason: what is wrong.
    """

    kind: ClassVar = "scenario"


def _checked_template(text: str) -> str:
    if re.search(r"[{}]", re.sub(r"\{\w+\}", "", text)):
        raise mistake(f"a brace that belongs to no {{placeholder}}: {text!r}")
    return text


def _checked_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise mistake(f"pattern is no regular expression, {error}: {text!r}") from None
    return text


Template = Annotated[Text, AfterValidator(_checked_template)]
OptionalTemplate = Annotated[str, AfterValidator(_checked_template)]
Pattern = Annotated[Text, AfterValidator(_checked_pattern)]


class Reading(TomlTable):
    """How to put an agent's answer: when `pattern`, a regular expression, is found in it, `say` this. What the pattern's
    named groups found can stand in it as {name_of_group}."""

    pattern: Pattern
    say: Template


class AgentCall(TomlTable):
    """A call on the bus within a step.

    Attributes:
        agent: its name or id.
        message: what to ask it. Facts can stand in it, and {heard}: what the other side was heard to say just now.
        function: the function to call in place of asking.
        arguments: of the function; texts among them are templates as `message` is.
        while_waiting: what to say meanwhile, "" for nothing.
        say_on_failure: what to say in place of the step's own text when the call fails.
        readings: how to put the answer; the first that fits is said in place of the step's own text.
    """

    agent: Text
    message: OptionalTemplate = ""
    function: str = ""
    arguments: dict[str, Any] = Field(default_factory=dict)
    while_waiting: OptionalTemplate = ""
    say_on_failure: Template
    readings: Several[Reading] = ()

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if bool(self.message) == bool(self.function):
            raise mistake("a call needs either a message or a function")
        if self.arguments and not self.function:
            raise mistake("arguments are for a function", "arguments")
        return self


class Step(TomlTable):
    """One turn of a side.

    Attributes:
        expects: words, two thirds of which it must have heard before it says this. Empty only in the very first step.
        say: what it says. Facts can stand in it, {name}, {heard}, and {answer} in a step with a call.
        call: a call on the bus, made before `say`.
        hang_up: the reason, when it hangs up afterwards.
    """

    expects: Several[Text] = ()
    say: Template
    call: AgentCall | None = None
    hang_up: str = ""


class Part(TomlTable):
    """One side of a call: a script, or instructions for a language model.

    Attributes:
        persona: by default, a name or a path.
        facts: what its persona knows unless the persona says otherwise.
        steps: the script.
        instructions: for a language model, in place of a script.
    """

    persona: Text
    facts: dict[FactName, Text] = Field(default_factory=dict)
    steps: Several[Step] = ()
    instructions: str = ""


class HeardCondition(TomlTable):
    """In one utterance, this side heard two thirds of these words or more."""

    by: Side
    words: Several[Text]


class CalledCondition(TomlTable):
    """This agent was called, with success; with `function` that function of it."""

    agent: Text
    function: str = ""


class SuccessCondition(TomlTable):
    """All of it has to hold. `hang_up` is the reason given by who hung up."""

    heard: Several[HeardCondition]
    called: Several[CalledCondition] = ()
    hung_up_by: Side | None = None
    hang_up: str = ""

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not self.heard:
            raise mistake("heard is empty: what must have been heard for the call to be a success?", "heard")
        for number, condition in enumerate(self.heard):
            if not condition.words:
                raise mistake("words is empty", "heard", number)
        return self


class Scenario(TomlTable):
    """A call between two.

    Attributes:
        opens: the side that speaks first.
        sentences: for the recogniser's language model: what may be said beyond the texts of the steps, such as answers
            from the bus.
    """

    title: Text
    description: Text
    opens: Side
    time_limit_seconds: float = Field(default=180.0, gt=0, le=3600)
    sentences: Several[Text] = ()
    success: SuccessCondition
    customer: Part
    support: Part

    def part(self, side: Side) -> Part:
        """One side of it."""
        return self.customer if side == "customer" else self.support

    def persona_of(self, side: Side) -> str:
        """Name or path of the persona that plays this side by default."""
        return self.part(side).persona

    @model_validator(mode="after")
    def _can_be_played(self) -> Self:
        for problem in _problems(self):
            raise problem
        return self


def other_side(side: Side) -> Side:
    """The side it talks to."""
    return "support" if side == "customer" else "customer"


def load_scenario(name_or_path: str | Path, folder: Path | None = None) -> Scenario:
    """A scenario by name, from the folder or of those that come with the library, or by the path of a TOML file.

    Blocks while it reads.

    Raises:
        ScenarioFileError: there is none, or the file is no scenario; with line and reason.
    """
    return load_model(Scenario, find_file(name_or_path, _folders(folder), ScenarioFileError), ScenarioFileError)


def list_scenarios(folder: Path | None = None) -> dict[str, Scenario]:
    """The scenarios that come with the library, and those in the folder, by name.

    Blocks while it reads.

    Raises:
        ScenarioFileError: one of the files is no scenario.
    """
    files = files_in(_folders(folder))
    return {name: load_model(Scenario, path, ScenarioFileError) for name, path in sorted(files.items())}


def _folders(folder: Path | None) -> list[Path]:
    return [SHIPPED_SCENARIOS] if folder is None else [SHIPPED_SCENARIOS, folder]


def _problems(scenario: Scenario) -> Iterator[PydanticCustomError]:
    """What the members of a scenario say against each other."""
    for side in SIDES:
        part = scenario.part(side)
        if bool(part.steps) == bool(part.instructions.strip()):
            yield mistake(f"{side} needs either steps or instructions", side)
        for number, step in enumerate(part.steps):
            first = side == scenario.opens and number == 0
            if first and step.expects:
                yield mistake(
                    "expects: nothing can have been heard before the first words", side, "steps", 0, "expects"
                )
            if not first and not step.expects:
                yield mistake("expects is missing: which words must it have heard?", side, "steps", number)
            if step.call is None and "answer" in placeholders(step.say):
                yield mistake("say: {answer} needs a call", side, "steps", number, "say")
    opening, answering = scenario.part(scenario.opens).steps, scenario.part(other_side(scenario.opens)).steps
    if not (opening and answering):
        return
    if len(opening) - len(answering) not in (0, 1):
        yield mistake(
            f"{scenario.opens} has {len(opening)} steps and the other side {len(answering)}: they take turns, so the side "
            "that opens has as many or one more",
            scenario.opens,
            "steps",
        )
    if not (opening[-1].hang_up or answering[-1].hang_up):
        yield mistake(
            "nobody hangs up: give the last step a hang_up with the reason", scenario.opens, "steps", len(opening) - 1
        )
