"""Peers that do not fit, named in the log."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from genesis_lib.dds.blocking import BlockingCalls
from genesis_lib.dds.misfit_reports import MisfitReports
from genesis_lib.dds.port import Endpoint
from genesis_lib.rpc.wire import request_topic

TOPIC = request_topic("Service")


@pytest.fixture
async def blocking() -> AsyncIterator[BlockingCalls]:
    calls = BlockingCalls()
    yield calls
    await calls.close()


def misfit(number: int) -> Endpoint:
    """A writer of the wrong type."""
    return Endpoint(TOPIC.name, "Other", True, number.to_bytes(16, "big"), b"", {})


async def test_however_many_come_they_are_looked_for_one_time_after_the_other(
    blocking: BlockingCalls, caplog: pytest.LogCaptureFixture
) -> None:
    looking, go_on, looking_again = threading.Event(), threading.Event(), threading.Event()
    looks = 0

    def find() -> list[Endpoint]:
        nonlocal looks
        looks += 1
        (looking_again if looking.is_set() else looking).set()
        go_on.wait()
        return [misfit(number) for number in range(looks)]

    reports = MisfitReports(find, TOPIC, 1.0, blocking)
    reports.look()
    await asyncio.to_thread(looking.wait)
    for _ in range(1000):
        reports.look()
    go_on.set()
    await asyncio.to_thread(looking_again.wait)
    await reports.close()
    assert looks == 2
    assert [record.args[0] for record in caplog.records if isinstance(record.args, tuple)] == [
        misfit(0).participant.hex(),
        misfit(1).participant.hex(),
    ]


async def test_each_is_named_once_and_what_is_remembered_is_bounded(
    blocking: BlockingCalls, caplog: pytest.LogCaptureFixture
) -> None:
    found: list[Endpoint] = [misfit(1), misfit(1)]
    reports = MisfitReports(lambda: found, TOPIC, 1.0, blocking)
    reports.look()
    await reports.close()
    reports.look()
    await reports.close()
    assert len(caplog.records) == 1
    found[:] = [misfit(number) for number in range(5000)]
    reports.look()
    await reports.close()
    assert len(reports._reported) <= 1025
