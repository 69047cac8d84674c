"""AgentClassifier: a language model picks the agent for a request. It alone decides: no keywords, patterns or rules."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from genesis_lib.context import current_call
from genesis_lib.errors import ClassifierError, ConfigError, InvalidRequest, ModelError
from genesis_lib.llm.openai import model_from_settings
from genesis_lib.llm.port import ChatModel
from genesis_lib.llm.routing import RoutingQuestion, ask_again, ask_for_agent, read_answer
from genesis_lib.settings import load_settings

DEFAULT_PROMPT_BUDGET = 100_000
_LEAST_PROMPT_BUDGET = 4000
_NO_MODEL = "no language model is configured (set OPENAI_API_KEY or OPENAI_BASE_URL)"

_log = logging.getLogger(__name__)

AgentCard = Mapping[str, Any]
"""One agent on offer: an AgentInfo, or a mapping with the same member names."""


@dataclass(frozen=True, slots=True)
class Classification:
    """Which agent a request is for, and why: `reason` is the model's own words, or what kept it from deciding.

    `source` says who decided: "model", where `agent_id` None means that the model finds no agent fit;
    "default_capable", the fallback when no model could be asked; "none" when there was nobody to choose or no usable
    answer.
    """

    agent_id: str | None
    reason: str
    source: Literal["model", "default_capable", "none"]


class AgentClassifier:
    """Asks a language model which of the available agents should handle a request.

    Arguments that are None come from the settings (`OPENAI_API_KEY`, `OPENAI_BASE_URL`, `GENESIS_MODEL_NAME`,
    `GENESIS_MODEL_TIMEOUT_SECONDS`). Cheap to make: the model's client is loaded at the first question.

    Args:
        openai_api_key: may be empty for an endpoint that asks for none.
        model_name: as the endpoint calls it; the settings' default is gpt-4o-mini.
        base_url: any OpenAI-compatible endpoint; OpenAI's own by default.
        timeout_seconds: time for each attempt to get an answer.
        max_retries: further attempts when the endpoint fails, and again when its answer is not valid.
        prompt_budget: characters that the request and all agents' cards together may fill; longer texts are cut.
        model: the model to ask, in place of one made from the arguments above; stays the caller's to close.

    Raises:
        ConfigError: an argument or a setting cannot work.
    """

    def __init__(
        self,
        openai_api_key: str | None = None,
        model_name: str | None = None,
        *,
        base_url: str | None = None,
        timeout_seconds: float | None = None,
        max_retries: int = 2,
        prompt_budget: int = DEFAULT_PROMPT_BUDGET,
        model: ChatModel | None = None,
    ) -> None:
        if max_retries < 0:
            raise ConfigError(f"max_retries is {max_retries}: give 0 or more")
        if prompt_budget < _LEAST_PROMPT_BUDGET:
            raise ConfigError(f"prompt_budget is {prompt_budget} characters: give at least {_LEAST_PROMPT_BUDGET}")
        settings = load_settings(
            openai_api_key=openai_api_key,
            model_name=model_name,
            openai_base_url=base_url,
            model_timeout_seconds=timeout_seconds,
        )
        self._timeout = settings.model_timeout_seconds
        self._attempts = max_retries + 1
        self._prompt_budget = prompt_budget
        self._own_model = model_from_settings(settings, max_retries=max_retries) if model is None else None
        self._model = model or self._own_model

    @property
    def configured(self) -> bool:
        """There is a model to ask: a key, a base URL or a model object was given. It may still refuse."""
        return self._model is not None

    async def classify_request(
        self, request: str, available_agents: Mapping[str, AgentCard] | Iterable[AgentCard]
    ) -> str | None:
        """The id of the agent for this request, or None; see `classify`."""
        return (await self.classify(request, available_agents)).agent_id

    async def classify(
        self,
        request: str,
        available_agents: Mapping[str, AgentCard] | Iterable[AgentCard],
        *,
        timeout_seconds: float | None = None,
    ) -> Classification:
        """Choose one of the available agents, or none.

        A model that cannot be asked is no error here: the agent marked default_capable (the one with the smallest id)
        is taken instead, and the reason is logged. A model whose answers stay invalid has chosen none.

        A JSON Schema holds the model to the agents on offer. An enum of OpenAI's ends at 1000 values, so from 1000 agents on
        the schema leaves the choice open. Every answer is checked here in any case: no other agent is ever taken.

        Args:
            request: what somebody asked, in natural language.
            available_agents: agent id -> card, or cards that carry their agent_id.
            timeout_seconds: time for the whole decision. By default half of what is left of the call being served, so
                that the chosen agent has the other half; outside of a call, each question's attempts alone bound it.

        Raises:
            InvalidRequest: the request is not valid text, or an agent's card is not usable.
        """
        cards = _cards(available_agents)
        if not isinstance(request, str):
            raise InvalidRequest(f"a request to classify must be text, not {type(request).__name__}")
        try:
            request.encode()
        except UnicodeEncodeError as error:
            raise InvalidRequest(f"the request to classify is not valid Unicode text: {error.reason}") from error
        classification = await self._decide(request, cards, timeout_seconds)
        # Every decision passes here; its monitoring event belongs here.
        _log.debug("classified as %s by %s: %s", classification.agent_id, classification.source, classification.reason)
        return classification

    async def close(self) -> None:
        """Let go of the model's connections, unless the model was handed in."""
        if self._own_model is not None:
            await self._own_model.close()

    async def _decide(
        self, request: str, cards: Mapping[str, AgentCard], timeout_seconds: float | None
    ) -> Classification:
        if not cards:
            return Classification(None, "no agent is available", "none")
        if self._model is None:
            return _fallback(cards, _NO_MODEL)
        limit = _half_of_what_is_left() if timeout_seconds is None else timeout_seconds
        attempt = self._timeout if limit is None else min(self._timeout, limit)
        question = await asyncio.to_thread(ask_for_agent, request, cards, self._prompt_budget)
        try:
            async with asyncio.timeout(limit):
                return await self._ask(self._model, question, attempt)
        except ModelError as error:
            problem = str(error)
        except TimeoutError:
            problem = "the language model did not decide in the time it had"
        fallback = _fallback(cards, problem)
        _log.warning("a request was not classified by the language model: %s", fallback.reason)
        return fallback

    async def _ask(self, model: ChatModel, question: RoutingQuestion, timeout_seconds: float) -> Classification:
        messages = list(question.messages)
        problem = ""
        for _ in range(self._attempts):
            completion = await model.complete(messages, schema=question.schema, timeout_seconds=timeout_seconds)
            try:
                answer = read_answer(completion.text, question)
            except ClassifierError as error:
                problem = str(error)
                messages += ask_again(completion.text, problem)
            else:
                return Classification(answer.agent_id, answer.reason, "model")
        reason = f"the language model gave no valid answer in {self._attempts} attempts; the last: {problem}"
        _log.warning("a request was routed to no agent: %s", reason)
        return Classification(None, reason, "none")


