"""One request on its way through a Replier: waiting, running, done; cancelled, expired, held back by its caller."""

from __future__ import annotations

import asyncio

from genesis_lib.errors import GenesisError
from genesis_lib.messages import AgentRequest
from genesis_lib.rpc.caller_identity import CallerIdentity
from genesis_lib.rpc.flood_gate import FloodGate
from genesis_lib.rpc.memory import ConnectionMemory
from genesis_lib.rpc.reply_channel import ReplyChannel
from genesis_lib.rpc.streams import CREDIT_BATCH, CREDIT_WINDOW


class Client:
    """One Requester as a Replier sees it."""

    def __init__(self, caller: CallerIdentity, channel: ReplyChannel, memory: ConnectionMemory) -> None:
        self.caller = caller
        self.channel = channel
        self.executions: dict[int, Execution] = {}
        self.executed = memory.executed
        self.transit = memory.transit
        self.gate = FloodGate()


class Execution:
    """A request that arrived, and what became of it when it was admitted.

    Attributes:
        deadline: on the event loop's clock, None for none.
        size: of the serialized request, bytes.
        task: runs the handler; None while the request waits for its turn.
        entered: the task has begun to run.
        aborted: it was cancelled from outside; `reason` is what its caller is told, None when nobody waits for it.
        parts_sent: parts of the reply that went out.
    """

    __slots__ = (
        "_credit",
        "_credit_granted",
        "aborted",
        "client",
        "deadline",
        "done",
        "entered",
        "parts_sent",
        "reason",
        "request",
        "size",
        "task",
    )

    def __init__(self, request: AgentRequest, client: Client, deadline: float | None, size: int) -> None:
        self.request = request
        self.client = client
        self.deadline = deadline
        self.size = size
        self.task: asyncio.Task[None] | None = None
        self.entered = False
        self.done = False
        self.aborted = False
        self.reason: GenesisError | None = None
        self.parts_sent = 0
        self._credit = CREDIT_WINDOW
        self._credit_granted: asyncio.Event | None = None

    def grant_credit(self) -> None:
        """The caller consumed a batch of parts."""
        self._credit += CREDIT_BATCH
        if self._credit_granted is not None:
            self._credit_granted.set()

    async def take_credit(self) -> None:
        """Wait until the caller can take in one more part."""
        while self._credit <= 0:
            self._credit_granted = asyncio.Event()
            await self._credit_granted.wait()
        self._credit -= 1
