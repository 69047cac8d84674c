"""A brain's way to other agents: that of the agent it thinks for."""

from __future__ import annotations

from genesis_lib.agent import GenesisAgent
from genesis_lib.errors import GenesisError
from genesis_lib.voice.brain import BusCall


class AgentBus:
    """See Bus."""

    def __init__(self, agent: GenesisAgent) -> None:
        self._agent = agent

    async def call(self, call: BusCall) -> str:
        """See Bus."""
        if call.function:
            result = await self._agent.call_function(call.target, call.function, **call.arguments)
            return result if isinstance(result, str) else repr(result)
        reply = await self._agent.request_agent(call.target, call.message)
        if reply["status"]:
            raise GenesisError(f"{call.target} answered with status {reply['status']}: {reply['message']}")
        return str(reply["message"])
