"""A brain on a language model: free talk, with tools to ask other agents and to hang up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from genesis_lib.errors import GenesisError, ModelError, VoiceError
from genesis_lib.llm.port import ChatCompletion, ChatMessage, ChatModel, Tool, ToolCall
from genesis_lib.voice.brain import Bus, BusCall, Thought, Turn
from genesis_lib.voice.brains.speakable import speakable
from genesis_lib.voice.persona import Persona

_MOST_ROUNDS: Final = 5
_MOST_NOTES: Final = 20
_RULES = """\
You talk on the telephone, in a live call. Speak as people do: one or two short sentences, plain words, no lists, no \
markup, numbers as words. What you get is what speech recognition heard, mistakes included: ask when it makes no sense. \
Use ask_agent for what you cannot know yourself. Use hang_up when the call has come to its end, and say goodbye in the \
same answer."""
_NOTHING_HEARD = "(speech recognition could make nothing of what was said)"
_OPEN = "(the line is open; you speak first)"


class _Question(BaseModel):
    model_config = ConfigDict(extra="forbid")

    agent: str
    question: str


class _HangUp(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: str


_ASK_AGENT = Tool(
    "ask_agent",
    "Ask another agent on the bus, by its name. What you say in the same answer is spoken while it works.",
    _Question.model_json_schema(),
)
_HANG_UP = Tool("hang_up", "End the call after what you say in this answer.", _HangUp.model_json_schema())


class ModelBrain:
    """Leaves it to a language model what to say.

    Args:
        model: is closed with the brain.
        persona: who speaks.
        instructions: what the persona is to do in this call.
        timeout_seconds: for each question to the model.
    """

    def __init__(self, model: ChatModel, persona: Persona, instructions: str, *, timeout_seconds: float) -> None:
        self._model = model
        self._timeout = timeout_seconds
        self._system = _system_text(persona, instructions)
        self._notes: list[str] = []

    async def open_call(self, bus: Bus) -> Thought:
        """The first words; see Brain.

        Raises:
            VoiceError: as `answer`.
        """
        return await self._think([ChatMessage("user", _OPEN)], bus)

    async def answer(self, heard: str, turns: Sequence[Turn], bus: Bus) -> Thought:
        """What the model says to this; see Brain.

        Raises:
            VoiceError: the model cannot be asked, says nothing, or calls tools without end.
        """
        said = [ChatMessage("assistant", turn.text) if turn.by_me else _heard(turn.text) for turn in turns]
        return await self._think([*said, _heard(heard)], bus)

    async def close(self) -> None:
        """Let go of the model."""
        await self._model.close()

    async def _think(self, conversation: Sequence[ChatMessage], bus: Bus) -> Thought:
        system = "\n".join([self._system, *self._notes])
        messages = [ChatMessage("system", system), *conversation]
        for _ in range(_MOST_ROUNDS):
            completion = await self._complete(messages)
            text = speakable(completion.text)
            results: list[ChatMessage] = []
            for call in completion.tool_calls:
                if (reason := _hang_up_reason(call)) is not None:
                    return Thought(text, hang_up=reason)
                results.append(ChatMessage("tool", await self._ask(call, text, bus), tool_call_id=call.id))
                text = ""
            if text:
                return Thought(text)
            if not results:
                raise VoiceError(f"the language model said nothing (it ended with {completion.finish_reason!r})")
            messages += [ChatMessage("assistant", completion.text, completion.tool_calls), *results]
        raise VoiceError(f"the language model called tools {_MOST_ROUNDS} times over and said nothing")

    async def _complete(self, messages: Sequence[ChatMessage]) -> ChatCompletion:
        try:
            return await self._model.complete(messages, tools=(_ASK_AGENT, _HANG_UP), timeout_seconds=self._timeout)
        except ModelError as error:
            raise VoiceError(f"the language model gave no answer: {error}") from error

    async def _ask(self, call: ToolCall, meanwhile: str, bus: Bus) -> str:
        """The result of a tool, for the model: an answer, or what went wrong."""
        if call.name != _ASK_AGENT.name:
            return f"there is no tool {call.name!r}, or its arguments are not valid; tools are ask_agent and hang_up"
        try:
            asked = _Question.model_validate_json(call.arguments)
        except ValidationError as error:
            return f"these arguments cannot be used: {error.errors(include_url=False)[0]['msg']}"
        try:
            answer = await bus.call(BusCall(asked.agent, asked.question, meanwhile=meanwhile))
        except GenesisError as error:
            return f"the agent could not be asked: {error}"
        self._notes = [*self._notes, f"{asked.agent} was asked {asked.question!r} and said: {answer}"][-_MOST_NOTES:]
        return answer


def _heard(text: str) -> ChatMessage:
    return ChatMessage("user", text or _NOTHING_HEARD)


def _hang_up_reason(call: ToolCall) -> str | None:
    if call.name != _HANG_UP.name:
        return None
    try:
        return _HangUp.model_validate_json(call.arguments).reason or "the call is over"
    except ValidationError:
        return None


def _system_text(persona: Persona, instructions: str) -> str:
    facts: dict[str, Any] = dict(persona.facts)
    manner = persona.manner
    lines = [
        _RULES,
        f"You are {persona.name}. Your mood: {persona.mood}. Your goal: {persona.goal}.",
        f"What you know: {json.dumps(facts, ensure_ascii=False)}" if facts else "",
        f"You hear badly: {manner.asks_to_repeat} times in this call, ask to repeat." if manner.asks_to_repeat else "",
        instructions.strip(),
    ]
    return "\n".join(line for line in lines if line)
