"""What is sent again after a failure, what is not, and to whom. Every execution is written down by the agent's process."""

from __future__ import annotations

import asyncio
import random
import signal
from pathlib import Path

import pytest

from genesis_lib import AgentLost, AgentUnavailable, GenesisInterface, MonitoredInterface, Overloaded, load_settings
from genesis_lib.errors import GenesisError, NotAuthorised, RateLimited, RemoteAgentError, RequestTimeout
from genesis_lib.events import EventType
from genesis_lib.monitoring.wire import EVENT_TOPIC, decode_event
from genesis_lib.rpc.retry import RetryPolicy
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.contract.background import Background
from tests.contract.callers import wait_for
from tests.contract.recorder import PATIENCE_SECONDS, Recorder
from tests.resilience.agents import Scribe, executed

POLICY = RetryPolicy(attempts=3, backoff_seconds=0.1, max_backoff_seconds=1.0)
FULL_AGENT = {"GENESIS_MAX_CONCURRENCY": "1", "GENESIS_MAX_QUEUE": "1"}


def patient(**options: float) -> GenesisInterface:
    return GenesisInterface("patient", settings=load_settings(**{"retry_attempts": 100, **options}))


@pytest.mark.parametrize("error", [AgentUnavailable, Overloaded, RateLimited])
def test_what_never_ran_may_be_repeated(error: type[GenesisError]) -> None:
    assert POLICY.may_repeat(error("no"), idempotent=False)
    assert POLICY.may_repeat(error("no"), idempotent=True)


def test_what_may_have_run_is_repeated_only_when_that_does_no_harm() -> None:
    assert not POLICY.may_repeat(AgentLost("gone"), idempotent=False)
    assert POLICY.may_repeat(AgentLost("gone"), idempotent=True)


@pytest.mark.parametrize("error", [RemoteAgentError, RequestTimeout, NotAuthorised])
def test_an_answer_and_a_passed_deadline_are_final(error: type[GenesisError]) -> None:
    assert not POLICY.may_repeat(error("no"), idempotent=True)


def test_the_backoff_doubles_up_to_its_bound_and_is_jittered() -> None:
    random.seed(7)
    for attempt, longest in ((1, 0.1), (2, 0.2), (3, 0.4), (5, 1.0), (50, 1.0)):
        delays = [POLICY.delay_seconds(attempt, None) for _ in range(500)]
        assert 0 <= min(delays) < 0.1 * longest
        assert 0.9 * longest < max(delays) <= longest


def test_the_other_sides_hint_is_honoured() -> None:
    delays = [POLICY.delay_seconds(1, 5.0) for _ in range(500)]
    assert 5.0 <= min(delays) < max(delays) <= 6.0


async def _fill(background: Background, bus: GenesisInterface, agent_id: str, seconds: float) -> None:
    """Occupy an agent that runs one request and lets one wait, until these two give up: who waits first, so that it never
    runs."""
    assert await bus.connect_to_agent(agent_id)
    background(bus.request_agent(agent_id, "write-block running", timeout_seconds=seconds))
    background(bus.request_agent(agent_id, "write waiting", timeout_seconds=seconds / 2))
    # These tasks run in order, so this one is the first that finds no room.
    with pytest.raises(Overloaded):
        await background(bus.request_agent(agent_id, "write refused"))


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    return tmp_path / "diary"


async def test_an_overloaded_agent_is_asked_again_when_it_says(
    background: Background, agent_process: StartAgentProcess, diary: Path
) -> None:
    await agent_process(Scribe, {"path": str(diary), "agent_id": "busy"}, FULL_AGENT)
    async with GenesisInterface(settings=load_settings(retry_attempts=1)) as others, patient() as bus:
        assert await bus.connect_to_agent("busy")
        await _fill(background, others, "busy", 5.0)
        reply = await bus.request_agent("busy", "write patient", timeout_seconds=30)
        assert reply["message"] == "patient"
    assert executed(diary) == ["running", "patient"]


async def test_a_deadline_before_the_next_attempt_ends_the_call_with_what_the_agent_said(
    background: Background, agent_process: StartAgentProcess, diary: Path
) -> None:
    await agent_process(Scribe, {"path": str(diary), "agent_id": "busy"}, FULL_AGENT)
    async with GenesisInterface(settings=load_settings(retry_attempts=1)) as others, patient() as bus:
        assert await bus.connect_to_agent("busy")
        await _fill(background, others, "busy", 60)
        with pytest.raises(Overloaded) as refusal:
            await bus.request_agent("busy", "write hurried", timeout_seconds=0.5)
        assert refusal.value.retry_after_seconds is not None
    assert executed(diary) == ["running"]


async def test_of_several_agents_of_a_name_a_free_one_is_asked_next(
    background: Background, agent_process: StartAgentProcess, diary: Path, tmp_path: Path
) -> None:
    await agent_process(Scribe, {"path": str(diary), "agent_id": "full"}, FULL_AGENT)
    await agent_process(Scribe, {"path": str(tmp_path / "other"), "agent_id": "free"})
    async with GenesisInterface(settings=load_settings(retry_attempts=1)) as others, patient(retry_attempts=2) as bus:
        assert await bus.wait_for_agent("full")
        assert await bus.wait_for_agent("free")
        await _fill(background, others, "full", 60)
        for number in range(20):
            assert (await bus.request_agent("Scribe", f"write {number}"))["agent_id"] == "free"
    assert executed(tmp_path / "other") == [str(number) for number in range(20)]
    assert executed(diary) == ["running"]


