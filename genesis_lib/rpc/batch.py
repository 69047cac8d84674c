"""Several requests in one RPC: items as a JSON array in `message`, both ways."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from genesis_lib.errors import DecodeError, GenesisError, InvalidRequest, RequestCancelled, clean_text
from genesis_lib.messages import AgentReply, AgentRequest, RequestKind
from genesis_lib.rpc.places import Places
from genesis_lib.rpc.wire import load_json
from genesis_lib.rpc.wrong_shape import wrong_shape


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


def decode_items(request: AgentRequest, most: int) -> list[AgentRequest]:
    """The requests a batch stands for, so many at most.

    Raises:
        DecodeError: the message is no batch.
        InvalidRequest: it has more items.
    """
    items = load_json(request.message, "a batch's message")
    if not isinstance(items, list):
        raise DecodeError("a batch's message is not a JSON array")
    if len(items) > most:
        raise InvalidRequest(
            f"the batch has {len(items)} items, the agent takes {most} (settings max_concurrency and max_queue together)"
        )
    requests = []
    for item in items:
        match item:
            case {"message": str(message), "metadata": dict(metadata)}:
                requests.append(replace(request, kind=RequestKind.CALL, message=message, metadata=metadata))
            case _:
                raise DecodeError("an item of a batch is no object with message and metadata")
    return requests


async def answer_items(
    requests: Sequence[AgentRequest], answer: Callable[[AgentRequest], Awaitable[AgentReply]], places: Places
) -> AgentReply:
    """Answer each request, each with a status of its own. A failing item does not touch the others.

    One at a time runs in the batch's own place, and as many beside it as there are places left. Whoever waits for a place
    comes before the next item.
    """
    cancelled = RequestCancelled("the agent cancelled its own work on the request")
    results = [_error_item(cancelled)] * len(requests)
    todo = deque(enumerate(requests))

    async def answer_at(position: int, request: AgentRequest) -> None:
        try:
            reply = await answer(request)
            reply.conversation_id = reply.conversation_id or request.conversation_id
            results[position] = _as_item(reply)
        except GenesisError as error:
            results[position] = _error_item(error)

    def start_next() -> asyncio.Task[None]:
        return group.create_task(answer_at(*todo.popleft()))

    def start_beside() -> None:
        while todo and places.take():
            start_next().add_done_callback(give_back)

    def give_back(_: asyncio.Task[None]) -> None:
        places.give_back()
        start_beside()

    async with asyncio.TaskGroup() as group:
        try:
            while todo:
                own = start_next()
                start_beside()
                await asyncio.wait([own])
        finally:
            todo.clear()  # of a batch that is cancelled, nothing more is started
    return AgentReply(f"[{','.join(results)}]")


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
        raise wrong_shape("the agent", "a reply within a batch cannot carry attachments")
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
        raise wrong_shape("the agent", f"the reply cannot go on the wire: {error}") from error
    return text


def _error_item(error: GenesisError) -> str:
    return _as_item(AgentReply(clean_text(str(error)), error.status, metadata={"error": type(error).__name__}))