def _cards(available_agents: Mapping[str, AgentCard] | Iterable[AgentCard]) -> dict[str, AgentCard]:
    if isinstance(available_agents, Mapping):
        cards = dict(available_agents)
    else:
        if not isinstance(available_agents, Iterable):
            raise InvalidRequest(
                f"the agents on offer are of type {type(available_agents).__name__}: give AgentInfo objects or dicts"
            )
        cards = {}
        for card in available_agents:
            agent_id = card.get("agent_id") if isinstance(card, Mapping) else None
            if not agent_id:
                raise InvalidRequest("an agent on offer has no agent_id: give AgentInfo objects, or dicts that have it")
            cards[agent_id] = card
    for agent_id, card in cards.items():
        if not isinstance(card, Mapping):
            raise InvalidRequest(
                f"the card of agent {agent_id!r} is of type {type(card).__name__}: give AgentInfo or dict"
            )
    return cards


def _fallback(cards: Mapping[str, AgentCard], problem: str) -> Classification:
    """The default-capable agent with the smallest id, so that every caller falls back on the same one."""
    agent_id = min((agent_id for agent_id, card in cards.items() if card.get("default_capable")), default=None)
    if agent_id is None:
        return Classification(None, f"{problem}; no available agent is default_capable", "none")
    name = cards[agent_id].get("name") or agent_id
    return Classification(agent_id, f"{problem}; {name!r} is default_capable", "default_capable")


def _half_of_what_is_left() -> float | None:
    call = current_call.get()
    if call is None or call.deadline is None:
        return None
    return max(0.0, (call.deadline - asyncio.get_running_loop().time()) / 2)
