"""`genesis ask`: one question to one agent."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from genesis_lib.cli.interruptible import run_interruptible
from genesis_lib.cli.invocation import Invocation, Seconds, common_options, json_option
from genesis_lib.cli.output import complain, write, write_json

if TYPE_CHECKING:
    from genesis_lib.interface import GenesisInterface
    from genesis_lib.settings import Settings

_LONGEST_LOOK_SECONDS = 5.0
_LEAST_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class _Question:
    target: str
    message: str
    conversation_id: str | None
    timeout_seconds: float
    stream: bool
    as_json: bool


@click.command("ask")
@click.argument("target")
@click.argument("message")
@json_option("One JSON object for the answer, with --stream one a line; errors are objects too.")
@click.option(
    "--timeout",
    type=Seconds(),
    metavar="S",
    help="Seconds for all of it.  [default: GENESIS_REQUEST_TIMEOUT_SECONDS, 60 for a stream]",
)
@click.option("--conversation", metavar="ID", help="The conversation it belongs to.")
@click.option("--stream", is_flag=True, help="Show the parts of the answer as they come.")
@common_options
@click.pass_obj
def command(
    invocation: Invocation, target: str, message: str, timeout: float | None, conversation: str | None, stream: bool
) -> int:
    """Ask the agent TARGET (an id or a name) and print its answer. MESSAGE "-" is read from stdin."""
    _check_text(target, message)
    settings = invocation.settings()
    if message == "-":
        message = _read_stdin()
    if timeout is None:
        timeout = _default_timeout(settings, stream)
    question = _Question(target, message, conversation, timeout, stream, invocation.json)
    return run_interruptible(_ask(settings, question))


def _check_text(target: str, message: str) -> None:
    if not target.strip():
        raise click.UsageError("TARGET is blank: give the id or the name of an agent; 'genesis agents' lists them.")
    for name, text in (("TARGET", target), ("MESSAGE", message)):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise click.UsageError(f"{name} is not UTF-8 text: {error.reason}") from error


def _default_timeout(settings: Settings, stream: bool) -> float:
    if not stream:
        return settings.request_timeout_seconds
    from genesis_lib.caller import STREAM_TIMEOUT_SECONDS

    return STREAM_TIMEOUT_SECONDS


def _read_stdin() -> str:
    try:
        return sys.stdin.buffer.read().decode().removesuffix("\n")
    except UnicodeDecodeError as error:
        raise click.UsageError(f"the message on stdin is not UTF-8 text: {error.reason}") from error


async def _ask(settings: Settings, question: _Question) -> int:
    from genesis_lib.interface import GenesisInterface

    loop = asyncio.get_running_loop()
    async with GenesisInterface("genesis ask", settings=settings) as bus:
        deadline = loop.time() + question.timeout_seconds
        await _find(bus, question)
        seconds_left = max(_LEAST_SECONDS, deadline - loop.time())
        if question.stream:
            return await _show_stream(bus, question, seconds_left)
        reply = await bus.request_agent(question.target, question.message, question.conversation_id, seconds_left)
        if question.as_json:
            write_json(_as_json(reply))
        else:
            write(reply["message"])
            _mention_attachments(reply)
        return _status(reply, question)


async def _find(bus: GenesisInterface, question: _Question) -> None:
    from genesis_lib.discovery.queries import similar_names
    from genesis_lib.errors import AgentNotFound

    loop = asyncio.get_running_loop()
    started = loop.time()
    if await bus.wait_for_agent(question.target, min(_LONGEST_LOOK_SECONDS, question.timeout_seconds)):
        return
    waited = loop.time() - started
    seen = bus.discovered_agents
    meant = similar_names(seen.values(), question.target)
    if meant:
        advice = f"Did you mean {meant[0]!r}? (genesis agents lists all)"
    elif seen:
        advice = "(genesis agents lists all)"
    else:
        advice = "No agent is there at all; genesis doctor says what may be in the way."
    raise AgentNotFound(
        f"no agent called {question.target!r} on domain {bus.app.settings.domain_id} after {waited:.1f} s. {advice}",
        target=question.target,
        elapsed_seconds=waited,
    )


async def _show_stream(bus: GenesisInterface, question: _Question, seconds_left: float) -> int:
    status, last = 0, "\n"
    try:
        # Closed here, so that whatever ends the loop cancels the agent's hook while there still is a bus.
        async with aclosing(
            bus.stream_agent_request(question.target, question.message, question.conversation_id, seconds_left)
        ) as parts:
            async for part in parts:
                if question.as_json:
                    write_json(_as_json(part))
                else:
                    last = part["message"] or last
                    write(part["message"], newline=False)
                    _mention_attachments(part)
                status = status or _status(part, question)
    finally:
        if not last.endswith("\n"):
            write("")
    return status


def _status(reply: Mapping[str, Any], question: _Question) -> int:
    if reply["status"] == 0:
        return 0
    if not question.as_json:
        complain(f"{question.target} answered with the error status {reply['status']}")
    return 1


def _as_json(reply: Mapping[str, Any]) -> dict[str, Any]:
    attachments = [
        {"name": attachment.name, "media_type": attachment.media_type, "size": len(attachment.data)}
        for attachment in reply["attachments"]
    ]
    return {**reply, "attachments": attachments}


def _mention_attachments(reply: Mapping[str, Any]) -> None:
    for attachment in reply["attachments"]:
        complain(f"attached: {attachment.name} ({attachment.media_type}, {len(attachment.data)} bytes)")
