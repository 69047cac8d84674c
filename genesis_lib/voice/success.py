"""When a call succeeded. Pure: what happened in the call goes in, what is missing comes out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from genesis_lib.voice.scenario import Side, SuccessCondition
from genesis_lib.voice.understanding import understood


@dataclass(frozen=True, slots=True)
class Heard:
    """What one side's recogniser made of one utterance of the other."""

    by: Side
    text: str


@dataclass(frozen=True, slots=True)
class CallMade:
    """A call on the bus."""

    agent: str
    function: str = ""
    succeeded: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened in a call. `hung_up_by` is None when the line broke or time was over."""

    heard: Sequence[Heard]
    calls: Sequence[CallMade]
    hung_up_by: Side | None
    reason: str


def unmet(condition: SuccessCondition, outcome: Outcome) -> list[str]:
    """What is missing for success, in words; nothing when the call succeeded."""
    return list(_unmet(condition, outcome))


def _unmet(condition: SuccessCondition, outcome: Outcome) -> Iterator[str]:
    for wanted in condition.heard:
        if not any(heard.by == wanted.by and understood(wanted.words, heard.text) for heard in outcome.heard):
            yield f"{wanted.by} did not hear {' '.join(wanted.words)!r}"
    for call in condition.called:
        if not any(
            made.succeeded and made.agent == call.agent and call.function in ("", made.function)
            for made in outcome.calls
        ):
            yield f"{call.agent}{f'.{call.function}' if call.function else ''} was not called with success"
    if condition.hung_up_by not in (None, outcome.hung_up_by):
        yield f"{condition.hung_up_by} did not hang up, but {outcome.hung_up_by or 'nobody'}: {outcome.reason}"
    if condition.hang_up not in ("", outcome.reason):
        yield f"the call did not end with {condition.hang_up!r}, but with {outcome.reason!r}"
