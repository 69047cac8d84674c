from __future__ import annotations

import asyncio
import json
import signal

import pytest

from genesis_lib.testing.fixtures import StartAgentProcess
from tests.agents_for_tests import Echo, Misbehaving, Storyteller
from tests.cli.agents import Clerk, Clock
from tests.cli.command import GENESIS, finish, run, start


async def test_the_answer_alone_is_on_stdout(agent_process: StartAgentProcess) -> None:
    await agent_process(Echo)
    outcome = await run("ask", "Echo", "Grüß Gott")
    assert (outcome.status, outcome.stdout, outcome.stderr) == (0, "Grüß Gott\n", "")


async def test_by_id_exactly_that_one_answers(agent_process: StartAgentProcess) -> None:
    await agent_process(Echo)
    second = await agent_process(Echo)
    outcome = await run("ask", second.agent_id, "hello", "--json")
    assert outcome.json["agent_id"] == second.agent_id


async def test_json_is_one_object(agent_process: StartAgentProcess) -> None:
    clerk = await agent_process(Clerk)
    outcome = await run("ask", "Clerk", "hello", "--json")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert outcome.json == {
        "message": "filed",
        "status": 0,
        "conversation_id": "",
        "metadata": {},
        "attachments": [{"name": "note.txt", "media_type": "text/plain", "size": 5}],
        "agent_id": clerk.agent_id,
    }


async def test_an_attachment_is_mentioned_beside_the_answer(agent_process: StartAgentProcess) -> None:
    await agent_process(Clerk)
    outcome = await run("ask", "Clerk", "hello")
    assert outcome.stdout == "filed\n"
    assert outcome.stderr == "genesis: attached: note.txt (text/plain, 5 bytes)\n"


async def test_the_conversation_reaches_the_agent(agent_process: StartAgentProcess) -> None:
    await agent_process(Echo)
    outcome = await run("ask", "Echo", "hello", "--json", "--conversation", "c-7")
    assert outcome.json["metadata"]["conversation_id"] == "c-7"
    assert outcome.json["conversation_id"] == "c-7"


async def test_an_error_status_is_1_and_its_answer_is_shown(agent_process: StartAgentProcess) -> None:
    await agent_process(Misbehaving)
    outcome = await run("ask", "Misbehaving", "status")
    assert (outcome.status, outcome.stdout) == (1, "no\n")
    assert outcome.stderr == "genesis: Misbehaving answered with the error status -1\n"


async def test_an_error_status_in_json_is_an_answer(agent_process: StartAgentProcess) -> None:
    await agent_process(Misbehaving)
    outcome = await run("ask", "Misbehaving", "status", "--json")
    assert (outcome.status, outcome.json["status"], outcome.stderr) == (1, -1, "")


async def test_a_hook_that_raises_is_1(agent_process: StartAgentProcess) -> None:
    await agent_process(Misbehaving)
    outcome = await run("ask", "Misbehaving", "raise")
    assert (outcome.status, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith("genesis: Misbehaving failed: ValueError: no such thing")
    assert "Traceback" not in outcome.stderr
    as_json = await run("ask", "Misbehaving", "raise", "--json")
    assert (as_json.status, as_json.stderr) == (1, "")
    assert as_json.json["error"] == "RemoteAgentError"
    assert "no such thing" in as_json.json["message"]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("Echo",),
        ("Echo", "hello", "again"),
        ("Echo", "hello", "--timeout", "0"),
        ("Echo", "hello", "--timeout", "-1"),
        ("Echo", "hello", "--timeout", "nan"),
        ("Echo", "hello", "--timeout", "inf"),
        ("Echo", "hello", "--timeout", "soon"),
    ],
)
async def test_bad_usage_is_2(arguments: tuple[str, ...]) -> None:
    outcome = await run("ask", *arguments)
    assert (outcome.status, outcome.stdout) == (2, "")
    assert "Usage: genesis ask" in outcome.stderr


@pytest.mark.parametrize(
    ("target", "message", "told"),
    [
        ("", "hello", "TARGET is blank"),
        (" ", "hello", "TARGET is blank"),
        ("Echo", "\udcff", "MESSAGE is not UTF-8 text"),
        ("\udcff", "hello", "TARGET is not UTF-8 text"),
    ],
)
async def test_text_that_cannot_be_meant_is_2(target: str, message: str, told: str) -> None:
    outcome = await run("ask", target, message)
    assert (outcome.status, outcome.stdout) == (2, "")
    assert told in outcome.stderr


async def test_help_names_the_setting_that_gives_the_default() -> None:
    text = " ".join((await run("ask", "--help")).stdout.split())
    assert "[default: GENESIS_REQUEST_TIMEOUT_SECONDS, 60 for a stream]" in text


async def test_not_found_is_3_and_says_who_may_be_meant(agent_process: StartAgentProcess, genesis_domain: int) -> None:
    await agent_process(Echo)
    outcome = await run("ask", "Ecko", "hello", "--timeout", "1")
    assert (outcome.status, outcome.stdout) == (3, "")
    assert outcome.stderr == (
        f"genesis: no agent called 'Ecko' on domain {genesis_domain} after 1.0 s."
        " Did you mean 'Echo'? (genesis agents lists all)\n"
    )
    as_json = await run("ask", "Ecko", "hello", "--timeout", "1", "--json")
    assert (as_json.status, as_json.json["error"], as_json.stderr) == (3, "AgentNotFound", "")