async def test_a_request_that_may_have_run_is_not_sent_to_another_agent(
    background: Background, agent_process: StartAgentProcess, diary: Path
) -> None:
    doomed = await agent_process(Scribe, {"path": str(diary), "agent_id": "doomed"})
    async with patient() as bus:
        call = background(bus.request_agent("Scribe", "write-block once", timeout_seconds=60))
        await wait_for(bus, "doomed", "started once")
        await agent_process(Scribe, {"path": str(diary), "agent_id": "heir"})
        assert await bus.wait_for_agent("heir")
        doomed.send_signal(signal.SIGKILL)
        with pytest.raises(AgentLost):
            await call
    assert executed(diary) == ["once"]


async def test_an_idempotent_request_is_sent_to_another_agent(
    background: Background, agent_process: StartAgentProcess, diary: Path
) -> None:
    doomed = await agent_process(Scribe, {"path": str(diary), "agent_id": "doomed"})
    async with patient() as bus:
        call = background(bus.request_agent("Scribe", "write-block twice", timeout_seconds=60, idempotent=True))
        await wait_for(bus, "doomed", "started twice")
        await agent_process(Scribe, {"path": str(diary), "agent_id": "heir"})
        assert await bus.wait_for_agent("heir")
        doomed.send_signal(signal.SIGKILL)
        await wait_for(bus, "heir", "started twice")
        await bus.request_agent("heir", "release twice")
        assert (await call)["agent_id"] == "heir"
    assert executed(diary) == ["twice", "twice"]


async def test_an_idempotent_request_waits_for_the_agents_return(
    background: Background, agent_process: StartAgentProcess, diary: Path
) -> None:
    arguments = {"path": str(diary), "agent_id": "phoenix"}
    process = await agent_process(Scribe, arguments)
    async with patient() as bus:
        call = background(
            bus.request_agent("phoenix", "write-block it", timeout_seconds=60, idempotent=True, wait=True)
        )
        await wait_for(bus, "phoenix", "started it")
        process.send_signal(signal.SIGKILL)
        await process.wait()
        heir = await agent_process(Scribe, arguments)
        agents = bus.app.directory.agents
        assert await bus.app.directory.wait_for(
            lambda: "phoenix" in agents and agents["phoenix"].pid == heir.pid, PATIENCE_SECONDS
        )
        await wait_for(bus, "phoenix", "started it")
        await bus.request_agent("phoenix", "release it")
        assert (await call)["message"] == "it finished"
    assert executed(diary) == ["it", "it"]


async def test_a_lost_agent_without_a_replacement_is_reported_as_lost(
    background: Background, agent_process: StartAgentProcess, diary: Path
) -> None:
    """Not as unavailable, which would say that nothing was executed."""
    process = await agent_process(Scribe, {"path": str(diary), "agent_id": "doomed"})
    async with patient() as bus:
        call = background(bus.request_agent("doomed", "write-block it", timeout_seconds=60, idempotent=True))
        await wait_for(bus, "doomed", "started it")
        process.send_signal(signal.SIGKILL)
        with pytest.raises(AgentLost):
            await call
    assert executed(diary) == ["it"]


async def test_calls_that_wait_survive_restarts_and_run_once(
    background: Background, agent_process: StartAgentProcess, diary: Path
) -> None:
    """A request refused because its agent shuts down waits for the next one of that id."""
    arguments = {"path": str(diary), "agent_id": "phoenix"}
    process = await agent_process(Scribe, arguments)
    async with patient() as bus:
        answered: list[str] = []
        restarts_due: asyncio.Queue[None] = asyncio.Queue()

        async def call_all() -> None:
            for number in range(300):
                reply = await bus.request_agent("phoenix", f"write {number}", timeout_seconds=60, wait=True)
                answered.append(reply["message"])
                if number in (50, 120, 190):
                    restarts_due.put_nowait(None)

        async def restart_when_due() -> None:
            running = process
            for _ in range(3):
                await restarts_due.get()
                running.send_signal(signal.SIGTERM)
                assert await running.wait() == 0
                running = await agent_process(Scribe, arguments)

        restarting = background(restart_when_due())
        await call_all()
        await restarting
    assert answered == [str(number) for number in range(300)]
    assert executed(diary) == answered


async def test_all_attempts_are_one_trace(
    background: Background, agent_process: StartAgentProcess, diary: Path
) -> None:
    await agent_process(Scribe, {"path": str(diary), "agent_id": "busy"}, FULL_AGENT)
    seen = Recorder()
    async with (
        GenesisInterface(settings=load_settings(retry_attempts=1)) as others,
        MonitoredInterface("patient", "patient", settings=load_settings(retry_attempts=3)) as bus,
    ):
        await bus.app.participant.create_reader(EVENT_TOPIC, seen.on_samples)
        assert await bus.connect_to_agent("busy")
        await _fill(background, others, "busy", 60)
        with pytest.raises(Overloaded):
            await bus.request_agent("busy", "write it", timeout_seconds=30)

        def requests() -> list[tuple[str, str]]:
            events = [decode_event(payload) for payload in seen.payloads()]
            return [
                (event.trace_id, event.span_id)
                for event in events
                if event.event_type == EventType.AGENT_TO_AGENT_REQUEST and event.component_id == "patient"
            ]

        await seen.until(lambda: len(requests()) == 3)
        assert len({trace_id for trace_id, _ in requests()}) == 1
        assert len({span_id for _, span_id in requests()}) == 3
