"""One WaitSet thread for a participant's statuses: matches, and peers that do not fit. Data has a shorter way, see
`cyclone_data_pipe`. The thread only waits: what there is to do is done on the event loop."""

from __future__ import annotations

import asyncio
import ctypes
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from cyclonedds.core import Entity, GuardCondition, WaitSet
from cyclonedds.domain import DomainParticipant
from cyclonedds.internal import dds_infinity

_BATCH = 256
_GUARD = 1


class WaitSetThread:
    """Calls an entity's handler on the event loop whenever one of its statuses is set.

    The thread wakes the loop once for all entities that triggered, and waits again only when the loop has handled them.
    """

    def __init__(self, participant: DomainParticipant) -> None:
        self._loop = asyncio.get_running_loop()
        self._waitset = WaitSet(participant)
        # An empty WaitSet returns at once instead of waiting, and something has to end the wait on close.
        self._guard = GuardCondition(participant)
        self._attach(self._guard, _GUARD)
        self._handlers: dict[int, Callable[[], None]] = {}
        self._next_key = _GUARD + 1
        self._resume = threading.Lock()  # taken by the thread, given back by the loop: cheaper than a semaphore
        self._resume.acquire()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="genesis-dds-waitset", daemon=True)
        self._thread.start()

    def attach(self, entity: Entity, handler: Callable[[], None]) -> int:
        """Watch the entity's enabled statuses. Returns the key to detach it with."""
        key = self._next_key
        self._next_key += 1
        self._handlers[key] = handler
        self._attach(entity, key)
        return key

    def detach(self, key: int) -> None:
        """Stop calling the handler; deleting the entity takes it off the WaitSet."""
        self._handlers.pop(key, None)

    def close(self) -> None:
        """End the thread. Blocks for as long as it takes to wake up: call it off the event loop."""
        self._closing = True
        self._guard.set(True)
        with suppress(RuntimeError):  # the thread was about to wait again already
            self._resume.release()
        self._thread.join()
        for entity in (self._guard, self._waitset):
            entity._delete(entity._ref)
            del Entity._entities[entity._ref]

    def _attach(self, entity: Entity, key: int) -> None:
        # The binding's own attach() forgets who fired: WaitSet.wait returns a number of entities only.
        self._waitset._waitset_attach(self._waitset._ref, entity._ref, ctypes.c_void_p(key))

    def _run(self) -> None:
        triggered = (ctypes.c_void_p * _BATCH)()
        while True:
            count = self._waitset._waitset_wait(self._waitset._ref, triggered, _BATCH, dds_infinity)
            if count < 0 or self._closing:
                return
            try:
                self._loop.call_soon_threadsafe(self._dispatch, triggered[: min(count, _BATCH)])
            except RuntimeError:  # the loop was closed without closing the participant
                return
            self._resume.acquire()

    def _dispatch(self, keys: Sequence[int | None]) -> None:
        try:
            for key in keys:
                handler = self._handlers.get(key) if key is not None else None
                if handler is not None:
                    handler()
        finally:
            if not self._closing:
                self._resume.release()
