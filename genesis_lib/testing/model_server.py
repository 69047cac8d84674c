"""A scripted language model: a real OpenAI-compatible HTTP server on loopback, for tests and for the demo.

    async with ScriptedModelServer(["Good morning."]) as server:
        model = OpenAIChatModel("any-name", base_url=server.base_url)

`python -m genesis_lib.testing.model_server` runs one as a process of its own and prints its base URL.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

import click
from aiohttp import web

from genesis_lib.errors import ConfigError
from genesis_lib.testing.model_script import MARK, Answer, ChatRequest, Script, routing_script

__all__ = ["Answer", "ChatRequest", "Script", "ScriptedModelServer", "routing_script"]

_MODEL = "scripted-stand-in"
_ROLES = ("system", "developer", "user", "assistant", "tool")
_LARGEST_BODY_BYTES = 64 * 2**20


class ScriptedModelServer:
    """Serves /v1/chat/completions and /v1/models while it is entered.

    Args:
        answers: given in turn, one a request.
        script: asked once the answers are used up; by default further requests are refused with status 400, so that a
            test sees them.
        port: on 127.0.0.1; 0 takes a free one.

    Attributes:
        requests: what was asked so far, refused requests left out.
    """

    def __init__(self, answers: Iterable[Answer | str] = (), *, script: Script | None = None, port: int = 0) -> None:
        self.requests: list[ChatRequest] = []
        self._answers = deque(answers)
        self._script = script or _used_up
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        """What goes into OPENAI_BASE_URL.

        Raises:
            ConfigError: the server has not been entered.
        """
        if self._runner is None:
            raise ConfigError("the scripted model server is not running: enter it with `async with` first")
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}/v1"

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=_LARGEST_BODY_BYTES)
        application.router.add_post("/v1/chat/completions", self._complete)
        application.router.add_get("/v1/models", self._models)
        runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._port).start()
        self._runner = runner
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _complete(self, http: web.Request) -> web.StreamResponse:
        try:
            body = json.loads(await http.read())
        except ValueError:
            return _error(400, "the body is no JSON")
        if problem := _request_problem(body):
            return _error(400, problem)
        request = ChatRequest(body, {name.lower(): value for name, value in http.headers.items()})
        self.requests.append(request)
        answer = self._answers.popleft() if self._answers else self._script(request)
        if isinstance(answer, str):
            answer = Answer(answer)
        await asyncio.sleep(answer.delay_seconds)
        if answer.drop and not (request.stream and answer.status == 200):
            return _dropped(http)
        if answer.status != 200:
            return _error(answer.status, answer.text or f"{MARK}: status {answer.status}", answer.headers)
        if request.stream:
            return await _stream(http, request, answer)
        if answer.body is not None:
            return web.Response(body=answer.body, content_type="application/json", headers=answer.headers)
        return web.json_response(_completion(request, answer), headers=answer.headers)

    async def _models(self, http: web.Request) -> web.Response:
        model = {"id": _MODEL, "object": "model", "created": 0, "owned_by": "genesis_lib.testing"}
        return web.json_response({"object": "list", "data": [model]})


def _used_up(request: ChatRequest) -> Answer:
    return Answer(f"the {MARK} has no more answers for: {request.last_user_text[:200]}", status=400)


def _request_problem(body: Any) -> str:
    """What OpenAI would refuse, of what this library sends; "" when nothing."""
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        return "the body has no model"
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return "messages must be a list with at least one message"
    called: set[str] = set()
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in _ROLES:
            return f"a message's role must be one of {', '.join(_ROLES)}"
        called |= {call["id"] for call in message.get("tool_calls") or ()}
        if message["role"] == "tool" and message.get("tool_call_id") not in called:
            return f"a tool message answers {message.get('tool_call_id')!r}, which was not called"
    asked = body.get("response_format", {}).get("json_schema", {})
    return _schema_problem(asked.get("schema", {})) if asked.get("strict") else ""


def _schema_problem(schema: Mapping[str, Any]) -> str:
    """OpenAI's rules for strict schemas: closed objects, all members required, bounded enums."""
    parts = list(_subschemas(schema))
    for part in parts:
        if part.get("type") == "object":
            if part.get("additionalProperties") is not False:
                return "every object of a strict schema needs additionalProperties: false"
            if set(part.get("required", ())) != set(part.get("properties", {})):
                return "every property of a strict schema must be required"
    enums = [part["enum"] for part in parts if "enum" in part]
    if sum(map(len, enums)) > 1000:
        return "a strict schema may hold 1000 enum values"
    if any(len(enum) > 250 and sum(len(str(value)) for value in enum) > 15_000 for enum in enums):
        return "an enum of over 250 values may hold 15000 characters"
    return ""


def _subschemas(schema: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(schema, Mapping):
        yield schema
        for value in schema.values():
            yield from _subschemas(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _subschemas(value)


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    error = {"message": message, "type": "scripted_error", "param": None, "code": None}
    return web.json_response({"error": error}, status=status, headers=headers)


def _dropped(http: web.Request) -> web.Response:
    if http.transport is not None:
        http.transport.abort()
    return web.Response()


def _envelope(request: ChatRequest, kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-scripted", "object": kind, "created": int(time.time()), "model": request.body["model"]}


def _usage(request: ChatRequest, answer: Answer) -> dict[str, int]:
    """A word counts as a token."""
    asked = sum(len(str(message.get("content") or "").split()) for message in request.messages)
    answered = len(answer.text.split())
    return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}


def _tool_calls(answer: Answer) -> list[dict[str, Any]]:
    return [
        {"index": i, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for i, call in enumerate(answer.tool_calls)
    ]


def _completion(request: ChatRequest, answer: Answer) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
    if answer.tool_calls:
        message["tool_calls"] = _tool_calls(answer)
    choice = {"index": 0, "message": message, "finish_reason": _finish_reason(answer)}
    return {**_envelope(request, "chat.completion"), "choices": [choice], "usage": _usage(request, answer)}


def _finish_reason(answer: Answer) -> str:
    return "tool_calls" if answer.tool_calls else "stop"


async def _stream(http: web.Request, request: ChatRequest, answer: Answer) -> web.StreamResponse:
    """The answer as server-sent events, one a word."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", **answer.headers})
    await response.prepare(http)

    async def send(delta: dict[str, Any], finish_reason: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        await event(json.dumps({**_envelope(request, "chat.completion.chunk"), "choices": [choice]}))

    async def event(data: str) -> None:
        await response.write(f"data: {data}\n\n".encode())

    for part in re.findall(r"\s*\S+\s*$|\s*\S+", answer.text):
        await send({"content": part})
        if answer.drop:
            return _dropped(http)
    if answer.body is not None:
        await event(answer.body.decode())
    for call in _tool_calls(answer):
        await send({"tool_calls": [call]})
    await send({}, _finish_reason(answer))
    await event("[DONE]")
    return response


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option("--route", "routes", multiple=True, metavar="WORD=AGENT", help="Requests with WORD go to AGENT.")
def main(port: int, routes: tuple[str, ...]) -> None:
    """Serve a scripted stand-in for a language model; its base URL is the first line of the output."""
    rules = dict(route.partition("=")[::2] for route in routes)
    if not all(rules) or not all(rules.values()):
        raise click.BadParameter("give WORD=AGENT, as in --route rain=WeatherExpert", param_hint="--route")
    asyncio.run(_serve(port, rules))


async def _serve(port: int, rules: Mapping[str, str]) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with ScriptedModelServer(script=routing_script(rules), port=port) as server:
        click.echo(server.base_url)
        await stopped.wait()


if __name__ == "__main__":
    main()
