"""Agents in processes of their own: what they write disturbs nothing and can be read, starting ends one way or the other."""

from __future__ import annotations

import re
import signal

import pytest

from genesis_lib import ConfigError, GenesisInterface, RemoteAgentError
from genesis_lib.testing.fixtures import StartAgentProcess
from tests.testing.agents import MORE_THAN_A_PIPE_HOLDS, NeverReady, Quitter, Stubborn, Talker


async def test_what_an_agent_prints_while_it_starts_is_not_taken_for_its_announcement(
    agent_process: StartAgentProcess,
) -> None:
    process = await agent_process(Talker, {"agent_id": "talker"}, timeout_seconds=30)
    assert process.agent_id == "talker"
    assert "imported\nREADY for work\n" in process.errors()


@pytest.mark.parametrize(
    ("message", "written"),
    [
        ("print", "printed\n"),
        ("write", "written \N{REPLACEMENT CHARACTER}\n"),
        ("child", "from a child\n"),
        ("much", "y" * MORE_THAN_A_PIPE_HOLDS + "\n"),
    ],
)
async def test_what_an_agent_writes_to_standard_output_is_there_with_its_reply(
    agent_process: StartAgentProcess, message: str, written: str
) -> None:
    process = await agent_process(Talker, {"agent_id": "talker"})
    before = process.errors()
    async with GenesisInterface() as bus:
        assert (await bus.request_agent("talker", message, wait=True))["message"] == "done"
    assert process.errors() == before + written


async def test_reading_does_not_move_the_place_where_the_process_writes(agent_process: StartAgentProcess) -> None:
    process = await agent_process(Talker, {"agent_id": "talker"})
    before = process.errors()
    async with GenesisInterface() as bus:
        for times in range(1, 4):
            await bus.request_agent("talker", "print", wait=True)
            assert process.errors() == before + times * "printed\n"


async def test_a_crash_loses_nothing_that_was_printed(agent_process: StartAgentProcess) -> None:
    process = await agent_process(Talker, {"agent_id": "talker"})
    async with GenesisInterface() as bus:
        await bus.request_agent("talker", "print", wait=True)
    process.send_signal(signal.SIGKILL)
    assert await process.wait() == -signal.SIGKILL
    assert process.errors().endswith("printed\n")


@pytest.mark.parametrize(
    ("agent", "written"), [(NeverReady, "waiting for the harvest"), (Stubborn, "reading the terminal")]
)
async def test_an_agent_that_is_never_ready_is_given_up_and_its_words_are_told(
    agent_process: StartAgentProcess, agent: type, written: str
) -> None:
    told = f"tests.testing.agents:{agent.__name__} was not ready within 20 s.*imported\n.*{written}\n"
    with pytest.raises(ConfigError, match=re.compile(told, re.DOTALL)):
        await agent_process(agent, timeout_seconds=20)


async def test_an_agent_that_ends_while_it_starts_is_told_with_its_words(agent_process: StartAgentProcess) -> None:
    told = "tests.testing.agents:Quitter ended with 7 before its agent was ready.*imported\nout of paper\n"
    with pytest.raises(ConfigError, match=re.compile(told, re.DOTALL)):
        await agent_process(Quitter)


async def test_what_a_hook_raised_is_there_with_its_place(agent_process: StartAgentProcess) -> None:
    process = await agent_process(Talker, {"agent_id": "talker"})
    async with GenesisInterface() as bus:
        with pytest.raises(RemoteAgentError):
            await bus.request_agent("talker", "raise", wait=True)
    assert "ValueError: no such shelf" in process.errors()
    assert 'raise ValueError("no such shelf")' in process.errors()
