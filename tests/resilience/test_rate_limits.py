"""Rate limits: the arithmetic on a clock of the test's own, everything else between processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesis_lib import ConfigError, GenesisInterface, RateLimited, load_settings
from genesis_lib.messages import AgentRequest, RequestKind
from genesis_lib.rpc.batch import encode_items
from genesis_lib.rpc.caller_identity import CallerIdentity
from genesis_lib.rpc.guards import Guard
from genesis_lib.rpc.rate_limit import CallerBuckets, RateLimit, rate_guard
from genesis_lib.settings import resolve_settings
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.resilience.flooding import PATIENCE_SECONDS, Flooder, Gauge, Parts
from tests.resilience.record import Record

SETTINGS = ("rate_limit", "rate_burst", "rate_limit_per_caller", "rate_burst_per_caller")
CALL = AgentRequest("hello")


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def caller(number: int = 1, agent_id: str = "", *, confirmed: bool = True) -> CallerIdentity:
    return CallerIdentity(bytes([number]) * 16, agent_id, confirmed=confirmed and bool(agent_id))


def batch(size: int) -> AgentRequest:
    return AgentRequest(encode_items(["x"] * size), kind=RequestKind.BATCH)


def refused(guard: Guard, request: AgentRequest = CALL, who: CallerIdentity | None = None) -> RateLimited | None:
    error = guard(request, who or caller())
    assert error is None or isinstance(error, RateLimited)
    return error


# The guard


def test_a_burst_passes_then_one_for_each_interval(clock: Clock) -> None:
    guard = rate_guard("a1", RateLimit(2.0, 3), None, clock)
    assert [refused(guard) for _ in range(3)] == [None] * 3
    error = refused(guard)
    assert error is not None
    assert error.retry_after_seconds == pytest.approx(0.5)
    clock.now += 0.2
    again = refused(guard)
    assert again is not None
    assert again.retry_after_seconds == pytest.approx(0.3)  # what was refused cost nothing
    clock.now += again.retry_after_seconds or 0
    assert refused(guard) is None
    assert refused(guard) is not None


def test_a_long_pause_earns_no_more_than_the_burst(clock: Clock) -> None:
    guard = rate_guard("a1", RateLimit(2.0, 3), None, clock)
    clock.now += 1e6
    assert [refused(guard) is None for _ in range(5)] == [True] * 3 + [False] * 2


def test_the_refusal_says_all_of_it(clock: Clock) -> None:
    guard = rate_guard("a1", RateLimit(0.5, 1), RateLimit(0.25, 2), clock)
    assert refused(guard, who=caller(1, "chatty")) is None
    error = refused(guard, who=caller(1, "chatty"))
    assert error is not None
    assert error.target == "a1"
    for part in (
        "agent a1",
        "0.5 requests a second",
        "each caller",
        "rate_limit_per_caller",
        "2.00 s",
        "caller chatty",
    ):
        assert part in str(error)
    assert refused(guard, who=caller(2)) is None
    error = refused(guard, who=caller(3))
    assert error is not None
    assert error.retry_after_seconds == pytest.approx(4.0)
    for part in ("0.25 requests a second", "all callers together", "rate_limit)", "03" * 16):
        assert part in str(error)


def test_who_counts_as_one_caller(clock: Clock) -> None:
    guard = rate_guard("a1", RateLimit(1.0, 1), None, clock)
    assert refused(guard, who=caller(1)) is None
    assert refused(guard, who=caller(2)) is None
    assert refused(guard, who=caller(1, "one")) is None  # each agent of a participant has its own bucket
    assert refused(guard, who=caller(1, "two")) is None
    for again in (caller(1), caller(2), caller(1, "one"), caller(1, "two"), caller(1, "invented", confirmed=False)):
        assert refused(guard, who=again) is not None
    claims = AgentRequest("hello", source_agent_id="somebody else")
    assert refused(guard, claims, caller(1)) is not None


def test_what_the_agent_refuses_costs_the_caller_nothing(clock: Clock) -> None:
    guard = rate_guard("a1", RateLimit(0.001, 2), RateLimit(1.0, 1), clock)
    assert refused(guard) is None
    assert refused(guard) is not None
    clock.now += 1
    assert refused(guard) is None


def test_a_batch_counts_its_items(clock: Clock) -> None:
    guard = rate_guard("a1", RateLimit(1.0, 5), None, clock)
    assert refused(guard, batch(3)) is None
    error = refused(guard, batch(3))
    assert error is not None
    assert error.retry_after_seconds == pytest.approx(1.0)
    assert refused(guard, batch(2)) is None
    assert refused(guard) is not None


def test_a_batch_beyond_the_burst_passes_a_full_bucket_and_leaves_a_debt(clock: Clock) -> None:
    guard = rate_guard("a1", RateLimit(1.0, 5), None, clock)
    assert refused(guard, batch(20)) is None
    error = refused(guard)
    assert error is not None
    assert error.retry_after_seconds == pytest.approx(16.0)
    clock.now += 16
    assert refused(guard) is None
    error = refused(guard, batch(20))
    assert error is not None
    clock.now += 5
    assert refused(guard, batch(20)) is None


@pytest.mark.parametrize("message", ["", "no json", '"text"', '{"a": 1}', "[]", "[" * 100_000])
def test_a_batch_that_is_none_counts_one(clock: Clock, message: str) -> None:
    guard = rate_guard("a1", RateLimit(1.0, 2), None, clock)
    bad = AgentRequest(message, kind=RequestKind.BATCH)
    assert [refused(guard, bad) is None for _ in range(3)] == [True, True, False]


@given(
    st.floats(0.1, 100),
    st.integers(1, 20),
    st.lists(st.tuples(st.floats(0, 3), st.sampled_from([1, 1, 2, 7])), min_size=1, max_size=100),
)
def test_never_more_than_rate_and_burst_allow(rate: float, burst: int, arrivals: list[tuple[float, int]]) -> None:
    clock = Clock()
    guard = rate_guard("a1", RateLimit(rate, burst), None, clock)
    passed = largest = 0
    for pause, size in arrivals:
        clock.now += pause
        error = refused(guard, batch(size))
        if error is None:
            passed, largest = passed + size, max(largest, size)
        else:
            assert error.retry_after_seconds is not None
            assert 0 < error.retry_after_seconds <= (burst + largest) / rate
        assert passed <= (clock.now - 1000) * rate + max(burst, largest) + 1e-3


def test_full_buckets_are_forgotten(clock: Clock) -> None:
    buckets = CallerBuckets(RateLimit(1.0, 2))
    for number in range(10_000):
        clock.now += 0.1
        who = CallerIdentity(number.to_bytes(16), "")
        buckets.bucket_of(who, clock.now).take(1)
        assert len(buckets) <= 64  # 10 are not full at a time
    assert buckets.bucket_of(who, clock.now).seconds_until(2, clock.now) == pytest.approx(1.0)


# Settings


def test_no_limit_by_default() -> None:
    settings = resolve_settings({}).settings
    assert [getattr(settings, name) for name in SETTINGS] == [None] * 4
    assert RateLimit.of(None, 5) is None


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("value", [0, -1, "0", "-0.5", "much", 1e9])
def test_limits_of_zero_and_below_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=name):
        load_settings(**{name: value})


def test_limits_come_from_the_environment() -> None:
    environment = {"GENESIS_RATE_LIMIT": "2.5", "GENESIS_RATE_BURST": "7", "GENESIS_RATE_LIMIT_PER_CALLER": ""}
    settings = resolve_settings(environment).settings
    assert (settings.rate_limit, settings.rate_burst, settings.rate_limit_per_caller) == (2.5, 7, None)


@pytest.mark.parametrize(("rate", "burst"), [(0.01, 1), (1.0, 1), (2.5, 3), (100.0, 100)])
def test_one_seconds_worth_may_come_at_once(rate: float, burst: int) -> None:
    assert RateLimit.of(rate, None) == RateLimit(rate, burst)


# Between processes. A rate of one in a hundred seconds leaves the burst alone to count.

ALMOST_NEVER = "0.01"


@pytest.fixture(autouse=True)
def _no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refusals are to be seen."""
    monkeypatch.setenv("GENESIS_RETRY_ATTEMPTS", "1")


