"""The bus as tools of a LiveKit session with a language model of LiveKit's own."""

from __future__ import annotations

from livekit.agents import ToolError, function_tool, llm

from genesis_lib.agent_communication import AgentCommunicationMixin
from genesis_lib.errors import GenesisError


def bus_tools(agent: AgentCommunicationMixin, *, timeout_seconds: float | None = None) -> list[llm.Tool | llm.Toolset]:
    """Tools to find other agents and to ask them: `AgentSession(llm=..., tools=bus_tools(agent))`.

    The session has to run on the agent's event loop. When an agent cannot be asked, or does not answer, the model is told
    why, and the session goes on.

    Args:
        agent: an agent, service or interface that is open; it makes the calls.
        timeout_seconds: for each question; `request_timeout_seconds` of the settings by default.
    """

    @function_tool
    async def list_agents() -> list[dict[str, str]]:
        """Who can be asked: the other agents, each with its name and what it is for."""
        found = agent.get_discovered_agents().values()
        return [{"name": each.name, "about": each.description or ", ".join(each.capabilities)} for each in found]

    @function_tool
    async def ask_agent(name: str, message: str) -> str:
        """Ask another agent, and get its answer.

        Args:
            name: the agent's name, as list_agents has it
            message: the question, in plain language and complete: the agent does not know this conversation
        """
        try:
            reply = await agent.request_agent(name, message, timeout_seconds=timeout_seconds)
        except GenesisError as error:
            raise ToolError(f"{name} could not be asked: {error}") from error
        if reply["status"]:
            raise ToolError(f"{name} could not help: {reply['message']}")
        return str(reply["message"])

    return [list_agents, ask_agent]
