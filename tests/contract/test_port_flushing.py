"""The port: when samples leave. What is written has to leave while its writer still holds up the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from genesis_lib.dds.port import Participant, Writer
from tests.contract import samples
from tests.contract.arrivals import Arrivals, read_elsewhere
from tests.contract.recorder import Recorder

PACKET = 12
# Cyclone DDS would otherwise find out within 100 ms that something was written and not sent, and repair it.
NO_REPAIRS = (
    "<CycloneDDS><Domain><Internal>"
    '<HeartbeatInterval min="60s" minsched="60s" max="60s">60s</HeartbeatInterval>'
    "</Internal></Domain></CycloneDDS>"
)


@pytest.fixture(autouse=True)
def no_repairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CYCLONEDDS_URI", NO_REPAIRS)


@pytest.fixture
async def arrivals(participant: Participant) -> AsyncIterator[Arrivals]:
    """What arrives in another process."""
    with read_elsewhere() as counted:
        yield counted


@pytest.fixture
async def writer(participant: Participant, arrivals: Arrivals) -> Writer:
    """Matched with the reader of that process."""
    seen = Recorder()
    opened = await participant.create_writer(samples.RPC, on_match=seen.on_match)
    await seen.matched()
    arrivals.ready()
    return opened


async def test_a_lone_sample_leaves_at_once(writer: Writer, arrivals: Arrivals) -> None:
    for number in range(1, 6):
        assert writer.try_write(samples.request(number, "alone"))
        assert arrivals.are(number)
        await asyncio.sleep(0)


async def test_a_burst_leaves_while_it_is_written(writer: Writer, arrivals: Arrivals) -> None:
    for burst in range(2):
        written = 3 * PACKET * burst
        for number in range(1, 3 * PACKET + 1):
            assert writer.try_write(samples.request(written + number, "one of many"))
        assert arrivals.are(written + 2 * PACKET)
        await asyncio.sleep(0)
    assert arrivals.are(2 * 3 * PACKET)


async def test_after_a_burst_a_lone_sample_leaves_with_its_turn_and_the_next_one_at_once(
    writer: Writer, arrivals: Arrivals
) -> None:
    for number in range(1, 2 * PACKET + 1):
        assert writer.try_write(samples.request(number, "one of many"))
    await asyncio.sleep(0)
    assert writer.try_write(samples.request(2 * PACKET + 1, "alone"))
    await asyncio.sleep(0)
    assert arrivals.are(2 * PACKET + 1)
    assert writer.try_write(samples.request(2 * PACKET + 2, "alone"))
    assert arrivals.are(2 * PACKET + 2)
