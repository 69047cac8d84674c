"""What a scripted model is asked, what it answers, and ready scripts: stand-ins that say that they are."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from genesis_lib.llm.port import ToolCall
from genesis_lib.llm.routing import NONE_LABEL

MARK = "scripted stand-in"


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One POST to /v1/chat/completions, as it came; header names are lower case."""

    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(repr=False)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The chat, the oldest first."""
        return list(self.body["messages"])

    @property
    def last_user_text(self) -> str:
        """What the user said last, "" when the user said nothing."""
        return next((m.get("content") or "" for m in reversed(self.messages) if m["role"] == "user"), "")

    @property
    def schema(self) -> Mapping[str, Any] | None:
        """The JSON Schema that the answer must satisfy, if any."""
        schema: Mapping[str, Any] | None = self.body.get("response_format", {}).get("json_schema", {}).get("schema")
        return schema

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The functions on offer: name, description, parameters."""
        return [tool["function"] for tool in self.body.get("tools") or ()]

    @property
    def stream(self) -> bool:
        """The answer is wanted in parts."""
        return bool(self.body.get("stream"))


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server does with one request.

    Attributes:
        text: the answer; with an error status, the error's message.
        tool_calls: tools the model wants run.
        status: HTTP status; anything but 200 is sent as an OpenAI error object.
        headers: further response headers, such as Retry-After.
        delay_seconds: silence before anything is sent.
        body: sent as it is in place of a completion, to play a broken endpoint.
        drop: cut the connection: before the answer, or in a stream after the first part.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    body: bytes | None = None
    drop: bool = False


Script = Callable[[ChatRequest], Answer | str]


def echo_script(request: ChatRequest) -> Answer:
    """A chat answer that is plainly none of a model's: it repeats what the user said."""
    if request.schema is not None:
        return Answer(f"the {MARK} has no answer for this JSON schema", status=400)
    return Answer(f"({MARK}, no language model) You said: {request.last_user_text}")


def routing_script(rules: Mapping[str, str], otherwise: Script = echo_script) -> Script:
    """A script that answers an AgentClassifier's questions in a model's place.

    Args:
        rules: the start of a word in the request -> the name of the agent it goes to; the first that applies wins. An
            agent that is not on offer is passed over.
        otherwise: answers everything that is no question about routing.
    """

    def script(request: ChatRequest) -> Answer | str:
        question = _routing_question(request)
        if question is None:
            return otherwise(request)
        labels = {card.get("name"): card["label"] for card in reversed(question["agents"])}
        for word, name in rules.items():
            if name in labels and re.search(rf"\b{re.escape(word)}", question["request"], re.IGNORECASE):
                return _choice(labels[name], f"{MARK}: {word!r} goes to {name}")
        return _choice(NONE_LABEL, f"{MARK}: no rule applies")

    return script


def _routing_question(request: ChatRequest) -> dict[str, Any] | None:
    """The document of a classifier's question; after an invalid answer it is not the last message any more."""
    if "agent" not in (request.schema or {}).get("properties", {}):
        return None
    first = next((message["content"] for message in request.messages if message["role"] == "user"), "")
    try:
        document = json.loads(first)
    except ValueError:
        return None
    return document if isinstance(document, dict) and {"agents", "request"} <= document.keys() else None


def _choice(label: str, reason: str) -> str:
    return json.dumps({"reason": reason, "agent": label}, ensure_ascii=False)
