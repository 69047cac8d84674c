"""The scripted stand-in, asked by the real client and as a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import openai
import pytest
from aiohttp import ClientSession

from genesis_lib.errors import ConfigError
from genesis_lib.llm.port import ToolCall
from genesis_lib.testing.model_server import Answer, ScriptedModelServer, routing_script

HELLO: Any = [{"role": "user", "content": "hello"}]


def client_of(server: ScriptedModelServer) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key="k", base_url=server.base_url)


async def post(base_url: str, body: object) -> tuple[int, dict[str, Any]]:
    async with ClientSession() as http, http.post(f"{base_url}/chat/completions", json=body) as response:
        return response.status, await response.json()


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    answer = {"name": "answer", "strict": True, "schema": schema}
    return {"model": "m", "messages": HELLO, "response_format": {"type": "json_schema", "json_schema": answer}}


def closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


async def test_answers_come_in_turn_then_the_script_is_asked() -> None:
    server = ScriptedModelServer(["first", Answer("second")], script=lambda request: "script")
    async with server, client_of(server) as client:
        texts = [
            (await client.chat.completions.create(model="m", messages=HELLO)).choices[0].message.content
            for _ in range(4)
        ]
    assert texts == ["first", "second", "script", "script"]
    assert [request.last_user_text for request in server.requests] == ["hello"] * 4


async def test_a_request_too_many_is_refused_loudly() -> None:
    async with ScriptedModelServer() as server:
        status, body = await post(server.base_url, {"model": "m", "messages": HELLO})
    assert status == 400
    assert "no more answers for: hello" in body["error"]["message"]


async def test_it_lists_its_model() -> None:
    async with ScriptedModelServer() as server, client_of(server) as client:
        assert [model.id async for model in await client.models.list()] == ["scripted-stand-in"]


async def test_tool_calls_stream_too() -> None:
    call = ToolCall("c1", "add", '{"a": 1}')
    async with ScriptedModelServer([Answer(tool_calls=(call,))]) as server, client_of(server) as client:
        stream = await client.chat.completions.create(model="m", messages=HELLO, stream=True)
        choices = [part.choices[0] async for part in stream]
    calls = [called for choice in choices for called in choice.delta.tool_calls or ()]
    assert [(called.id, called.function and called.function.arguments) for called in calls] == [("c1", '{"a": 1}')]
    assert choices[-1].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"messages": HELLO},
        {"model": "m", "messages": []},
        {"model": "m", "messages": [{"role": "wizard", "content": "hello"}]},
        {"model": "m", "messages": [{"role": "tool", "tool_call_id": "never", "content": "3"}]},
        strict({"type": "object", "properties": {}}),
        strict({**closed({"a": {"type": "string"}}), "required": []}),
        strict(closed({"a": {"type": "object", "properties": {}}})),
        strict(closed({"a": {"type": "string", "enum": [str(number) for number in range(1001)]}})),
        strict(closed({"a": {"type": "string", "enum": [f"{number:064}" for number in range(251)]}})),
    ],
)
async def test_it_refuses_what_openai_refuses(body: object) -> None:
    async with ScriptedModelServer(["never"]) as server:
        status, answer = await post(server.base_url, body)
        assert status == 400
        assert answer["error"]["message"]
        assert server.requests == []


async def test_it_takes_a_strict_schema_at_the_limit() -> None:
    schema = closed({"a": {"type": "string", "enum": [f"{number:015}" for number in range(1000)]}})
    async with ScriptedModelServer(["{}"]) as server:
        status, _ = await post(server.base_url, strict(schema))
    assert status == 200


async def test_a_body_that_is_no_json_is_refused() -> None:
    async with (
        ScriptedModelServer(["never"]) as server,
        ClientSession() as http,
        http.post(f"{server.base_url}/chat/completions", data=b"{") as response,
    ):
        assert response.status == 400


def routing_body(request: str, *names: str) -> dict[str, Any]:
    cards = [{"label": f"a{number}", "name": name} for number, name in enumerate(names, start=1)]
    document = json.dumps({"agents": cards, "request": request})
    schema = closed({"reason": {"type": "string"}, "agent": {"type": "string"}})
    return {
        **strict(schema),
        "messages": [{"role": "system", "content": "choose"}, {"role": "user", "content": document}],
    }


@pytest.mark.parametrize(
    ("request_text", "label", "reason"),
    [
        ("Will it RAIN?", "a2", "scripted stand-in: 'rain' goes to Weather"),
        ("Is it raining?", "a2", "scripted stand-in: 'rain' goes to Weather"),
        ("When does the train leave?", "none", "scripted stand-in: no rule applies"),
        ("snow", "none", "scripted stand-in: no rule applies"),
        ("trade in the rain", "a3", "scripted stand-in: 'trade' goes to Broker"),
    ],
)
async def test_the_routing_script_names_a_label_on_offer(request_text: str, label: str, reason: str) -> None:
    script = routing_script({"trade": "Broker", "rain": "Weather", "snow": "NotOnOffer"})
    async with ScriptedModelServer(script=script) as server:
        _, body = await post(server.base_url, routing_body(request_text, "General", "Weather", "Broker", "Weather"))
    assert json.loads(body["choices"][0]["message"]["content"]) == {"reason": reason, "agent": label}


async def test_the_routing_script_chats_as_a_stand_in() -> None:
    async with ScriptedModelServer(script=routing_script({})) as server:
        _, body = await post(server.base_url, {"model": "m", "messages": HELLO})
        status, refused = await post(server.base_url, strict(closed({"place": {"type": "string"}})))
    assert body["choices"][0]["message"]["content"] == "(scripted stand-in, no language model) You said: hello"
    assert status == 400
    assert "scripted stand-in" in refused["error"]["message"]


async def test_another_script_can_answer_what_is_no_routing() -> None:
    async with ScriptedModelServer(script=routing_script({}, otherwise=lambda request: "other")) as server:
        _, body = await post(server.base_url, {"model": "m", "messages": HELLO})
    assert body["choices"][0]["message"]["content"] == "other"


def test_a_server_that_is_not_running_has_no_address() -> None:
    with pytest.raises(ConfigError, match="async with"):
        _ = ScriptedModelServer().base_url


async def test_it_runs_as_a_process() -> None:
    command = [sys.executable, "-m", "genesis_lib.testing.model_server", "--port", "0", "--route", "rain=Weather"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    base_url = (await process.stdout.readline()).decode().strip()
    try:
        _, body = await post(base_url, routing_body("rain?", "Weather"))
    finally:
        process.terminate()
        rest, _ = await process.communicate()
    assert json.loads(body["choices"][0]["message"]["content"])["agent"] == "a1"
    assert (process.returncode, rest) == (0, b"")


async def test_a_route_without_an_agent_is_bad_usage() -> None:
    command = [sys.executable, "-m", "genesis_lib.testing.model_server", "--route", "rain"]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, stderr = await process.communicate()
    assert process.returncode == 2
    assert b"WORD=AGENT" in stderr
