"""The chat-model port: what the library needs of a language model, whoever runs it. No client is loaded here."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model wants a tool run. `arguments` is the JSON text as the model wrote it, which may not be valid JSON."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool the model may ask for: `parameters` is the JSON Schema of its arguments object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a chat. A "tool" message answers the call that `tool_call_id` names."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that one completion cost, 0 where the endpoint does not count."""

    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ChatCompletion:
    """The model's answer. `model` is the name the endpoint reports, which may be more exact than the one asked for.

    `finish_reason` is the endpoint's word: "stop", "length" (cut off), "tool_calls", "content_filter" and the like.
    """

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    model: str = ""
    usage: Usage = Usage()
    finish_reason: str = "stop"


class ChatModel(Protocol):
    """A language model that chats. `complete` and `stream` raise `ModelError` when no answer can be had."""

    async def complete(
        self,
        messages: Sequence[ChatMessage],
        *,
        schema: Mapping[str, Any] | None = None,
        tools: Sequence[Tool] = (),
        timeout_seconds: float,
    ) -> ChatCompletion:
        """Ask once and wait for the whole answer.

        Args:
            messages: the chat so far, the oldest first.
            schema: a JSON Schema (an object, closed, all members required) that the answer's text must satisfy as JSON.
            tools: what the model may ask to be run; such wishes come back as `tool_calls`.
            timeout_seconds: time for each attempt.
        """
        ...

    def stream(self, messages: Sequence[ChatMessage], *, timeout_seconds: float) -> AsyncGenerator[str, None]:
        """The answer's text in parts, as they are made; `timeout_seconds` is the longest silence before one.

        Who may leave the loop early wraps it in `contextlib.aclosing`.
        """
        ...

    async def close(self) -> None:
        """Let go of connections. Closing twice is fine."""
        ...
