"""The handler adapter: AgentRequest to the dict a hook expects, and what the hook gives back to AgentReply."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from genesis_lib.context import current_call
from genesis_lib.errors import GenesisError, HopLimitExceeded, InvalidArguments, LoopDetected, RemoteAgentError
from genesis_lib.messages import AgentReply, AgentRequest, Attachment, Final, RequestKind
from genesis_lib.rpc.batch import answer_items, decode_items
from genesis_lib.rpc.functions import OfferedFunction, lookup
from genesis_lib.rpc.replier import Handler, Send
from genesis_lib.rpc.streams import join_parts
from genesis_lib.rpc.wire import load_object

Hook = Callable[[dict[str, Any]], Awaitable[dict[str, Any]] | AsyncIterator[dict[str, Any]]]
_REPLY_KEYS = frozenset({"message", "status", "conversation_id", "metadata", "attachments"})


def make_handler(
    agent_name: str, hook: Hook, functions: Mapping[str, OfferedFunction], middleware: Sequence[Callable[..., Any]]
) -> Handler:
    """The handler a Replier runs: hook, functions and batches behind the server middleware, the first one outermost."""

    async def dispatch(request: AgentRequest, send: Send) -> AgentReply:
        if request.method:
            return await _call_function(agent_name, functions, request)
        if request.kind is RequestKind.BATCH:
            return await answer_items(decode_items(request), partial(_answer_whole, agent_name, hook))
        return await _call_hook(agent_name, hook, request, send)

    handler: Handler = dispatch
    for layer in reversed(middleware):
        handler = partial(layer, handler)
    return handler


async def _call_hook(agent_name: str, hook: Hook, request: AgentRequest, send: Send) -> AgentReply:
    try:
        result = hook(_as_dict(request))
        if inspect.isawaitable(result):
            return _as_reply(agent_name, await result)
        async for part in result:
            await send(_as_reply(agent_name, part))
        return AgentReply("", final=Final.END)
    except (LoopDetected, HopLimitExceeded, RemoteAgentError):
        raise  # these speak of the chain as a whole, whoever sees them
    except Exception as error:
        raise _remote_error(agent_name, error) from error


async def _answer_whole(agent_name: str, hook: Hook, request: AgentRequest) -> AgentReply:
    parts: list[AgentReply] = []

    async def collect(part: AgentReply) -> None:
        parts.append(part)

    last = await _call_hook(agent_name, hook, request, collect)
    return join_parts(parts, last) if parts else last


async def _call_function(
    agent_name: str, functions: Mapping[str, OfferedFunction], request: AgentRequest
) -> AgentReply:
    function = lookup(functions, request.method, agent_name)
    arguments = load_object(request.message, f"the arguments of {request.method}")
    try:
        result = await function.call(arguments)
        return AgentReply(json.dumps(result, ensure_ascii=False, allow_nan=False))
    except (InvalidArguments, LoopDetected, HopLimitExceeded):
        raise
    except Exception as error:
        raise _remote_error(f"{agent_name}.{request.method}", error) from error


def _remote_error(who: str, error: Exception) -> RemoteAgentError:
    return RemoteAgentError(f"{who} failed: {type(error).__name__}: {error}", target=who)


def _as_dict(request: AgentRequest) -> dict[str, Any]:
    context = current_call.get()
    deadline = context.deadline if context is not None else None
    return {
        "message": request.message,
        "conversation_id": request.conversation_id,
        "metadata": request.metadata,
        "attachments": list(request.attachments),
        "source_agent_id": request.source_agent_id,
        "request_id": request.request_id,
        "timeout_seconds": None if deadline is None else max(0.0, deadline - asyncio.get_running_loop().time()),
    }


def _as_reply(agent_name: str, result: object) -> AgentReply:
    """Check what a hook returned.

    Raises:
        RemoteAgentError: it is not a dict with a text as `message`, or a member has the wrong type.
    """

    def wrong(what: str) -> GenesisError:
        return RemoteAgentError(f"{agent_name} returned the wrong shape: {what}", target=agent_name)

    if not isinstance(result, Mapping):
        raise wrong(f"a reply is a dict with 'message', this is {type(result).__name__}")
    unknown = set(result) - _REPLY_KEYS
    if unknown:
        raise wrong(f"unknown key {sorted(map(str, unknown))[0]!r}; known are {', '.join(sorted(_REPLY_KEYS))}")
    message, status = result.get("message"), result.get("status", 0)
    metadata, attachments = result.get("metadata") or {}, result.get("attachments") or ()
    conversation_id = result.get("conversation_id") or ""
    if not isinstance(message, str):
        raise wrong(f"'message' has to be text, this is {type(message).__name__}")
    if isinstance(status, bool) or not isinstance(status, int) or not -(2**31) <= status < 2**31:
        raise wrong(f"'status' has to be a 32-bit integer, this is {status!r}")
    if not isinstance(metadata, dict):
        raise wrong(f"'metadata' has to be a dict, this is {type(metadata).__name__}")
    if not isinstance(conversation_id, str):
        raise wrong(f"'conversation_id' has to be text, this is {type(conversation_id).__name__}")
    if not isinstance(attachments, (list, tuple)) or not all(isinstance(item, Attachment) for item in attachments):
        raise wrong("'attachments' has to be a list of Attachment")
    return AgentReply(message, status, conversation_id, metadata=metadata, attachments=tuple(attachments))
