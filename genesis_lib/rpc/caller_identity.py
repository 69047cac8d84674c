"""Who calls: told by the DDS participant a request comes through, never by what the request says of itself."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol

from genesis_lib.errors import DecodeError, NotAuthorised
from genesis_lib.messages import AgentRequest

INBOX_BYTES = 16
_PATIENCE_SECONDS = 2.0


class Announcements(Protocol):
    """What discovery knows of the agents on the domain."""

    def announcers(self, agent_id: str) -> Collection[bytes]:
        """The keys of the participants that announce this agent."""
        ...

    async def wait_for(self, condition: Callable[[], bool], timeout_seconds: float) -> bool:
        """Wait until the condition holds, looking again after each change."""
        ...


@dataclass(slots=True)
class CallerIdentity:
    """The other end of a connection.

    Attributes:
        participant: the key of the DDS participant whose writer the requests come through.
        agent_id: the agent the connection was opened for; "" for an interface or a foreign program, which announce nothing
            and are their participant, and for an agent that nobody announces.
        confirmed: that participant announced this agent.
        claimed: the agent the connection was opened for, announced or not.
    """

    participant: bytes
    agent_id: str
    confirmed: bool = False
    claimed: str = field(init=False)

    def __post_init__(self) -> None:
        self.claimed = self.agent_id

    @property
    def name(self) -> str:
        """What to call it: the agent's id, or the participant's key in hex."""
        return self.agent_id if self.confirmed else self.participant.hex()

    @property
    def key(self) -> tuple[bytes, str]:
        """Tells callers apart: by participant, and those that announce themselves by their agent's id, too."""
        return self.participant, self.agent_id if self.confirmed else ""

    async def confirm(self, announcements: Announcements) -> None:
        """Wait for the agent's announcement, which may come later than its connection. An agent that nobody announces is
        taken for a program that announces nothing, until it is announced."""
        self.confirmed = await announcements.wait_for(lambda: self._is_announced(announcements), _PATIENCE_SECONDS)
        if not self.confirmed and not announcements.announcers(self.agent_id):
            self.agent_id = ""

    def refuse_false_claim(self, request: AgentRequest, announcements: Announcements) -> NotAuthorised | None:
        """The refusal of a request that speaks for somebody else."""
        if not self.confirmed and self.claimed and self._is_announced(announcements):  # it took its time
            self.agent_id, self.confirmed = self.claimed, True
        speaks_for = request.source_agent_id
        if self.confirmed and speaks_for == self.agent_id:
            return None
        if not speaks_for and not self.agent_id:
            return None
        announcers = announcements.announcers(speaks_for)
        if not self.agent_id and (not announcers or self.participant in announcers):
            return None
        if self.confirmed:
            return NotAuthorised(f"agent {self.agent_id} sent a request in the name of {speaks_for or 'nobody'}")
        return NotAuthorised(
            f"participant {self.participant.hex()} sent a request in the name of agent {speaks_for}, which it has not announced"
        )

    def _is_announced(self, announcements: Announcements) -> bool:
        return self.participant in announcements.announcers(self.claimed)


def connection_data(inbox: bytes, agent_id: str) -> bytes:
    """The user data of a request writer: where replies go, and the agent that calls, "" for an interface."""
    return inbox + agent_id.encode("ascii")


def parse_connection_data(user_data: bytes) -> tuple[bytes, str]:
    """Inbox and agent id from a request writer's user data.

    Raises:
        DecodeError: there is no inbox in it, or the rest is no agent id.
    """
    if len(user_data) < INBOX_BYTES:
        raise DecodeError("its user data holds no inbox id")
    try:
        return user_data[:INBOX_BYTES], user_data[INBOX_BYTES:].decode("ascii")
    except UnicodeDecodeError:
        raise DecodeError("its user data names no agent") from None
