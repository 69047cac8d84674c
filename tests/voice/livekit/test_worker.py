"""What a worker does with the jobs that a LiveKit server offers, and how it leaves."""

from __future__ import annotations

import asyncio

import pytest
from livekit.agents import JobRequest
from livekit.agents.job import JobAcceptArguments
from livekit.protocol import agent, models

from genesis_lib import GenesisInterface
from genesis_lib.settings import resolve_settings
from genesis_lib.voice.livekit.order import CallOrder
from genesis_lib.voice.livekit.worker import LiveKitSupport
from tests.voice.livekit.calls import PATIENCE_SECONDS, SHORT
from tests.voice.livekit.test_credentials import WHOLE

ORDER = CallOrder(scenario=SHORT, side="support", partner_id="customer")


class Offer:
    """A job that is offered, and what comes of that."""

    def __init__(self, launched: asyncio.Future[None], metadata: str = ORDER.model_dump_json()) -> None:
        self._launched = launched
        self.accepted = asyncio.Event()
        self.rejected_for_good: bool | None = None
        job = agent.Job(id="job", room=models.Room(name="room"), metadata=metadata)
        self.request = JobRequest(job=job, on_reject=self._reject, on_accept=self._accept)

    async def _reject(self, for_good: bool) -> None:
        self.rejected_for_good = for_good

    async def _accept(self, arguments: JobAcceptArguments) -> None:
        assert (arguments.identity, arguments.name) == ("support", "Support")
        self.accepted.set()
        await self._launched


async def test_one_job_at_a_time_from_its_acceptance_on() -> None:
    worker = LiveKitSupport(agent_id="support", settings=resolve_settings(WHOLE).settings)
    launching: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    one, another, third = Offer(launching), Offer(launching), Offer(launching)
    answering = asyncio.create_task(worker._on_request(one.request))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await one.accepted.wait()
        await worker._on_request(another.request)
    assert another.rejected_for_good is False
    assert not another.accepted.is_set()
    launching.set_exception(RuntimeError("no thread for it"))
    with pytest.raises(RuntimeError, match="no thread for it"):
        await answering
    with pytest.raises(RuntimeError, match="no thread for it"):
        await worker._on_request(third.request)
    assert third.accepted.is_set()


async def test_a_job_that_is_no_call_is_rejected_for_good() -> None:
    worker = LiveKitSupport(agent_id="support", settings=resolve_settings(WHOLE).settings)
    offer = Offer(asyncio.get_running_loop().create_future(), metadata="Tidy up the room.")
    await worker._on_request(offer.request)
    assert offer.rejected_for_good is True


class ClingingSupport(LiveKitSupport):
    """Cannot leave the server in peace."""

    async def _deregister(self) -> None:
        await super()._deregister()
        raise RuntimeError("the server holds on to it")


async def test_a_worker_that_cannot_leave_the_server_leaves_the_bus(bus: GenesisInterface) -> None:
    gone = asyncio.Event()
    bus.add_departure_callback(lambda info: gone.set())
    worker = await ClingingSupport(agent_id="support").open()
    assert await bus.wait_for_agent("support", PATIENCE_SECONDS)
    with pytest.raises(RuntimeError, match="the server holds on to it"):
        await worker.close()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await gone.wait()