@pytest.fixture
async def bus(agent_process: StartAgentProcess) -> AsyncIterator[GenesisInterface]:
    async with GenesisInterface("test") as interface:
        yield interface


async def start_gauge(agent_process: StartAgentProcess, **limits: str) -> Any:
    environment = {f"GENESIS_{name.upper()}": value for name, value in limits.items()}
    return await agent_process(Gauge, {"agent_id": "gauge"}, environment)


async def outcomes(bus: GenesisInterface, flooder: str, command: str = "outcomes") -> dict[str, Any]:
    """What a Flooder did, once it is done with it."""
    reply = await bus.request_agent(flooder, command, timeout_seconds=PATIENCE_SECONDS, wait=True)
    return dict(reply["metadata"])


async def started(bus: GenesisInterface, prefix: str) -> list[str]:
    """The labels of one caller in the diary of the Gauge."""
    labels = (await bus.request_agent("gauge", "diary", wait=True))["metadata"]["started"]
    return [label for label in labels if label.startswith(prefix)]


@pytest.mark.parametrize("who", ["agent", "interface"])
async def test_a_flooding_caller_is_held_to_its_rate_and_others_notice_nothing(
    bus: GenesisInterface, agent_process: StartAgentProcess, record: Record, who: str
) -> None:
    rate, burst, calls = 20, 100, 99
    gauge = await start_gauge(agent_process, rate_limit_per_caller=str(rate), rate_burst_per_caller=str(burst))
    await agent_process(Flooder, {"agent_id": "flooder"})
    begun = time.monotonic()
    await bus.request_agent("flooder", f"flood {who} gauge 50 work", wait=True)
    await bus.request_agent("flooder", "count 1000 RateLimited", timeout_seconds=PATIENCE_SECONDS)
    for number in range(calls):
        await bus.request_agent("gauge", f"work bus-{number}", wait=True)
    flood = await outcomes(bus, "flooder", "stop")
    allowed = burst + rate * (time.monotonic() - begun)
    answered = flood["answered"]
    assert set(flood) == {"answered", "RateLimited", "least_hint", "most_hint"}
    assert burst <= len(answered) <= allowed
    assert flood["RateLimited"] >= 1000
    assert 0 < flood["least_hint"] <= flood["most_hint"] <= 1 / rate
    diary = await started(bus, "flooder")
    assert sorted(diary) == sorted(answered)
    assert ("flooder" if who == "agent" else "RateLimited") in gauge.errors()
    assert "RateLimited: agent gauge takes 20 requests a second from each caller" in gauge.errors()
    record(
        f"Caller floods against a limit of {rate}/s per caller ({who})",
        trials=len(answered) + flood["RateLimited"],
        promised="never more than rate and burst allow; refusals with a hint; nothing refused runs; others notice nothing",
        measured=f"{len(answered)} executed of {int(allowed)} allowed, {flood['RateLimited']:,} refused;"
        f" another caller: {calls} of {calls} answered",
        lost=0,
        duplicated=len(diary) - len(set(diary)),
    )


