"""One request on its way through a Replier: waiting, running, done; cancelled, expired, held back by its caller."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from genesis_lib.dds.port import Match
from genesis_lib.errors import GenesisError, RequestTimeout
from genesis_lib.messages import AgentRequest
from genesis_lib.rpc.executed import ExecutedRequests
from genesis_lib.rpc.reply_channel import ReplyChannel
from genesis_lib.rpc.streams import CREDIT_BATCH, CREDIT_WINDOW


class Client:
    """One Requester as a Replier sees it."""

    def __init__(self, match: Match, channel: ReplyChannel) -> None:
        self.match = match
        self.channel = channel
        self.executions: dict[int, Execution] = {}
        self.executed = ExecutedRequests()

    def abort_all(self, reason: GenesisError | None) -> None:
        """Abort whatever runs or waits for this client."""
        for execution in list(self.executions.values()):
            execution.abort(reason)


class Execution:
    """The task that runs a request's handler, and the clock over it."""

    __slots__ = (
        "_credit",
        "_credit_granted",
        "_on_done",
        "_task",
        "_timer",
        "aborted",
        "client",
        "deadline",
        "done",
        "error",
        "parts_sent",
        "request",
        "started",
    )

    def __init__(
        self,
        request: AgentRequest,
        client: Client,
        deadline: float | None,
        loop: asyncio.AbstractEventLoop,
        on_done: Callable[[Execution], None],
    ) -> None:
        self.request = request
        self.client = client
        self.deadline = deadline
        self.started: float | None = None
        self.done = False
        self.aborted = False
        self.error: BaseException | None = None
        self.parts_sent = 0
        self._on_done = on_done
        self._task: asyncio.Task[None] | None = None
        self._timer = loop.call_at(deadline, self._expire) if deadline is not None else None
        self._credit = CREDIT_WINDOW
        self._credit_granted: asyncio.Event | None = None

    def start(self, loop: asyncio.AbstractEventLoop, body: Coroutine[Any, Any, None]) -> None:
        """Run the body in a task of its own."""
        self.started = loop.time()
        self._task = loop.create_task(body)
        self._task.add_done_callback(self._finish)

    def abort(self, reason: GenesisError | None) -> None:
        """Cancel, whether it runs or waits. `error` is what the caller is to be told; None when nobody waits for it."""
        if self.done or self.aborted:
            return
        self.aborted, self.error = True, reason
        if self._task is not None:
            self._task.cancel()
        else:
            self._end()

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

    def _expire(self) -> None:
        self.abort(RequestTimeout("the deadline passed before the agent had an answer"))

    def _finish(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            if not self.aborted:
                self.error = asyncio.CancelledError("the handler cancelled itself")
        elif not self.aborted:
            self.error = task.exception()
        else:
            task.exception()  # a handler that raises while it is being cancelled; its caller is told of the cancel
        self._end()

    def _end(self) -> None:
        self.done = True
        if self._timer is not None:
            self._timer.cancel()
        self._on_done(self)
