"""What a Replier remembers of a connection when DDS takes it for gone.

Where only one direction of a network fails, or both fail for about as long as the lease, the Replier's side loses the caller
while the caller's side goes on as if nothing had happened: its writer then sends again what was not acknowledged, long since
executed or not.
"""

from __future__ import annotations

from collections import OrderedDict

from genesis_lib.rpc.executed import ExecutedRequests
from genesis_lib.rpc.transit import TransitTime

_REMEMBERED_CONNECTIONS = 4096


class ConnectionMemory:
    """What was executed for one Requester, and how long its requests travel."""

    def __init__(self) -> None:
        self.executed = ExecutedRequests()
        self.transit = TransitTime()


class ConnectionMemories:
    """One for each Requester, of the newest 4096."""

    def __init__(self) -> None:
        self._memories: OrderedDict[tuple[bytes, bytes], ConnectionMemory] = OrderedDict()

    def of(self, participant: bytes, inbox: bytes) -> ConnectionMemory:
        """The memory of the Requester with this inbox in this participant."""
        key = participant, inbox
        memory = self._memories.setdefault(key, ConnectionMemory())
        self._memories.move_to_end(key)
        if len(self._memories) > _REMEMBERED_CONNECTIONS:
            self._memories.popitem(last=False)
        return memory
