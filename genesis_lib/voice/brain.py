"""The port of what a voice agent thinks with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class BusCall:
    """A call on the bus that a brain wants made: an agent by id or name, and what to ask it; with `function` that function
    with these arguments. `meanwhile` is said to the other side while the answer is awaited, "" for nothing."""

    target: str
    message: str = ""
    function: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    meanwhile: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the conversation as this side knows it: its own words as they were spoken (cut where it was interrupted),
    the other's as they were heard."""

    by_me: bool
    text: str


@dataclass(frozen=True, slots=True)
class Thought:
    """What to do next: say the text (nothing when it is ""), and hang up afterwards with this reason when it is not ""."""

    text: str
    hang_up: str = ""


class Bus(Protocol):
    """The brain's way to other agents, while the conversation goes on."""

    async def call(self, call: BusCall) -> str:
        """Make the call; the answer's text.

        Raises:
            GenesisError: what the call failed with.
        """
        ...


class Brain(Protocol):
    """Decides what to say."""

    async def open_call(self, bus: Bus) -> Thought:
        """The first words, when this side opens the call."""
        ...

    async def answer(self, heard: str, turns: Sequence[Turn], bus: Bus) -> Thought:
        """The answer to what was heard; "" when the recogniser made nothing of it. `turns` are those before it.

        Raises:
            VoiceError: it cannot think of any.
        """
        ...

    async def close(self) -> None: ...
