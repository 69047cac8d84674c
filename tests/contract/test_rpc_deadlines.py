"""RPC: deadlines travel and nest; leaving a call cancels the remote handler; what expired never starts."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest

from genesis_lib import AgentNotFound, GenesisInterface, Overloaded, RequestTimeout
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.agents_for_tests import Relay
from tests.contract.agents import Worker
from tests.contract.background import Background
from tests.contract.callers import diary, wait_for
from tests.contract.shared import running

ONE_AT_A_TIME = {"GENESIS_MAX_CONCURRENCY": "1", "GENESIS_MAX_QUEUE": "2"}


@pytest.fixture(scope="module")
def shared_worker(shared_domain: int) -> Iterator[str]:
    """A Worker in another process, for all tests here."""
    with running((Worker, {"agent_id": "worker"}, {})):
        yield "worker"


@pytest.fixture
def genesis_domain(shared_domain: int) -> int:
    return shared_domain


@pytest.fixture
def worker(shared_worker: str) -> str:
    """The id of a Worker in another process."""
    return shared_worker


async def test_a_timeout_says_who_and_which_and_how_long(worker: str) -> None:
    async with GenesisInterface() as bus:
        assert await bus.connect_to_agent(worker)
        with pytest.raises(RequestTimeout) as caught:
            await bus.request_agent(worker, "block it1", timeout_seconds=0.3)
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.target == worker
    assert caught.value.request_id
    assert caught.value.elapsed_seconds > 0


async def test_the_time_spent_includes_the_wait_for_the_agent(background: Background, genesis_domain: int) -> None:
    async with GenesisInterface() as bus:
        call = background(bus.request_agent("late", "block it", timeout_seconds=2, wait=True))
        async with Worker(agent_id="late"):
            await wait_for(bus, "late", "started it")
            with pytest.raises(RequestTimeout) as caught:
                await call
    assert caught.value.elapsed_seconds >= 1.99


async def test_send_agent_request_gives_none_on_a_timeout(worker: str) -> None:
    async with GenesisInterface() as bus:
        assert await bus.connect_to_agent(worker)
        assert await bus.send_agent_request(worker, "block it2", timeout_seconds=0.3) is None


async def test_a_timeout_cancels_the_remote_handler(background: Background, worker: str) -> None:
    async with GenesisInterface() as bus:
        call = background(bus.request_agent(worker, "block it3", timeout_seconds=5))
        await wait_for(bus, worker, "started it3")
        with pytest.raises(RequestTimeout):
            await call
        await wait_for(bus, worker, "cancelled it3")
        assert "finished it3" not in await diary(bus, worker)


async def test_cancelling_the_task_cancels_the_remote_handler(background: Background, worker: str) -> None:
    async with GenesisInterface() as bus:
        task = background(bus.request_agent(worker, "block it4", timeout_seconds=60))
        await wait_for(bus, worker, "started it4")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await wait_for(bus, worker, "cancelled it4")


async def test_leaving_the_bus_cancels_the_remote_handler(background: Background, worker: str) -> None:
    async with GenesisInterface() as bus:
        async with GenesisInterface() as leaver:
            task = background(leaver.request_agent(worker, "block it5", timeout_seconds=60))
            await wait_for(bus, worker, "started it5")
        await wait_for(bus, worker, "cancelled it5")
        await asyncio.gather(task, return_exceptions=True)


async def test_a_killed_client_cancels_the_remote_handler(
    background: Background, agent_process: StartAgentProcess, worker: str
) -> None:
    relay = await agent_process(Relay, {"agent_id": "relay"})
    async with GenesisInterface() as bus:
        task = background(bus.request_agent("relay", f"{worker} block it6", timeout_seconds=60))
        await wait_for(bus, worker, "started it6")
        relay.send_signal(signal.SIGKILL)
        await wait_for(bus, worker, "cancelled it6")
        await asyncio.gather(task, return_exceptions=True)
        assert (await bus.request_agent(worker, "run after"))["message"] == "after done"


async def test_a_cancelled_call_cancels_the_whole_chain(
    background: Background, agent_process: StartAgentProcess, worker: str
) -> None:
    await asyncio.gather(*(agent_process(Relay, {"agent_id": agent_id}) for agent_id in ("outer", "inner")))
    async with GenesisInterface() as bus:
        task = background(bus.request_agent("outer", f"inner {worker} block it7", timeout_seconds=60))
        await wait_for(bus, worker, "started it7")
        task.cancel()
        await wait_for(bus, worker, "cancelled it7")


async def test_a_nested_call_inherits_what_is_left(agent_process: StartAgentProcess, worker: str) -> None:
    await agent_process(Relay, {"agent_id": "relay"})
    async with GenesisInterface() as bus:
        reply = await bus.request_agent("relay", f"{worker} echo", timeout_seconds=5)
        # The relay itself asks for 30 s.
        assert 0 < reply["metadata"]["timeout_seconds"] < 5


async def test_a_nested_call_ends_with_the_outer_deadline(agent_process: StartAgentProcess, worker: str) -> None:
    await agent_process(Relay, {"agent_id": "relay"})
    async with GenesisInterface() as bus:
        with pytest.raises(RequestTimeout):
            await bus.request_agent("relay", f"{worker} block it9", timeout_seconds=1)
        await wait_for(bus, worker, "cancelled it9")


async def test_what_expired_in_the_queue_never_starts(background: Background, agent_process: StartAgentProcess) -> None:
    await agent_process(Worker, {"agent_id": "slow"}, ONE_AT_A_TIME)
    async with GenesisInterface() as bus:
        blocker = await _block(background, bus)
        for _ in range(2):
            with pytest.raises(RequestTimeout):
                await bus.request_agent("slow", "run expired", timeout_seconds=0.2)
        blocker.cancel()
        assert (await bus.request_agent("slow", "run later"))["message"] == "later done"
        assert "ran expired" not in await diary(bus, "slow")


async def test_what_expired_in_the_queue_takes_up_no_room(
    background: Background, agent_process: StartAgentProcess
) -> None:
    await agent_process(Worker, {"agent_id": "slow"}, ONE_AT_A_TIME)
    async with GenesisInterface() as bus:
        blocker = await _block(background, bus)
        expired = [bus.request_agent("slow", "run expired", timeout_seconds=0.2) for _ in range(2)]
        for error in await asyncio.gather(*expired, return_exceptions=True):
            assert isinstance(error, RequestTimeout)
        waiting = [background(bus.request_agent("slow", "run later", timeout_seconds=30)) for _ in range(2)]
        await asyncio.sleep(0)
        blocker.cancel()
        assert [(await call)["message"] for call in waiting] == ["later done"] * 2


async def test_beyond_the_queue_a_request_is_refused_with_a_hint(
    background: Background, agent_process: StartAgentProcess
) -> None:
    await agent_process(Worker, {"agent_id": "slow"}, ONE_AT_A_TIME)
    async with GenesisInterface() as bus:
        blocker = await _block(background, bus)
        calls = [background(bus.request_agent("slow", f"run {number}", timeout_seconds=30)) for number in range(10)]
        refused = await asyncio.gather(*calls[2:], return_exceptions=True)
        assert len(refused) == 8
        for error in refused:
            assert isinstance(error, Overloaded)
            assert error.retry_after_seconds is not None
            assert error.retry_after_seconds > 0
            assert error.target == "slow"
        assert not calls[0].done()
        assert not calls[1].done()
        blocker.cancel()
        assert [(await call)["message"] for call in calls[:2]] == ["0 done", "1 done"]
        noted = await diary(bus, "slow")
        assert [noted.get(f"ran {number}") for number in range(10)] == [1, 1] + [None] * 8


async def test_at_most_so_many_run_at_a_time(background: Background, agent_process: StartAgentProcess) -> None:
    await agent_process(Worker, {"agent_id": "slow"}, {"GENESIS_MAX_CONCURRENCY": "3"})
    async with GenesisInterface() as bus:
        blockers = [background(bus.request_agent("slow", f"block {number}", timeout_seconds=60)) for number in range(2)]
        for number in range(2):
            await wait_for(bus, "slow", f"started {number}")
        # One place is left, so these run one after the other, and all of them do.
        replies = await asyncio.gather(*(bus.request_agent("slow", f"run {n}", timeout_seconds=30) for n in range(50)))
        assert [reply["message"] for reply in replies] == [f"{n} done" for n in range(50)]
        for number in range(2):
            await bus.request_agent("slow", f"release {number}")
        assert [(await blocker)["message"] for blocker in blockers] == ["0 finished", "1 finished"]


async def test_waiting_for_an_agent_ends_with_the_deadline(worker: str) -> None:
    async with GenesisInterface() as bus:
        with pytest.raises(AgentNotFound):
            await bus.request_agent("nobody", "run it10", timeout_seconds=0.3, wait=True)
        assert (await bus.request_agent(worker, "run it10"))["message"] == "it10 done"


async def _block(background: Background, bus: GenesisInterface) -> asyncio.Task[dict[str, object]]:
    """Fill the only place of an agent that runs one request at a time."""
    assert await bus.connect_to_agent("slow")
    blocker = background(bus.request_agent("slow", "block it", timeout_seconds=60))
    await asyncio.sleep(0)  # requests reach the agent in the order in which they are written
    return blocker


async def test_what_a_hook_leaves_running_is_free_of_the_deadline_and_stays_in_the_chain(
    worker: str, agent_process: StartAgentProcess
) -> None:
    await agent_process(Worker, {"agent_id": "other"})
    deadline = 2.0
    async with GenesisInterface() as bus:
        assert await bus.connect_to_agent(worker)
        await bus.request_agent(worker, "leave it6 other", timeout_seconds=deadline)
        await asyncio.sleep(deadline)  # what it must not have any more
        await bus.request_agent(worker, "release it6")
        await bus.request_agent(worker, f"await 1 called it6 on the path {bus.app.agent_id} {worker}")