async def test_inventing_ids_earns_nothing(bus: GenesisInterface, agent_process: StartAgentProcess) -> None:
    await start_gauge(agent_process, rate_limit_per_caller=ALMOST_NEVER, rate_burst_per_caller="20")
    await agent_process(Flooder, {"agent_id": "flooder"})
    assert await bus.wait_for_agent("flooder")
    assert await outcomes(bus, "flooder", "invent gauge 300 work") == {"answered": 20, "RateLimited": 280}
    assert len(await started(bus, "raw")) == 20
    assert await outcomes(bus, "flooder", "invent gauge 300 work") == {"RateLimited": 300}


async def test_each_agent_of_a_process_has_its_own_bucket(
    bus: GenesisInterface, agent_process: StartAgentProcess
) -> None:
    await start_gauge(agent_process, rate_limit_per_caller=ALMOST_NEVER, rate_burst_per_caller="3")
    await agent_process(Flooder, {"agent_id": "flooder"})
    await bus.request_agent("flooder", "send agent gauge 5 work", wait=True)
    assert len((await outcomes(bus, "flooder"))["answered"]) == 3
    await bus.request_agent("flooder", "send interface gauge 5 work")
    both = await outcomes(bus, "flooder")
    assert (len(both["answered"]), both["RateLimited"]) == (6, 4)


