"""One WaitSet thread for a participant. The thread only waits: the handlers of conditions run on the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import rti.connextdds as dds


class WaitSetThread:
    """Dispatches the conditions attached to it on the event loop.

    The thread wakes the loop once for all conditions that triggered, and waits again only when the loop has handled them.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waitset = dds.WaitSet()
        self._guard = dds.GuardCondition()
        self._waitset.attach_condition(self._guard)
        self._handled = threading.Semaphore(0)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="genesis-connext-waitset", daemon=True)
        self._thread.start()

    def attach(self, condition: dds.ICondition) -> None:
        """Call the condition's handler on the event loop whenever it triggers."""
        self._waitset.attach_condition(condition)

    def detach(self, condition: dds.ICondition) -> None:
        self._waitset.detach_condition(condition)

    def close(self) -> None:
        """End the thread. Blocks until it has woken up: call it off the event loop."""
        self._closing = True
        self._guard.trigger_value = True
        self._handled.release()
        self._thread.join()
        self._waitset.detach_all()

    def _run(self) -> None:
        while True:
            woken = self._waitset.wait()
            triggered = [woken[index] for index in range(len(woken))]
            if self._closing:
                return
            try:
                self._loop.call_soon_threadsafe(self._dispatch, triggered)
            except RuntimeError:  # the loop was closed without closing the participant
                return
            self._handled.acquire()

    def _dispatch(self, triggered: list[dds.Condition]) -> None:
        try:
            for condition in triggered:
                # An entity may have been closed while this call waited for its turn.
                with contextlib.suppress(dds.AlreadyClosedError):
                    condition.dispatch()
        finally:
            self._handled.release()
