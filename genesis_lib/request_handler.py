"""The handler adapter: AgentRequest to the dict a hook expects, and what the hook gives back to AgentReply."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, cast

from genesis_lib.context import current_call
from genesis_lib.errors import HopLimitExceeded, LoopDetected, RemoteAgentError, describe
from genesis_lib.log_limit import LimitedWarnings
from genesis_lib.messages import AgentReply, AgentRequest, Attachment, Final, RequestKind
from genesis_lib.rpc.batch import answer_items, decode_items
from genesis_lib.rpc.functions import OfferedFunction, lookup
from genesis_lib.rpc.places import Places
from genesis_lib.rpc.replier import Handler, Send
from genesis_lib.rpc.streams import join_parts
from genesis_lib.rpc.wire import load_object
from genesis_lib.rpc.wrong_shape import wrong_shape

_warnings = LimitedWarnings(logging.getLogger(__name__))

Hook = Callable[[dict[str, Any]], Awaitable[dict[str, Any]] | AsyncGenerator[dict[str, Any], None]]

_BATCH = RequestKind.BATCH
# Loops, hop limits and remote errors speak of the chain as a whole, whoever sees them; the rest ends tasks and processes.
_PASSED_ON = (
    LoopDetected,
    HopLimitExceeded,
    RemoteAgentError,
    asyncio.CancelledError,
    GeneratorExit,
    KeyboardInterrupt,
)
# agent_id is in a reply that a hook passes on from another agent; the agent that passes it on puts its own there.
_REPLY_KEYS = frozenset({"message", "status", "conversation_id", "metadata", "attachments", "agent_id"})


def make_handler(
    agent_name: str,
    hook: Hook,
    functions: Mapping[str, OfferedFunction],
    middleware: Sequence[Callable[..., Any]],
    places: Places,
    *,
    max_batch: int,
) -> Handler:
    """The handler a Replier runs: hook, functions and batches behind the server middleware, the first one outermost. The
    items of a batch, so many at most, take places of their own."""
    application = _Application(agent_name)
    call_hook: Handler = partial(_stream_hook if inspect.isasyncgenfunction(hook) else _await_hook, hook, application)

    def dispatch(request: AgentRequest, send: Send) -> Awaitable[AgentReply]:
        if request.method:
            return _call_function(agent_name, functions, request)
        if request.kind is _BATCH:
            return _answer_batch(call_hook, request, places, max_batch)
        return call_hook(request, send)

    handler: Handler = dispatch
    for layer in reversed(middleware):
        handler = partial(layer, handler)
    return handler


class _Application:
    """Around the application's own code: whatever it raises becomes a typed error at its caller. A tool that exits (argparse
    does) and an extension that panics end their request, not the agent."""

    __slots__ = ("who",)

    def __init__(self, who: str) -> None:
        self.who = who

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, _PASSED_ON):
            return
        _warnings.warn(self.who, "%s failed", self.who, cause=error)
        raise RemoteAgentError(f"{self.who} failed: {describe(error)}", target=self.who) from error


async def _await_hook(hook: Hook, application: _Application, request: AgentRequest, send: Send) -> AgentReply:
    with application:
        return _as_reply(application.who, await cast("Awaitable[object]", hook(_as_dict(request))))


async def _stream_hook(hook: Hook, application: _Application, request: AgentRequest, send: Send) -> AgentReply:
    with application:
        async with aclosing(cast("AsyncGenerator[object, None]", hook(_as_dict(request)))) as parts:
            async for part in parts:
                await send(_as_reply(application.who, part))
    return AgentReply("", final=Final.END)


async def _answer_batch(handler: Handler, request: AgentRequest, places: Places, max_batch: int) -> AgentReply:
    async def answer(item: AgentRequest) -> AgentReply:
        parts: list[AgentReply] = []

        async def collect(part: AgentReply) -> None:
            parts.append(part)

        return join_parts(parts, await handler(item, collect))

    return await answer_items(decode_items(request, max_batch), answer, places)


async def ask_own_hook(agent_name: str, hook: Hook, request: dict[str, Any]) -> dict[str, Any]:
    """What an agent's own hook answers, a stream in one piece."""
    if not inspect.isasyncgenfunction(hook):
        return await cast("Awaitable[dict[str, Any]]", hook(request))
    async with aclosing(cast("AsyncGenerator[object, None]", hook(request))) as stream:
        parts = [_as_reply(agent_name, part) async for part in stream]
    joined = join_parts(parts, AgentReply("", final=Final.END))
    return {
        "message": joined.message,
        "status": joined.status,
        "metadata": joined.metadata,
        "attachments": list(joined.attachments),
    }


async def _call_function(
    agent_name: str, functions: Mapping[str, OfferedFunction], request: AgentRequest
) -> AgentReply:
    function = lookup(functions, request.method, agent_name)
    arguments = load_object(request.message, f"the arguments of {request.method}")
    checked = function.check(arguments)
    who = f"{agent_name}.{request.method}"
    with _Application(who):
        return AgentReply(await function.call(checked, who))


def _as_dict(request: AgentRequest) -> dict[str, Any]:
    context = current_call.get()
    return {
        "message": request.message,
        "conversation_id": request.conversation_id,
        "metadata": request.metadata,
        "attachments": list(request.attachments),
        "source_agent_id": request.source_agent_id,
        "request_id": request.request_id,
        "timeout_seconds": context.seconds_left() if context is not None else None,
    }


def _as_reply(agent_name: str, result: object) -> AgentReply:
    """Check what a hook returned.

    Raises:
        RemoteAgentError: it is not a dict with a text as `message`, or a member has the wrong type.
    """

    if not isinstance(result, dict):
        raise wrong_shape(agent_name, f"a reply is a dict with 'message', this is {type(result).__name__}")
    if not _REPLY_KEYS.issuperset(result):
        unknown = sorted(map(repr, set(result) - _REPLY_KEYS))[0]
        raise wrong_shape(agent_name, f"unknown key {unknown}; known are {', '.join(sorted(_REPLY_KEYS))}")
    get = result.get
    message, status, metadata = get("message"), get("status", 0), get("metadata") or {}
    conversation_id, attachments = get("conversation_id") or "", get("attachments") or ()
    if not isinstance(message, str):
        raise wrong_shape(agent_name, f"'message' has to be text, this is {type(message).__name__}")
    if not isinstance(status, int) or isinstance(status, bool) or not -(2**31) <= status < 2**31:
        raise wrong_shape(agent_name, f"'status' has to be a 32-bit integer, this is {status!r}")
    if not isinstance(metadata, dict):
        raise wrong_shape(agent_name, f"'metadata' has to be a dict, this is {type(metadata).__name__}")
    if not isinstance(conversation_id, str):
        raise wrong_shape(agent_name, f"'conversation_id' has to be text, this is {type(conversation_id).__name__}")
    if attachments and not (
        isinstance(attachments, (list, tuple)) and all(isinstance(item, Attachment) for item in attachments)
    ):
        raise wrong_shape(agent_name, "'attachments' has to be a list of Attachment")
    return AgentReply(message, status, conversation_id, "", metadata, tuple(attachments))
