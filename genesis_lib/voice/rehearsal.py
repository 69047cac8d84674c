"""A scripted scenario played in text, without any audio: to try it out before it is spoken."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from genesis_lib.errors import GenesisError
from genesis_lib.voice.brain import Brain, Bus, BusCall, Thought, Turn
from genesis_lib.voice.persona import Persona
from genesis_lib.voice.scenario import SIDES, Scenario, Side, other_side
from genesis_lib.voice.success import CallMade, Heard, Outcome


@dataclass(slots=True)
class Rehearsal:
    """What was said, by whom, and what came of it."""

    said: list[tuple[Side, str]] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    calls: list[CallMade] = field(default_factory=list)
    hung_up_by: Side | None = None
    reason: str = "both sides are silent"

    @property
    def outcome(self) -> Outcome:
        """For `success.unmet`."""
        return Outcome(self.heard, self.calls, self.hung_up_by, self.reason)


async def rehearse(
    scenario: Scenario,
    brains: Mapping[Side, Brain],
    personas: Mapping[Side, Persona],
    bus: Bus,
    *,
    hearing: Callable[[str], str] = str,
) -> Rehearsal:
    """Let two brains talk to each other in text.

    Args:
        brains, personas: of both sides. A persona that interrupts hears of a long text what fits in its patience.
        bus: answers their calls.
        hearing: what is heard of what was said; all of it by default.

    Raises:
        VoiceError: a brain fails.
    """
    play = Rehearsal()
    turns: dict[Side, list[Turn]] = {side: [] for side in SIDES}
    queue: deque[tuple[Side, str]] = deque()

    def speak(side: Side, text: str) -> None:
        if text:
            cut = _until_interrupted(text, personas[side], personas[other_side(side)])
            play.said.append((side, cut))
            turns[side].append(Turn(True, cut))
            queue.append((side, cut))

    def act(side: Side, thought: Thought) -> bool:
        """Whether the call goes on."""
        speak(side, thought.text)
        if thought.hang_up:
            play.hung_up_by, play.reason = side, thought.hang_up
        return not thought.hang_up

    def line(side: Side) -> _Line:
        return _Line(bus, play.calls, lambda text: speak(side, text))

    goes_on = act(scenario.opens, await brains[scenario.opens].open_call(line(scenario.opens)))
    while queue and goes_on:
        speaker, text = queue.popleft()
        listener = other_side(speaker)
        heard = hearing(text)
        play.heard.append(Heard(listener, heard))
        before = tuple(turns[listener])
        turns[listener].append(Turn(False, heard))
        goes_on = act(listener, await brains[listener].answer(heard, before, line(listener)))
    return play


class _Line:
    """The bus as one side has it: notes its calls, and says what is to be said meanwhile."""

    def __init__(self, bus: Bus, calls: list[CallMade], speak: Callable[[str], None]) -> None:
        self._bus = bus
        self._calls = calls
        self._speak = speak

    async def call(self, call: BusCall) -> str:
        """See Bus."""
        self._speak(call.meanwhile)
        try:
            answer = await self._bus.call(call)
        except GenesisError:
            self._calls.append(CallMade(call.target, call.function, succeeded=False))
            raise
        self._calls.append(CallMade(call.target, call.function))
        return answer


def _until_interrupted(text: str, speaker: Persona, listener: Persona) -> str:
    patience = listener.interrupts_after_seconds
    if patience is None:
        return text
    return " ".join(text.split()[: round(patience * speaker.style.words_per_minute / 60)])
