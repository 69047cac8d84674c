"""SIGINT and SIGTERM to a process with an agent under load: it drains and leaves nothing behind on the machine."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from genesis_lib import GenesisError, GenesisInterface
from genesis_lib.settings import load_settings
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.contract.background import Background
from tests.resilience.agents import Scribe, executed
from tests.resilience.conftest import Trials, hosted_by
from tests.resilience.leftovers import shared_segments
from tests.resilience.record import Record, spread

CALLERS = 8


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_under_load_loses_no_call_that_was_taken(
    background: Background,
    agent_process: StartAgentProcess,
    record: Record,
    trials: Trials,
    timed: bool,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    """Callers call without a pause. What the agent has begun it answers; the rest was not executed."""
    monkeypatch.setenv("GENESIS_RETRY_ATTEMPTS", "1")
    count = trials(1, 50)
    book = tmp_path / "executed"
    seconds: list[float] = []
    answered: list[str] = []
    refused: Counter[str] = Counter()
    condition = asyncio.Condition()
    segments = shared_segments()
    async with GenesisInterface() as bus:

        async def call(trial: int, caller: int) -> None:
            for turn in range(1_000_000):
                label = f"{trial}-{caller}-{turn}"
                try:
                    answered.append((await bus.request_agent("leaver", f"write-slowly {label}"))["message"])
                except GenesisError as error:
                    refused[type(error).__name__] += 1
                    return
                async with condition:
                    condition.notify_all()

        for trial in range(count):
            process = await agent_process(Scribe, {"path": str(book), "agent_id": "leaver"})
            assert await hosted_by(bus, process)
            enough = len(answered) + 5 * CALLERS
            callers = [background(call(trial, caller)) for caller in range(CALLERS)]
            async with condition:
                await condition.wait_for(partial(_longer, answered, enough))
            asked = time.perf_counter()
            process.send_signal(number)
            await asyncio.gather(*callers)
            assert await process.wait() == 0
            seconds.append(time.perf_counter() - asked)
            assert process.errors().count("Traceback") == 0
    runs = Counter(executed(book))
    lost = len(set(runs) - set(answered))
    assert set(runs.values()) == {1}
    assert set(answered) == set(runs)
    assert set(refused) <= {"AgentUnavailable", "AgentLost"}
    assert shared_segments() == segments
    assert max(seconds) <= load_settings().grace_seconds or not timed
    record(
        f"{number.name} to an agent that {CALLERS} callers call without a pause",
        trials=count,
        promised="what has begun is answered, the rest is not executed; exit status 0 within the grace time (5 s)",
        measured=f"{len(answered):,} calls answered, then {_words(refused)}; gone after {spread(seconds)}",
        lost=lost,
        duplicated=sum(runs.values()) - len(runs),
    )


def _longer(answered: list[str], count: int) -> bool:
    return len(answered) > count


def _words(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
