"""AgentConversation: several turns with one agent, under one conversation id."""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from genesis_lib.errors import ConfigError

Request = Callable[..., Awaitable[dict[str, Any]]]


class AgentConversation:
    """A conversation between two agents.

    Args:
        request: sends a turn, as `request_agent` does; without it the conversation is a record only.

    Attributes:
        initiator_id: id of the agent that began it.
        responder_id: target of its turns; a name reaches the same agent in every turn, as long as that one lives.
        conversation_id: 32 hex digits by default. Both ends see it.
        message_history: the turns so far, dicts with sender (str), message (str), time (float, Unix epoch) and, for
            replies, status (int).
    """

    def __init__(
        self,
        initiator_id: str,
        responder_id: str,
        *,
        conversation_id: str | None = None,
        request: Request | None = None,
    ) -> None:
        self.initiator_id = initiator_id
        self.responder_id = responder_id
        self.conversation_id = conversation_id or uuid.uuid4().hex
        self.message_history: list[dict[str, Any]] = []
        self._request = request

    async def send(self, message: str, timeout_seconds: float | None = None, **options: Any) -> dict[str, Any]:
        """Say something and return the reply; options and errors as in `request_agent`. A turn that failed leaves no trace
        in the history.

        Raises:
            ConfigError: the conversation was not made by `agent.conversation(...)`, so it has no bus to speak on.
        """
        if self._request is None:
            raise ConfigError(
                "this AgentConversation is a record only; agent.conversation(target) makes one that can send"
            )
        asked = time.time()
        reply = await self._request(self.responder_id, message, self.conversation_id, timeout_seconds, **options)
        self.message_history += [
            {"sender": self.initiator_id, "message": message, "time": asked},
            {
                "sender": reply["agent_id"],
                "message": reply["message"],
                "time": time.time(),
                "status": reply["status"],
            },
        ]
        return reply
