"""An agent that does not answer is left alone for a while; its state is visible, and its new announcement ends that."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from genesis_lib import (
    AgentInfo,
    AgentUnavailable,
    CircuitState,
    GenesisInterface,
    MessageTooLarge,
    MonitoredInterface,
    RemoteAgentError,
    RequestTimeout,
    Settings,
    load_settings,
)
from genesis_lib.errors import AgentLost, GenesisError
from genesis_lib.events import EventType
from genesis_lib.monitoring.wire import EVENT_TOPIC, decode_event
from genesis_lib.rpc.circuit_breaker import CircuitBreakers
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.contract.agents import Worker
from tests.contract.callers import diary
from tests.contract.recorder import PATIENCE_SECONDS, Recorder

INFO = AgentInfo("a", "Agent a")


class Announcing(Worker):
    """A Worker that announces itself anew when told `announce`, and raises when told `raise`."""

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["message"] == "announce":
            await self.update_capabilities()
            return {"message": "announced"}
        if request["message"] == "raise":
            raise ValueError("as told")
        return await super().process_agent_request(request)


class Circuit:
    """Breakers of threshold 3 that open for 10 seconds, on a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.changes: list[CircuitState] = []
        self.breakers = CircuitBreakers(3, 10.0, lambda: self.now, lambda info, state: self.changes.append(state))

    def fail(self, times: int, error: type[GenesisError] = RequestTimeout) -> None:
        for _ in range(times):
            self.breakers.failed(INFO, error("no", request_id="1:1"))

    def lets_through(self) -> bool:
        if "a" not in self.breakers.refusing:
            return True
        try:
            self.breakers.admit(INFO)
        except AgentUnavailable:
            return False
        return True


@pytest.mark.parametrize("error", [AgentUnavailable, AgentLost, RequestTimeout])
def test_failures_in_a_row_open_the_circuit(error: type[GenesisError]) -> None:
    circuit = Circuit()
    circuit.fail(2, error)
    assert circuit.lets_through()
    assert circuit.breakers.states == {"a": CircuitState.CLOSED}
    circuit.fail(1, error)
    assert not circuit.lets_through()
    assert circuit.breakers.states == {"a": CircuitState.OPEN}
    assert circuit.changes == [CircuitState.OPEN]


def test_an_answer_in_between_sets_the_count_back() -> None:
    circuit = Circuit()
    circuit.fail(2)
    circuit.breakers.answered(INFO)
    assert circuit.breakers.states == {}
    circuit.fail(2)
    circuit.breakers.failed(INFO, RemoteAgentError("it answered", request_id="1:1"))
    assert circuit.breakers.states == {}
    circuit.fail(2)
    assert circuit.lets_through()


def test_an_error_before_anything_was_sent_says_nothing_about_the_agent() -> None:
    circuit = Circuit()
    circuit.fail(2)
    circuit.breakers.failed(INFO, MessageTooLarge("not sent"))
    circuit.breakers.failed(INFO, RequestTimeout("its deadline had passed already"))
    circuit.breakers.failed(INFO, AgentUnavailable("its deadline left no time to connect"))
    circuit.fail(1)
    assert circuit.breakers.states == {"a": CircuitState.OPEN}


def test_half_open_lets_one_through_at_a_time() -> None:
    circuit = Circuit()
    circuit.fail(3)
    circuit.now += 9.9
    assert not circuit.lets_through()
    circuit.now += 0.1
    assert circuit.lets_through()
    assert circuit.breakers.states == {"a": CircuitState.HALF_OPEN}
    assert not circuit.lets_through()
    circuit.fail(1)
    assert circuit.breakers.states == {"a": CircuitState.OPEN}
    circuit.now += 10
    assert circuit.lets_through()
    circuit.breakers.answered(INFO)
    assert circuit.breakers.states == {}
    assert circuit.lets_through()
    assert circuit.changes == [CircuitState.OPEN, CircuitState.CLOSED]


@pytest.mark.parametrize("threshold", [1, 3])
def test_agents_that_never_come_back_are_forgotten(threshold: int) -> None:
    breakers = CircuitBreakers(threshold, 10.0, lambda: 0.0, lambda info, state: None)
    for number in range(2_000):
        breakers.failed(AgentInfo(str(number), "Agent"), AgentLost("gone"))
    assert len(breakers.states) < 1_100
    assert len(breakers.refusing) < 1_100


def test_a_trial_whose_caller_left_does_not_block_the_next() -> None:
    circuit = Circuit()
    circuit.fail(3)
    circuit.now += 10
    assert circuit.lets_through()
    circuit.now += 10
    assert circuit.lets_through()


def test_late_failures_do_not_keep_it_open_longer() -> None:
    circuit = Circuit()
    circuit.fail(3)
    circuit.now += 9
    circuit.fail(5)
    circuit.now += 1
    assert circuit.lets_through()