async def test_all_callers_together(bus: GenesisInterface, agent_process: StartAgentProcess) -> None:
    await start_gauge(agent_process, rate_limit=ALMOST_NEVER, rate_burst="7")
    await agent_process(Flooder, {"agent_id": "flooder"})
    for number in range(3):
        await bus.request_agent("gauge", f"work bus-{number}", wait=True)
    await bus.request_agent("flooder", "send agent gauge 10 work", wait=True)
    flood = await outcomes(bus, "flooder")
    assert (len(flood["answered"]), flood["RateLimited"]) == (4, 6)
    with pytest.raises(RateLimited, match="all callers together"):
        await bus.request_agent("gauge", "work more")


async def test_after_the_hint_there_is_a_token(bus: GenesisInterface, agent_process: StartAgentProcess) -> None:
    await start_gauge(agent_process, rate_limit_per_caller="10", rate_burst_per_caller="1")
    await bus.request_agent("gauge", "work first", wait=True)
    for number in range(3):
        refusals = await asyncio.gather(*(refusal_of(bus, f"work {number}-{at_once}") for at_once in range(10)))
        *_, error = (each for each in refusals if each is not None)
        assert error.target == "gauge"
        assert error.retry_after_seconds is not None
        assert 0 < error.retry_after_seconds <= 0.1
        await asyncio.sleep(error.retry_after_seconds)
        assert await refusal_of(bus, f"work {number} again") is None


async def refusal_of(bus: GenesisInterface, message: str) -> RateLimited | None:
    try:
        await bus.request_agent("gauge", message)
    except RateLimited as error:
        return error
    return None


async def test_a_batch_is_as_many_as_its_items(bus: GenesisInterface, agent_process: StartAgentProcess) -> None:
    await start_gauge(agent_process, rate_limit_per_caller=ALMOST_NEVER, rate_burst_per_caller="5")
    assert await bus.wait_for_agent("gauge")
    replies = await bus.send_agent_batch("gauge", ["work b-1", "work b-2", "work b-3"])
    assert [reply["status"] for reply in replies] == [0, 0, 0]
    with pytest.raises(RateLimited) as raised:
        await bus.send_agent_batch("gauge", ["work b-4", "work b-5", "work b-6"])
    assert 90 < (raised.value.retry_after_seconds or 0) <= 100
    assert await started(bus, "b-") == ["b-1", "b-2", "b-3"]


async def test_credit_and_cancelling_cost_nothing(bus: GenesisInterface, agent_process: StartAgentProcess) -> None:
    limits = {"GENESIS_RATE_LIMIT_PER_CALLER": ALMOST_NEVER, "GENESIS_RATE_BURST_PER_CALLER": "3"}
    await agent_process(Parts, {"agent_id": "parts"}, limits)
    assert await bus.wait_for_agent("parts")
    parts = [part["message"] async for part in bus.stream_agent_request("parts", "500")]  # takes several credits
    assert parts == [str(number) for number in range(500)]
    async for _ in bus.stream_agent_request("parts", "100000"):
        break  # which cancels it
    assert (await bus.request_agent("parts", "3"))["message"] == "012"
    with pytest.raises(RateLimited):
        await bus.request_agent("parts", "1")
