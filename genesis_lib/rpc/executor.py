"""Runs admitted requests: so many at a time, each within its deadline, the rest in a bounded queue, fair to all callers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Self

from genesis_lib.context import CallContext, current_call
from genesis_lib.errors import GenesisError, Overloaded, RemoteAgentError, RequestCancelled, RequestTimeout, describe
from genesis_lib.messages import AgentReply
from genesis_lib.rpc.execution import Execution
from genesis_lib.rpc.expiry import ExpiryTimer
from genesis_lib.rpc.fair_queue import FairQueue
from genesis_lib.rpc.places import Places

logger = logging.getLogger(__name__)

_LEAST_RETRY_SECONDS = 0.01
_MOST_RETRY_SECONDS = 10.0
_FIRST_GUESS_SECONDS = 0.1
_SMOOTHING = 1 / 16
_WAITING_LARGEST = 16  # messages of the largest size
_WAITING_BYTES = 16 * 2**20  # if that is more

Outcome = AgentReply | GenesisError | None


class Executor:
    """Executes requests. Callers whose requests wait have their turns one after the other, whoever sent how many.

    Args:
        agent_id: for what refusals say.
        handle: runs the handler of an execution, parts of its reply sent along the way, and returns the last one.
        finish: told once of every execution how it ended: its last reply, an error, or None when nobody waits for it.
        places: one for each execution that runs. It is told here what a free one is for.
        max_queue: executions that wait for their turn.
        max_message_bytes: largest request; those that wait have 16 times as much together, at least 16 MiB.
    """

    def __init__(
        self,
        agent_id: str,
        handle: Callable[[Execution], Awaitable[AgentReply]],
        finish: Callable[[Execution, Outcome], None],
        places: Places,
        *,
        max_queue: int,
        max_message_bytes: int,
    ) -> None:
        self._agent_id = agent_id
        self._handle = handle
        self._finish = finish
        self._places = places
        self._max_queue = max_queue
        self._max_waiting_bytes = max(_WAITING_LARGEST * max_message_bytes, _WAITING_BYTES)
        self._loop = asyncio.get_running_loop()
        self._expiry = ExpiryTimer(self._loop, self._sweep)
        self._admitted: dict[Execution, None] = {}
        self._queue: FairQueue[tuple[bytes, str], Execution] = FairQueue()
        self._usual_seconds = _FIRST_GUESS_SECONDS  # of one execution, the newest count most
        self._last_change = self._loop.time()
        self._ended: asyncio.Event | None = None
        places.on_free = self._start_waiting

    def submit(self, execution: Execution, now: float) -> Overloaded | None:
        """Run it, now or when its turn comes. The refusal when there is no room, not even at the cost of a caller that has
        more waiting. `now` is on the event loop's clock."""
        runs = self._places.take()
        if not runs and not self._make_room(execution):
            return self._overloaded()
        self._admitted[execution] = None
        if execution.deadline is not None:
            self._expiry.cover(execution.deadline)
        if runs:
            self._start(execution, now)
        else:
            self._queue.put(execution.client.caller.key, execution, execution.size)
        return None

    def abort(self, execution: Execution, reason: GenesisError | None) -> None:
        """Cancel it, whether it runs or waits. The reason is what its caller is told; None when nobody waits for it."""
        if execution.done or execution.aborted:
            return
        execution.aborted, execution.reason = True, reason
        if execution.task is not None:
            execution.task.cancel()
        if not execution.entered:
            self._end(execution, reason)

    async def drain(self, grace_seconds: float) -> None:
        """Wait for what is admitted, as long as the grace time lasts; then cancel the rest."""
        self._ended = asyncio.Event()
        try:
            async with asyncio.timeout(grace_seconds):
                while self._admitted:
                    self._ended.clear()
                    await self._ended.wait()
        except TimeoutError:
            tasks = [execution.task for execution in self._admitted if execution.task is not None]
            for execution in list(self._admitted):
                self.abort(
                    execution, RequestCancelled(f"agent {self._agent_id} is shutting down", target=self._agent_id)
                )
            await asyncio.wait(tasks, timeout=max(grace_seconds, 1.0)) if tasks else None
        self._expiry.cancel()

    def _make_room(self, newcomer: Execution) -> bool:
        """In the queue, if need be at the cost of a caller that has more there."""
        queue, owner, size = self._queue, newcomer.client.caller.key, newcomer.size
        while len(queue) >= self._max_queue or queue.size + size > self._max_waiting_bytes:
            many = len(queue) >= self._max_queue
            evicted = queue.who_gives_way_to(owner) if many else queue.who_makes_room_for(owner, size)
            if evicted is None:
                return False
            self.abort(evicted, self._overloaded())
        return True

    def _start(self, execution: Execution, now: float) -> None:
        self._last_change = now
        execution.task = self._loop.create_task(self._run(execution, now))

    def _start_waiting(self) -> None:
        while self._queue and self._places.take():
            self._start(self._queue.take(), self._loop.time())

    async def _run(self, execution: Execution, started: float) -> None:
        execution.entered = True
        call = CallContext(execution.request, execution.deadline, self._loop)
        current_call.set(call)
        ending = _Ending(self._agent_id)
        with ending:
            if execution.deadline is not None and execution.deadline <= self._loop.time():
                raise RequestTimeout(  # the timer may be as late
                    f"the deadline passed before agent {self._agent_id} came to it", target=self._agent_id
                )
            ending.outcome = await self._handle(execution)
        call.end()
        self._last_change = self._loop.time()
        self._usual_seconds += (self._last_change - started - self._usual_seconds) * _SMOOTHING
        self._end(execution, execution.reason if execution.aborted else ending.outcome)

    def _end(self, execution: Execution, outcome: Outcome) -> None:
        execution.done = True
        del self._admitted[execution]
        if execution.task is None:
            self._queue.remove(execution)
        else:
            self._places.give_back()
        self._finish(execution, outcome)
        if self._ended is not None:
            self._ended.set()

    def _overloaded(self) -> Overloaded:
        """Try again when what waits now will have had its turn; an agent that is stuck, when it has been so twice as long."""
        turns = len(self._queue) * self._usual_seconds / self._places.most
        stuck = self._loop.time() - self._last_change
        wait = min(max(turns, stuck, _LEAST_RETRY_SECONDS), _MOST_RETRY_SECONDS)
        return Overloaded(
            f"agent {self._agent_id} has {self._places.taken} requests running and {len(self._queue)} waiting"
            f" ({self._queue.size} bytes); try again in {wait:.2f} s",
            target=self._agent_id,
            retry_after_seconds=wait,
        )

    def _sweep(self, now: float) -> float | None:
        earliest: float | None = None
        for execution in list(self._admitted):
            deadline = execution.deadline
            if deadline is None or execution.aborted:
                continue
            if deadline <= now:
                message = f"the deadline passed before agent {self._agent_id} had an answer"
                self.abort(execution, RequestTimeout(message, target=self._agent_id))
            elif earliest is None or deadline < earliest:
                earliest = deadline
        return earliest


class _Ending:
    """What a handler returned, or what its caller is told of whatever it raised: the handler is the application's.

    Not by `except`, since not all of it is an Exception (a panic in an extension is none), and all of it has to give its
    place back.
    """

    __slots__ = ("_agent_id", "outcome")

    def __init__(self, agent_id: str) -> None:
        self._agent_id = agent_id
        self.outcome: Outcome = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        match error:
            case None | KeyboardInterrupt() | GeneratorExit():
                return False
            case asyncio.CancelledError():  # unless it was aborted, which has its own reason
                message = "the agent cancelled its own work on the request"
                self.outcome = RequestCancelled(message, target=self._agent_id)
            case GenesisError():
                self.outcome = error
            case _:
                logger.error("agent %s: the handler failed", self._agent_id, exc_info=error)
                self.outcome = RemoteAgentError(describe(error), target=self._agent_id)
        return True
