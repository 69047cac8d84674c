"""The JSON of OpenAI's chat completions, the part that is asked and the part that is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from genesis_lib.errors import InvalidRequest
from genesis_lib.llm.port import ChatCompletion, ChatMessage, Tool, ToolCall, Usage


def question_to(
    model_name: str,
    messages: Sequence[ChatMessage],
    schema: Mapping[str, Any] | None = None,
    tools: Sequence[Tool] = (),
) -> dict[str, Any]:
    """The request body, without what concerns its transport.

    Raises:
        InvalidRequest: a message is not valid Unicode text.
    """
    question: dict[str, Any] = {"model": model_name, "messages": [_message(message) for message in messages]}
    if schema is not None:
        answer = {"name": "answer", "strict": True, "schema": dict(schema)}
        question["response_format"] = {"type": "json_schema", "json_schema": answer}
    if tools:
        question["tools"] = [_tool(tool) for tool in tools]
    return question


def _tool(tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def _message(message: ChatMessage) -> dict[str, Any]:
    try:
        message.content.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"a {message.role} message is not valid Unicode text: {error.reason}") from error
    result: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        result["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.role == "tool":
        result["tool_call_id"] = message.tool_call_id
    return result


class _Function(BaseModel):
    name: str
    arguments: str = ""


class _ToolCall(BaseModel):
    id: str = ""
    function: _Function


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Completion(BaseModel):
    """What is read of a completion: the client library itself takes any JSON for one."""

    choices: Annotated[list[_Choice], Field(min_length=1)]
    model: str | None = None
    usage: _Usage | None = None

    def as_port_type(self) -> ChatCompletion:
        choice = self.choices[0]
        usage = self.usage or _Usage()
        return ChatCompletion(
            text=choice.message.content or choice.message.refusal or "",
            tool_calls=tuple(
                ToolCall(call.id, call.function.name, call.function.arguments)
                for call in choice.message.tool_calls or ()
            ),
            model=self.model or "",
            usage=Usage(usage.prompt_tokens, usage.completion_tokens),
            finish_reason=choice.finish_reason or "stop",
        )


class _Delta(BaseModel):
    content: str | None = None


class _StreamChoice(BaseModel):
    delta: _Delta
    finish_reason: str | None = None


class StreamPart(BaseModel):
    """What is read of one part of a streamed completion."""

    choices: list[_StreamChoice]


def problem_in(error: ValidationError) -> str:
    """The first problem in one line, without the value, which may be anything."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]
