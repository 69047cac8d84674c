"""A Brain as the language model of a LiveKit session."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Any, Final, Literal

from livekit.agents import Agent, APIConnectOptions, APIError, FlushSentinel, ModelSettings, llm, utils
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, NotGivenOr

from genesis_lib.errors import GenesisError
from genesis_lib.voice.brain import Brain, Bus, BusCall, Thought, Turn
from genesis_lib.voice.livekit.stt import as_heard

_MEANWHILE: Final = "genesis_meanwhile"

OnHangUp = Callable[[str], None]


class GenesisLLM(llm.LLM[Literal["error"]]):
    """What a session thinks with: `AgentSession(llm=GenesisLLM(brain, bus, on_hang_up))`. To open the call, let the session
    `generate_reply()` before anything was said.

    A brain has a memory, and every question moves it on: the session's preemptive generation has to be off. Tools,
    instructions and what a session passes on for its model are not the brain's affair.

    Args:
        brain: stays the caller's to close.
        bus: the brain's way to other agents.
        on_hang_up: told the reason, when the brain wants to hang up or fails, before its last words are spoken: let the
            session play them out (`session.shutdown(drain=True)`) and then leave.
    """

    def __init__(self, brain: Brain, bus: Bus, on_hang_up: OnHangUp) -> None:
        super().__init__()
        self._brain = brain
        self._bus = bus
        self._on_hang_up = on_hang_up

    @property
    def model(self) -> str:
        """The brain's class."""
        return type(self._brain).__name__

    @property
    def provider(self) -> str:
        """This library."""
        return "genesis_lib"

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
        """Think; see LLM of livekit-agents. What the brain fails with is an APIError, not tried again."""
        return _Thinking(self, self._brain, self._bus, self._on_hang_up, chat_ctx, conn_options)


class BrainAgent(Agent):
    """The agent of a session with a GenesisLLM: what the brain wants said while it awaits an answer is spoken at once. With
    an Agent of livekit's own it is spoken together with the answer."""

    def __init__(self, instructions: str = "", **options: Any) -> None:
        super().__init__(instructions=instructions, **options)

    async def llm_node(
        self, chat_ctx: llm.ChatContext, tools: list[llm.Tool], model_settings: ModelSettings
    ) -> AsyncGenerator[llm.ChatChunk | str | FlushSentinel]:
        """See Agent of livekit-agents."""
        async for chunk in Agent.default.llm_node(self, chat_ctx, tools, model_settings):
            yield chunk
            if isinstance(chunk, llm.ChatChunk) and chunk.delta and _MEANWHILE in (chunk.delta.extra or {}):
                yield FlushSentinel()


class _Thinking(llm.LLMStream):
    def __init__(
        self,
        owner: GenesisLLM,
        brain: Brain,
        bus: Bus,
        on_hang_up: OnHangUp,
        chat_ctx: llm.ChatContext,
        conn_options: APIConnectOptions,
    ) -> None:
        super().__init__(owner, chat_ctx=chat_ctx, tools=[], conn_options=conn_options)
        self._brain = brain
        self._talking_bus = _TalkingBus(bus, self._say)
        self._on_hang_up = on_hang_up
        self._id = utils.shortuuid()

    async def _run(self) -> None:
        try:
            thought = await self._think(turns_of(self._chat_ctx))
        except GenesisError as error:
            self._on_hang_up(f"{type(error).__name__}: {error}")
            raise APIError(str(error), retryable=False) from error
        self._say(thought.text)
        if thought.hang_up:
            self._on_hang_up(thought.hang_up)

    async def _think(self, turns: list[Turn]) -> Thought:
        if not turns:
            return await self._brain.open_call(self._talking_bus)
        before = len(turns)
        while before and not turns[before - 1].by_me:
            before -= 1
        heard = " ".join(turn.text for turn in turns[before:] if turn.text)
        return await self._brain.answer(heard, turns[:before], self._talking_bus)

    def _say(self, text: str, *, meanwhile: bool = False) -> None:
        if text:
            extra = {_MEANWHILE: True} if meanwhile else None
            delta = llm.ChoiceDelta(role="assistant", content=f"{text} ", extra=extra)
            self._event_ch.send_nowait(llm.ChatChunk(id=self._id, delta=delta))


class _TalkingBus:
    """The bus, with what is said to the other side while an answer is awaited."""

    def __init__(self, bus: Bus, say: Callable[..., None]) -> None:
        self._bus = bus
        self._say = say

    async def call(self, call: BusCall) -> str:
        """See Bus."""
        self._say(call.meanwhile, meanwhile=True)
        return await self._bus.call(call)


def turns_of(chat_ctx: llm.ChatContext) -> list[Turn]:
    """The conversation as a brain knows it: what this side said, cut where it was interrupted, and what it heard."""
    turns: list[Turn] = []
    for message in chat_ctx.messages():
        text = message.text_content or ""
        if message.role == "user":
            turns.append(Turn(False, as_heard(text)))
        elif message.role == "assistant":
            turns.append(Turn(True, text.strip()))
    return turns