async def test_not_found_where_nobody_is_points_to_the_doctor(genesis_domain: int) -> None:
    outcome = await run("ask", "Echo", "hello", "--timeout", "0.3")
    assert outcome.status == 3
    assert "genesis doctor" in outcome.stderr


async def test_an_agent_that_comes_later_is_waited_for(agent_process: StartAgentProcess) -> None:
    asking = asyncio.ensure_future(run("ask", "Echo", "hello", "--timeout", "30"))
    await agent_process(Echo)
    outcome = await asking
    assert (outcome.status, outcome.stdout) == (0, "hello\n")


async def test_a_timeout_is_4(agent_process: StartAgentProcess) -> None:
    agent = await agent_process(Misbehaving)
    outcome = await run("ask", "Misbehaving", "hang", "--timeout", "0.5")
    assert (outcome.status, outcome.stdout) == (4, "")
    assert "Misbehaving" in outcome.stderr or agent.agent_id in outcome.stderr  # whoever looks at the clock first
    as_json = await run("ask", "Misbehaving", "hang", "--timeout", "0.5", "--json")
    assert (as_json.status, as_json.json["error"], as_json.stderr) == (4, "RequestTimeout", "")


async def test_the_message_may_come_from_stdin(agent_process: StartAgentProcess) -> None:
    await agent_process(Echo)
    outcome = await run("ask", "Echo", "-", stdin="zwei\nZeilen äöü\n".encode())
    assert (outcome.status, outcome.stdout) == (0, "zwei\nZeilen äöü\n")


async def test_stdin_that_is_no_text_is_2(genesis_domain: int) -> None:
    outcome = await run("ask", "Echo", "-", stdin=b"\xff\xfe")
    assert (outcome.status, outcome.stdout) == (2, "")
    assert "UTF-8" in outcome.stderr


async def test_a_stream_is_shown_as_it_comes(agent_process: StartAgentProcess) -> None:
    await agent_process(Storyteller)
    outcome = await run("ask", "Storyteller", "3", "--stream")
    assert (outcome.status, outcome.stdout, outcome.stderr) == (0, "word0 word1 word2 \n", "")


async def test_a_stream_in_json_is_an_object_a_line(agent_process: StartAgentProcess) -> None:
    teller = await agent_process(Storyteller)
    outcome = await run("ask", "Storyteller", "3", "--stream", "--json")
    parts = [json.loads(line) for line in outcome.stdout.splitlines()]
    assert [part["message"] for part in parts] == ["word0 ", "word1 ", "word2 "]
    assert [part["metadata"] for part in parts] == [{"last": 0}, {"last": 1}, {"last": 2}]
    assert {part["agent_id"] for part in parts} == {teller.agent_id}


async def test_a_stream_that_breaks_off_is_1_after_what_came(agent_process: StartAgentProcess) -> None:
    await agent_process(Storyteller)
    outcome = await run("ask", "Storyteller", "2!", "--stream")
    assert (outcome.status, outcome.stdout) == (1, "word0 word1 \n")
    assert "the story broke off" in outcome.stderr
    as_json = await run("ask", "Storyteller", "2!", "--stream", "--json")
    *parts, last = (json.loads(line) for line in as_json.stdout.splitlines())
    assert (as_json.status, len(parts), last["error"], as_json.stderr) == (1, 2, "RemoteAgentError", "")


async def test_without_stream_the_parts_are_one_answer(agent_process: StartAgentProcess) -> None:
    await agent_process(Storyteller)
    assert (await run("ask", "Storyteller", "2")).stdout == "word0 word1 \n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_the_stream_at_the_agent(agent_process: StartAgentProcess, number: signal.Signals) -> None:
    await agent_process(Clock)
    process = await start("ask", "Clock", "tick", "--stream")
    assert process.stdout is not None
    assert await process.stdout.readline() == b"tick\n"
    process.send_signal(number)
    outcome = await finish(process)
    assert (outcome.status, outcome.stderr) == (128 + number, "")
    assert (await run("ask", "Clock", "ended")).stdout == "1\n"


async def test_two_ctrl_c_in_a_row_end_it_without_a_trace(agent_process: StartAgentProcess) -> None:
    await agent_process(Clock)
    for _ in range(5):
        process = await start("ask", "Clock", "tick", "--stream")
        assert process.stdout is not None
        assert await process.stdout.readline() == b"tick\n"
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        outcome = await finish(process)
        assert outcome.status in (130, -signal.SIGINT)  # the second one may come when all is done but the end
        assert outcome.stderr == ""


async def test_a_broken_pipe_is_silent_and_ends_the_stream_at_the_agent(agent_process: StartAgentProcess) -> None:
    await agent_process(Clock)
    process = await asyncio.create_subprocess_shell(
        f"{GENESIS} ask Clock tick --stream | head -n 1; echo ${{PIPESTATUS[0]}}",
        executable="/bin/bash",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    outcome = await finish(process)
    assert (outcome.stdout, outcome.stderr) == ("tick\n141\n", "")
    assert (await run("ask", "Clock", "ended")).stdout == "1\n"
