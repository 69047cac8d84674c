"""The OpenAI client's adapter against a real HTTP server on loopback."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from genesis_lib.errors import ConfigError, InvalidRequest, ModelError
from genesis_lib.llm.openai import OpenAIChatModel, model_from_settings
from genesis_lib.llm.port import ChatMessage, ChatModel, Tool, ToolCall, Usage
from genesis_lib.settings import resolve_settings
from genesis_lib.testing.model_server import Answer, ChatRequest, ScriptedModelServer

KEY = "sk-secret-0123456789"
HELLO = (ChatMessage("user", "hello"),)
SCHEMA = {
    "type": "object",
    "properties": {"place": {"type": "string"}},
    "required": ["place"],
    "additionalProperties": False,
}


@asynccontextmanager
async def model_at(base_url: str, *, max_retries: int = 0) -> AsyncIterator[OpenAIChatModel]:
    model = OpenAIChatModel("some-model", api_key=KEY, base_url=base_url, max_retries=max_retries)
    try:
        yield model
    finally:
        await model.close()


async def failure_of(base_url: str, *, timeout_seconds: float = 5.0) -> ModelError:
    async with model_at(base_url) as model:
        with pytest.raises(ModelError) as caught:
            await model.complete(HELLO, timeout_seconds=timeout_seconds)
    return caught.value


def unused_url() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/v1"


async def test_it_returns_text_model_usage_and_finish_reason() -> None:
    async with ScriptedModelServer(["Grüezi mitenand 🏔"]) as server, model_at(server.base_url) as model:
        completion = await model.complete(HELLO, timeout_seconds=5)
    assert completion.text == "Grüezi mitenand 🏔"
    assert completion.model == "some-model"
    assert completion.usage == Usage(input_tokens=1, output_tokens=3)
    assert completion.finish_reason == "stop"
    assert server.requests[0].messages == [{"role": "user", "content": "hello"}]
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


async def test_it_asks_for_structured_output() -> None:
    async with ScriptedModelServer(['{"place": "Oslo"}']) as server, model_at(server.base_url) as model:
        completion = await model.complete(HELLO, schema=SCHEMA, timeout_seconds=5)
    assert completion.text == '{"place": "Oslo"}'
    assert server.requests[0].body["response_format"]["json_schema"]["strict"] is True
    assert server.requests[0].schema == SCHEMA


async def test_a_tool_call_goes_out_and_its_result_back() -> None:
    call = ToolCall("call-1", "add", '{"a": 1, "b": 2}')
    tool = Tool("add", "Adds two numbers", {"type": "object", "properties": {}})

    def script(request: ChatRequest) -> Answer:
        results = [message["content"] for message in request.messages if message["role"] == "tool"]
        return Answer(f"It is {results[0]}.") if results else Answer(tool_calls=(call,))

    async with ScriptedModelServer(script=script) as server, model_at(server.base_url) as model:
        first = await model.complete(HELLO, tools=[tool], timeout_seconds=5)
        assert first.tool_calls == (call,)
        assert first.finish_reason == "tool_calls"
        turn = (*HELLO, ChatMessage("assistant", tool_calls=first.tool_calls), ChatMessage("tool", "3", (), "call-1"))
        second = await model.complete(turn, tools=[tool], timeout_seconds=5)
    assert second.text == "It is 3."
    assert server.requests[0].tools == [
        {"name": "add", "description": "Adds two numbers", "parameters": tool.parameters}
    ]


async def test_a_refusal_is_the_text() -> None:
    body = b'{"choices": [{"message": {"content": null, "refusal": "I will not."}, "finish_reason": "stop"}]}'
    async with ScriptedModelServer([Answer(body=body)]) as server, model_at(server.base_url) as model:
        assert (await model.complete(HELLO, timeout_seconds=5)).text == "I will not."


async def test_it_streams_in_parts() -> None:
    async with ScriptedModelServer(["one two  three "]) as server, model_at(server.base_url) as model:
        parts = [part async for part in model.stream(HELLO, timeout_seconds=5)]
    assert parts == ["one", " two", "  three "]


async def test_a_stream_may_be_left_early_and_the_model_asked_again() -> None:
    async with ScriptedModelServer(["one two three", "four"]) as server, model_at(server.base_url) as model:
        async with aclosing(model.stream(HELLO, timeout_seconds=5)) as parts:
            assert await anext(parts) == "one"
        assert (await model.complete(HELLO, timeout_seconds=5)).text == "four"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(status=400, text="no json_schema here"), ["400", "structured output", "no json_schema here"]),
        (Answer(status=401, text=f"Incorrect API key: {KEY}"), ["401", "OPENAI_API_KEY"]),
        (Answer(status=403), ["403", "another model or another key"]),
        (Answer(status=404, text=f"no such model for {KEY}"), ["404", "no such model for ***", "OPENAI_BASE_URL"]),
        (Answer(status=418), ["418", "refused"]),
        (Answer(status=429), ["429", "rate limit"]),
        (Answer(status=500), ["500", "try again later"]),
        (Answer(drop=True), ["hung up", "OPENAI_BASE_URL"]),
        (Answer(body=b"<html>hello</html>"), ["no chat completion", "OPENAI_BASE_URL"]),
        (Answer(body=b"{}"), ["no chat completion", "choices"]),
        (Answer(body=b'{"choices": []}'), ["no chat completion", "choices"]),
        (Answer(body=b"\xff\xfe"), ["no chat completion"]),
    ],
)
async def test_each_failure_names_endpoint_model_and_next_step(answer: Answer, words: list[str]) -> None:
    async with ScriptedModelServer([answer]) as server:
        error = await failure_of(server.base_url)
        for word in [server.base_url, "some-model", *words]:
            assert word in str(error)
    assert KEY not in str(error)
    assert error.__suppress_context__  # a traceback shows no text of the endpoint, which may quote the key


async def test_silence_ends_in_an_error_that_names_the_time() -> None:
    async with ScriptedModelServer([Answer(delay_seconds=3600)]) as server:
        error = await failure_of(server.base_url, timeout_seconds=0.2)
    assert "in up to 1 attempt(s) of 0.2 s" in str(error)
    assert error.elapsed_seconds >= 0.2


async def test_a_refused_connection_names_the_address() -> None:
    url = unused_url()
    error = await failure_of(url)
    assert url in str(error)
    assert "cannot be reached" in str(error)


async def test_the_retry_hint_of_a_429_is_kept() -> None:
    async with ScriptedModelServer([Answer(status=429, headers={"Retry-After": "7"})]) as server:
        assert (await failure_of(server.base_url)).retry_after_seconds == 7.0


@pytest.mark.parametrize(
    "bad", [Answer(status=429, headers={"Retry-After": "0.01"}), Answer(status=503), Answer(drop=True)]
)
async def test_what_may_pass_is_tried_again(bad: Answer) -> None:
    async with ScriptedModelServer([bad, "fine"]) as server, model_at(server.base_url, max_retries=1) as model:
        assert (await model.complete(HELLO, timeout_seconds=10)).text == "fine"
    assert len(server.requests) == 2


async def test_a_timeout_is_tried_again() -> None:
    answers: list[Answer | str] = [Answer(delay_seconds=3600), "fine"]
    async with ScriptedModelServer(answers) as server, model_at(server.base_url, max_retries=3) as model:
        assert (await model.complete(HELLO, timeout_seconds=1)).text == "fine"


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "40"},
        {"retry-after-ms": "40000", "Retry-After": "1"},
        {"Retry-After": "in 100 s, as a date"},
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_retry_after_longer_than_an_attempt_is_an_error_that_names_it(
    status: int, headers: dict[str, str]
) -> None:
    if headers["Retry-After"].endswith("date"):
        headers = {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)}
    answers: list[Answer | str] = [Answer(status=status, headers=headers), "never"]
    async with ScriptedModelServer(answers) as server, model_at(server.base_url, max_retries=2) as model:
        with pytest.raises(ModelError, match=rf"answered {status} with Retry-After [\d.]+ s") as caught:
            await model.complete(HELLO, timeout_seconds=20)
    assert len(server.requests) == 1
    assert caught.value.retry_after_seconds is not None
    assert caught.value.retry_after_seconds > 20


async def test_a_stream_does_not_wait_out_a_long_retry_after_either() -> None:
    answer = Answer(status=429, headers={"Retry-After": "40"})
    async with ScriptedModelServer([answer, "never"]) as server, model_at(server.base_url, max_retries=2) as model:
        with pytest.raises(ModelError, match="answered 429 with Retry-After 40 s"):
            await anext(model.stream(HELLO, timeout_seconds=20))


async def test_retries_and_pauses_together_have_a_limit() -> None:
    answer = Answer(status=429)
    async with ScriptedModelServer([answer] * 3) as server, model_at(server.base_url, max_retries=2) as model:
        with pytest.raises(ModelError, match="in up to 3 attempt"):
            await model.complete(HELLO, timeout_seconds=0.1)


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_what_cannot_pass_is_asked_once(status: int) -> None:
    answers: list[Answer | str] = [Answer(status=status), "fine"]
    async with ScriptedModelServer(answers) as server, model_at(server.base_url, max_retries=2) as model:
        with pytest.raises(ModelError):
            await model.complete(HELLO, timeout_seconds=5)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (Answer("one two", drop=True), "hung up"),
        (Answer("one", body=b"<html>"), "no JSON"),
        (Answer("one", body=b'{"choices": 3}'), "choices"),
        (Answer("one", body=b"[]"), "no chat completion"),
    ],
)
async def test_a_stream_that_breaks_is_an_error_after_its_first_parts(answer: Answer, word: str) -> None:
    async with ScriptedModelServer([answer]) as server, model_at(server.base_url) as model:
        parts = model.stream(HELLO, timeout_seconds=5)
        assert await anext(parts) == "one"
        with pytest.raises(ModelError, match=word):
            await anext(parts)


@pytest.mark.parametrize("answer", [Answer(status=401), Answer(delay_seconds=3600)])
async def test_a_stream_that_cannot_begin_is_an_error(answer: Answer) -> None:
    async with ScriptedModelServer([answer]) as server, model_at(server.base_url) as model:
        with pytest.raises(ModelError, match="some-model"):
            await anext(model.stream(HELLO, timeout_seconds=0.5))


async def test_a_stream_that_ends_without_a_finish_is_an_error() -> None:
    async def half(request: web.Request) -> web.Response:
        part = 'data: {"choices": [{"index": 0, "delta": {"content": "half"}}]}\n\n'
        return web.Response(text=part, content_type="text/event-stream")

    application = web.Application()
    application.router.add_post("/v1/chat/completions", half)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        async with model_at(f"http://{host}:{port}/v1") as model:
            with pytest.raises(ModelError, match="broke the stream off"):
                [part async for part in model.stream(HELLO, timeout_seconds=5)]
    finally:
        await runner.cleanup()


async def test_cancelling_reaches_the_server() -> None:
    arrived = asyncio.Event()

    def script(request: ChatRequest) -> Answer:
        arrived.set()
        return Answer(delay_seconds=3600)

    async with ScriptedModelServer(script=script) as server, model_at(server.base_url) as model:
        task = asyncio.create_task(model.complete(HELLO, timeout_seconds=3600))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_many_questions_at_once_open_one_client() -> None:
    server = ScriptedModelServer(script=lambda request: request.last_user_text)
    async with server, model_at(server.base_url) as model:
        asked = [f"question {number}" for number in range(20)]
        questions = (model.complete([ChatMessage("user", text)], timeout_seconds=10) for text in asked)
        assert [completion.text for completion in await asyncio.gather(*questions)] == asked


async def test_the_model_can_be_closed_twice_and_asked_again() -> None:
    async with ScriptedModelServer(["one", "two"]) as server, model_at(server.base_url) as model:
        await model.complete(HELLO, timeout_seconds=5)
        await model.close()
        await model.close()
        assert (await model.complete(HELLO, timeout_seconds=5)).text == "two"


async def test_half_a_surrogate_pair_is_refused_before_anything_is_sent() -> None:
    async with ScriptedModelServer(["never"]) as server, model_at(server.base_url) as model:
        with pytest.raises(InvalidRequest, match="Unicode"):
            await model.complete([ChatMessage("user", "\ud800")], timeout_seconds=5)
    assert server.requests == []


async def test_the_key_is_in_no_log_and_no_repr(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with (
        ScriptedModelServer([Answer(status=401, text=KEY), "fine"]) as server,
        model_at(server.base_url) as model,
    ):
        with pytest.raises(ModelError):
            await model.complete(HELLO, timeout_seconds=5)
        await model.complete(HELLO, timeout_seconds=5)
        assert KEY not in repr(model)
    assert caplog.records
    assert KEY not in caplog.text
    assert KEY not in repr(server.requests)


@pytest.mark.parametrize(
    "make",
    [
        lambda: OpenAIChatModel("m", base_url="127.0.0.1:8000/v1"),
        lambda: OpenAIChatModel("m", base_url="http:///v1"),
        lambda: OpenAIChatModel("m", base_url="http://127.0.0.1:port/v1"),
        lambda: OpenAIChatModel("m", base_url=f"https://user:{KEY}@example.org/v1"),
        lambda: OpenAIChatModel("m", api_key=f"{KEY}\nsecond line"),
        lambda: OpenAIChatModel("m", api_key=f"“{KEY}”"),
        lambda: OpenAIChatModel("m", max_retries=-1),
    ],
)
def test_what_cannot_work_is_refused_at_once(make: Callable[[], OpenAIChatModel]) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert KEY not in str(caught.value)


async def test_a_key_with_a_line_end_still_works() -> None:
    async with ScriptedModelServer(["fine"]) as server:
        model = OpenAIChatModel("m", api_key=f"{KEY}\n", base_url=server.base_url)
        await model.complete(HELLO, timeout_seconds=5)
        await model.close()
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_the_settings_say_whether_there_is_a_model() -> None:
    def model(**environ: str) -> ChatModel | None:
        return model_from_settings(resolve_settings(environ).settings)

    assert model() is None
    assert model(GENESIS_MODEL_NAME="m") is None
    assert model(OPENAI_API_KEY="  ", OPENAI_BASE_URL=" ") is None
    assert repr(model(OPENAI_API_KEY=KEY)) == "OpenAIChatModel('gpt-4o-mini', base_url='https://api.openai.com/v1')"
    local = model(OPENAI_BASE_URL="http://127.0.0.1:1/v1?secret=s", GENESIS_MODEL_NAME="m")
    assert repr(local) == "OpenAIChatModel('m', base_url='http://127.0.0.1:1/v1')"


def test_the_event_loop_runs_while_the_client_is_imported() -> None:
    """Were the import on the loop, no turn of the loop could ever see it half done."""
    program = """
import asyncio, sys
from genesis_lib.llm.openai import OpenAIChatModel
from genesis_lib.llm.port import ChatMessage
from genesis_lib.testing.model_server import ScriptedModelServer

async def main():
    async with ScriptedModelServer(["fine"]) as server:
        model = OpenAIChatModel("m", base_url=server.base_url)
        question = asyncio.create_task(model.complete([ChatMessage("user", "hello")], timeout_seconds=20))
        assert "openai" not in sys.modules
        half_done = 0
        while not question.done():
            half_done += "openai" in sys.modules and "openai.resources.chat.completions" not in sys.modules
            await asyncio.sleep(0)
        assert (await question).text == "fine"
        assert "openai.resources.chat.completions" in sys.modules
        assert half_done, "the loop stood still while openai was imported"
        await model.close()

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
