"""Several requests in one RPC: items as a JSON array in `message`, both ways."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from genesis_lib.errors import DecodeError, GenesisError, InvalidRequest, RequestCancelled, clean_text
from genesis_lib.messages import AgentReply, AgentRequest, RequestKind
from genesis_lib.rpc.wire import load_json


def encode_items(messages: Sequence[str | Mapping[str, Any]]) -> str:
    """The items of a batch request: texts, or dicts with `message` and perhaps `metadata`.

    Raises:
        InvalidRequest: an item is neither.
    """
    if isinstance(messages, str) or not isinstance(messages, Sequence):
        raise InvalidRequest(f"a batch is a list of texts or dicts, this is {type(messages).__name__}")
    items = [_item(message, position) for position, message in enumerate(messages)]
    try:
        return json.dumps(items, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"the batch cannot be written as JSON: {error}") from error


def decode_items(request: AgentRequest) -> list[AgentRequest]:
    """The requests a batch stands for.

    Raises:
        DecodeError: the message is no batch.
    """
    items = load_json(request.message, "a batch's message")
    if not isinstance(items, list):
        raise DecodeError("a batch's message is not a JSON array")
    requests = []
    for item in items:
        match item:
            case {"message": str(message), "metadata": dict(metadata)}:
                requests.append(replace(request, kind=RequestKind.CALL, message=message, metadata=metadata))
            case _:
                raise DecodeError("an item of a batch is no object with message and metadata")
    return requests


async def answer_items(
    requests: Sequence[AgentRequest], answer: Callable[[AgentRequest], Awaitable[AgentReply]]
) -> AgentReply:
    """Answer each request, all at once, each with a status of its own. A failing item does not touch the others."""

    async def answer_one(request: AgentRequest) -> str:
        try:
            reply = await answer(request)
            reply.conversation_id = reply.conversation_id or request.conversation_id
            return _as_item(reply)
        except GenesisError as error:
            return _error_item(error)
        except asyncio.CancelledError:
            if _is_being_cancelled():
                raise
            return _error_item(RequestCancelled("the agent cancelled its own work on the request"))

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(answer_one(request)) for request in requests]
    return AgentReply(f"[{','.join(task.result() for task in tasks)}]")


def decode_replies(reply: AgentReply, expected: int) -> list[dict[str, Any]]:
    """The reply dicts of a batch, in the order of its requests.

    Raises:
        DecodeError: they are not there, or not as many as were asked for.
    """
    items = load_json(reply.message, "a batch reply's message")
    if not isinstance(items, list) or len(items) != expected or not all(isinstance(item, dict) for item in items):
        raise DecodeError(f"a batch of {expected} requests was not answered with as many replies")
    return [{**item, "attachments": [], "agent_id": reply.replier_agent_id} for item in items]


def _item(message: str | Mapping[str, Any], position: int) -> dict[str, Any]:
    if isinstance(message, str):
        return {"message": message, "metadata": {}}
    if isinstance(message, Mapping) and not set(message) - {"message", "metadata"}:
        text, metadata = message.get("message"), message.get("metadata", {})
        if isinstance(text, str) and isinstance(metadata, Mapping):
            return {"message": text, "metadata": dict(metadata)}
    raise InvalidRequest(f"item {position} of the batch is neither a text nor a dict with message and metadata")


def _as_item(reply: AgentReply) -> str:
    if reply.attachments:
        raise InvalidRequest("a reply within a batch cannot carry attachments")
    item = {
        "message": reply.message,
        "status": reply.status,
        "conversation_id": reply.conversation_id,
        "metadata": reply.metadata,
    }
    try:
        text = json.dumps(item, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"the reply cannot go on the wire: {error}") from error
    return text


def _error_item(error: GenesisError) -> str:
    return _as_item(AgentReply(clean_text(str(error)), error.status, metadata={"error": type(error).__name__}))


def _is_being_cancelled() -> bool:
    """Was the running task asked to end, or did its own code raise CancelledError?"""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
