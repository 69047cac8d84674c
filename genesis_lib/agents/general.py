"""SmartGeneralAgent: hands a request to the specialist that fits, and answers what is left with a language model."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from genesis_lib.agent_classifier import AgentClassifier
from genesis_lib.errors import ModelError
from genesis_lib.llm.openai import model_from_settings
from genesis_lib.llm.port import ChatMessage, ChatModel
from genesis_lib.monitored_agent import MonitoredAgent
from genesis_lib.settings import Settings, load_settings

_ERROR: Final = -1
_LISTED_SPECIALISTS = 20
_MODEL_SHARE = 0.8  # of the time that is left; saying that it did not answer has the rest
_NO_MODEL = (
    "No language model is configured (set OPENAI_API_KEY or OPENAI_BASE_URL), so I can neither choose a specialist for "
    "this request nor answer it myself."
)
_INSTRUCTIONS = (
    "You are a helpful assistant. Answer in plain text, briefly. You have no live data and no tools: say so when a request "
    "needs them, and say so when you do not know."
)


class SmartGeneralAgent(MonitoredAgent):
    """Takes any request: a specialist answers it when the language model finds one fit, else this agent itself.

    A request is never handed back to an agent that it came through. Routed replies have routed_to (the agent's id) and
    reason in their metadata. Without a model, or when it fails or takes too long, status is -1 and the message says so.
    Model and specialists have only a share of the request's time each, so that there is always some left to say so.

    Args:
        agent_id, service_instance_tag, settings, classifier: as in MonitoredAgent.
        model: answers what no specialist does; by default the one that the settings name, if they do. Stays the
            caller's to close.

    Raises:
        ConfigError: a name or a setting cannot be used.
    """

    def __init__(
        self,
        *,
        agent_id: str | None = None,
        service_instance_tag: str | None = None,
        settings: Settings | None = None,
        classifier: AgentClassifier | None = None,
        model: ChatModel | None = None,
    ) -> None:
        in_force = settings or load_settings()
        super().__init__(
            "SmartGeneralAgent",
            "GeneralService",
            service_instance_tag,
            agent_id,
            enable_agent_communication=True,
            description="Takes any request: passes it on to the specialist that fits, or answers it from general knowledge.",
            settings=in_force,
            classifier=classifier,
        )
        self._own_model = model_from_settings(in_force) if model is None else None
        self._model = model or self._own_model
        self._model_timeout = in_force.model_timeout_seconds

    def get_agent_capabilities(self) -> dict[str, Any]:
        """See GenesisAgent."""
        return {
            "agent_type": "general",
            "specializations": [],
            "capabilities": ["chat", "general_questions", "routing"],
            "classification_tags": ["general", "chat", "conversation"],
            "model_info": {"model": self.app.settings.model_name} if self._model is not None else {},
            "default_capable": True,
            "performance_metrics": {},
        }

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        """Route the request, or answer it."""
        return await self.process_request_with_routing(request)

    async def process_request(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a request that no specialist takes."""
        if self._model is None:
            names = self._specialists()
            known = f" Specialists to ask by name: {', '.join(names)}." if names else " No specialist is there."
            return {"message": _NO_MODEL + known, "status": _ERROR, "metadata": {"specialists": names}}
        messages = [ChatMessage("system", _INSTRUCTIONS), ChatMessage("user", request["message"])]
        left = request["timeout_seconds"]
        share = None if left is None else max(0.0, left * _MODEL_SHARE)
        attempt = self._model_timeout if share is None else min(self._model_timeout, share)
        try:
            async with asyncio.timeout(share):
                completion = await self._model.complete(messages, timeout_seconds=attempt)
        except ModelError as error:
            return {"message": f"I cannot answer this now: {error}", "status": _ERROR}
        except TimeoutError:
            slow = f"the language model did not answer within the {share:.1f} s that it had. Ask again with more time."
            return {"message": f"I cannot answer this now: {slow}", "status": _ERROR}
        return {"message": completion.text, "status": 0, "metadata": {"model": completion.model}}

    async def close(self) -> None:
        """Leave the bus and let go of connections."""
        try:
            await super().close()
        finally:
            if self._own_model is not None:
                await self._own_model.close()

    def _specialists(self) -> list[str]:
        specialists = {agent.name for agent in self.discovered_agents.values() if agent.agent_type == "specialized"}
        return sorted(specialists)[:_LISTED_SPECIALISTS]
