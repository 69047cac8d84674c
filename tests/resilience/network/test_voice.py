"""Two people talk over a bad wire: what gets lost is silence, what comes late or in disorder finds its place, and they
understand each other all the same."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from genesis_lib.voice.agent import CustomerAgent, SupportAgent
from genesis_lib.voice.scenario import SIDES
from genesis_lib.voice.words import WordErrors, word_errors
from tests.resilience.network.cable import Cable, Faults
from tests.resilience.network.callers import Caller
from tests.resilience.network.hosts import Host
from tests.resilience.record import Record

MOST_ERRORS = 0.15
LONG = pytest.mark.long

WIRES = [
    pytest.param(Faults(), id="no faults", marks=LONG),
    pytest.param(Faults(loss=0.05), id="5 % loss", marks=LONG),
    pytest.param(Faults(delay_seconds=0.1, jitter_seconds=0.1), id="0 to 200 ms delay", marks=LONG),
    pytest.param(Faults(loss=0.05, delay_seconds=0.05, jitter_seconds=0.05), id="5 % loss, 0 to 100 ms delay"),
    pytest.param(
        Faults(loss=0.05, delay_seconds=0.1, jitter_seconds=0.1), id="5 % loss, 0 to 200 ms delay", marks=LONG
    ),
]


@pytest.mark.parametrize("faults", WIRES)
async def test_a_call_over_a_bad_wire(
    west: Host, east: Host, cable: Cable, faults: Faults, record: Record, request: pytest.FixtureRequest
) -> None:
    agents = {
        "customer": await west.start_agent(CustomerAgent, {"agent_id": "customer"}),
        "support": await east.start_agent(SupportAgent, {"agent_id": "support"}),
    }
    caller = await east.start_caller()
    for side in agents:
        assert await caller.finds(side) is not None
    cable.faults = faults
    async with asyncio.TaskGroup() as group:
        for side in agents:
            group.create_task(_place(caller, side))
    reason = await caller.call_function("support", "wait_for_end", 120)
    transcripts = {side: await caller.call_function(side, "get_transcript", 10) for side in SIDES}
    counted = {side: await caller.call_function(side, "get_statistics", 10) for side in SIDES}
    errors = _misheard(transcripts["customer"], transcripts["support"]) + _misheard(
        transcripts["support"], transcripts["customer"]
    )
    frames = {name: sum(counted[side][name] for side in SIDES) for name in counted["customer"]}
    assert reason == "the appointment is made", (errors.edits, frames)
    assert errors.rate <= MOST_ERRORS, errors.edits
    if faults.loss:
        assert cable.counts["lost"] > 0
    record(
        f"A spoken call between two hosts, {request.node.callspec.id}",
        trials=sum(len(each) for each in transcripts.values()) // 2,
        promised=f"the call reaches its end, word error at most {MOST_ERRORS:.0%}",
        measured=f"word error {errors.rate:.1%}; of {frames['frames_sent']:,.0f} frames {frames['frames_lost']:,.0f} lost,"
        f" {frames['frames_late']:,.0f} late",
    )


async def _place(caller: Caller, side: str) -> None:
    await caller.call_function(side, "place_call", 90, room="desk", scenario="appointment", side=side)


def _misheard(speaker: list[dict[str, Any]], listener: list[dict[str, Any]]) -> WordErrors:
    """What the listener made of what the speaker said."""
    spoken = " ".join(turn["text"] for turn in speaker if turn["by"] == "me")
    heard = " ".join(turn["text"] for turn in listener if turn["by"] == "other")
    return word_errors(spoken, heard)