def test_what_is_remembered_is_bounded() -> None:
    circuit = Circuit()
    for number in range(5000):
        for _ in range(3):
            circuit.breakers.failed(AgentInfo(str(number), "x"), AgentLost("gone", request_id="1:1"))
    assert len(circuit.breakers.states) <= 1025
    assert len(circuit.breakers.refusing) <= 1025


def _settings(**options: Any) -> Settings:
    return load_settings(**{"breaker_failures": 3, "breaker_open_seconds": 60.0, **options})


async def _hang(bus: GenesisInterface, times: int) -> None:
    assert await bus.connect_to_agent("w")
    for _ in range(times):
        with pytest.raises(RequestTimeout):
            await bus.request_agent("w", "block it", timeout_seconds=0.2)


@pytest.fixture
async def worker(agent_process: StartAgentProcess) -> str:
    await agent_process(Announcing, {"agent_id": "w"})
    return "w"


async def test_an_agent_that_does_not_answer_is_left_alone(worker: str) -> None:
    async with GenesisInterface(settings=_settings()) as bus, GenesisInterface() as other:
        await _hang(bus, 2)
        assert bus.circuit_states == {"w": CircuitState.CLOSED}
        await _hang(bus, 1)
        assert bus.circuit_states == {"w": CircuitState.OPEN}
        with pytest.raises(AgentUnavailable, match="circuit breaker") as refusal:
            await bus.request_agent("w", "run refused")
        assert 0 < (refusal.value.retry_after_seconds or 0) <= 60
        with pytest.raises(AgentUnavailable, match="circuit breaker"):
            await bus.request_agent("Worker", "run refused")
        with pytest.raises(AgentUnavailable, match="circuit breaker"):
            await anext(bus.stream_agent_request("w", "run refused"))
        assert "ran refused" not in await diary(other, "w")
        assert other.circuit_states == {}


async def test_a_new_announcement_closes_the_circuit(worker: str) -> None:
    async with GenesisInterface(settings=_settings()) as bus, GenesisInterface() as other:
        await _hang(bus, 3)
        await other.request_agent("w", "announce")
        assert await bus.app.directory.wait_for(lambda: not bus.circuit_states, PATIENCE_SECONDS)
        assert (await bus.request_agent("w", "run it"))["message"] == "it done"


async def test_a_call_that_waits_is_the_one_that_tries(worker: str) -> None:
    async with GenesisInterface(settings=_settings(breaker_open_seconds=0.5)) as bus:
        await _hang(bus, 3)
        assert (await bus.request_agent("w", "run it", timeout_seconds=20, wait=True))["message"] == "it done"
        assert bus.circuit_states == {}


async def test_a_call_that_waits_goes_through_as_soon_as_the_circuit_closes(worker: str) -> None:
    async with GenesisInterface(settings=_settings()) as bus, GenesisInterface() as other:
        await _hang(bus, 3)
        call = asyncio.create_task(bus.request_agent("w", "run it", timeout_seconds=20, wait=True))
        await other.request_agent("w", "announce")
        assert (await call)["message"] == "it done"


async def test_an_error_the_agent_answers_with_is_no_failure(worker: str) -> None:
    async with GenesisInterface(settings=_settings(breaker_failures=1)) as bus:
        for _ in range(5):
            with pytest.raises(RemoteAgentError):
                await bus.request_agent("w", "raise")
        assert bus.circuit_states == {}


async def test_of_several_agents_of_a_name_one_that_answers_is_asked(
    agent_process: StartAgentProcess, worker: str
) -> None:
    await agent_process(Worker, {"agent_id": "sound"})
    async with GenesisInterface(settings=_settings()) as bus:
        assert await bus.wait_for_agent("sound")
        await _hang(bus, 3)
        answered = [(await bus.request_agent("Worker", "run it"))["agent_id"] for _ in range(20)]
        assert answered == ["sound"] * 20
        assert (await bus.request_agent("Worker", "run it", "a conversation"))["agent_id"] == "sound"


async def test_the_operator_sees_it(worker: str) -> None:
    seen = Recorder()
    async with (
        MonitoredInterface("watched", "watched", settings=_settings()) as bus,
        GenesisInterface() as other,
    ):
        await bus.app.participant.create_reader(EVENT_TOPIC, seen.on_samples)
        await _hang(bus, 3)
        await other.request_agent("w", "announce")

        def circuit_events() -> list[tuple[str, str]]:
            events = [decode_event(payload) for payload in seen.payloads()]
            return [(event.event_type, event.target_id) for event in events if "CIRCUIT" in event.event_type]

        await seen.until(lambda: len(circuit_events()) == 2)
        assert circuit_events() == [(EventType.AGENT_CIRCUIT_OPENED, "w"), (EventType.AGENT_CIRCUIT_CLOSED, "w")]
