"""A language model of LiveKit's kind asks agents on the bus, over real DDS."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

import pytest
from livekit.agents import Agent, AgentSession, APIConnectOptions, llm
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr

from genesis_lib import GenesisInterface
from genesis_lib.testing.fixtures import StartAgentProcess
from genesis_lib.voice.livekit.tools import bus_tools
from tests.agents_for_tests import Echo, Misbehaving


class Planned(llm.LLM[Literal["error"]]):
    """Calls the tools it was told to, one after the other, and says what the last one answered."""

    def __init__(self, *calls: tuple[str, dict[str, str]]) -> None:
        super().__init__()
        self.calls = list(calls)

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        parallel_tool_calls: NotGivenOr[bool] = NOT_GIVEN,
        tool_choice: NotGivenOr[llm.ToolChoice] = NOT_GIVEN,
        extra_kwargs: NotGivenOr[dict[str, Any]] = NOT_GIVEN,
    ) -> llm.LLMStream:
        return _Planned(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class _Planned(llm.LLMStream):
    async def _run(self) -> None:
        assert isinstance(self._llm, Planned)
        if self._llm.calls:
            name, arguments = self._llm.calls.pop(0)
            called = llm.FunctionToolCall(name=name, arguments=json.dumps(arguments), call_id=f"call {name}")
            delta = llm.ChoiceDelta(role="assistant", tool_calls=[called])
        else:
            delta = llm.ChoiceDelta(role="assistant", content=outputs(self.chat_ctx.items)[-1])
        self._event_ch.send_nowait(llm.ChatChunk(id="1", delta=delta))


def outputs(items: Sequence[Any]) -> list[str]:
    return [item.output for item in items if isinstance(item, llm.FunctionCallOutput)]


async def said_after(bus: GenesisInterface, *calls: tuple[str, dict[str, str]]) -> list[str]:
    """What the model was told by its tools, and what it said."""
    tools = bus_tools(bus, timeout_seconds=5)
    async with AgentSession[Any](llm=Planned(*calls), tools=tools, vad=None) as session:
        await session.start(Agent(instructions="Ask the others."), record=False)
        await session.run(user_input="What do they say?")
        last = session.history.messages()[-1]
        return [*outputs(session.history.items), last.text_content or ""]


async def test_a_model_finds_an_agent_and_asks_it(agent_process: StartAgentProcess) -> None:
    await agent_process(Echo)
    async with GenesisInterface("session") as bus:
        assert await bus.wait_for_agent("Echo")
        found, answer, said = await said_after(
            bus, ("list_agents", {}), ("ask_agent", {"name": "Echo", "message": "Will it rain?"})
        )
    assert "'name': 'Echo'" in found
    assert (answer, said) == ("Will it rain?", "Will it rain?")


@pytest.mark.parametrize(
    ("name", "message", "told"),
    [
        ("Nobody", "Are you there?", "Nobody could not be asked"),
        ("Misbehaving", "raise", "Misbehaving could not be asked: "),
    ],
)
async def test_a_model_is_told_why_an_agent_does_not_answer(
    agent_process: StartAgentProcess, name: str, message: str, told: str
) -> None:
    await agent_process(Misbehaving)
    async with GenesisInterface("session") as bus:
        assert await bus.wait_for_agent("Misbehaving")
        (_, said) = await said_after(bus, ("ask_agent", {"name": name, "message": message}))
    assert told in said
