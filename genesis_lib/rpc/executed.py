"""Which requests of one client were executed, so that a resend never runs a second time."""

from __future__ import annotations

from collections.abc import Sequence

_REMEMBERED = 512
_REPLY_BYTES = 1 << 20
_KEPT_PARTS = 16


class ExecutedRequests:
    """Bounded memory of request numbers and their replies.

    A client's numbers rise. One that is older than the memory counts as executed, so forgetting can only lose the replay
    of a reply, never run a request twice. Replies are kept up to 16 parts each and
    1 MiB for each client.
    """

    def __init__(self) -> None:
        self._replies: dict[int, tuple[bytes, ...]] = {}
        self._forgotten = -1
        self._bytes = 0

    def seen(self, number: int) -> bool:
        """Was a request with this number admitted before?"""
        return number <= self._forgotten or number in self._replies

    def add(self, number: int) -> None:
        """Remember that this request was admitted."""
        replies = self._replies
        replies[number] = ()
        if len(replies) > _REMEMBERED:
            oldest = next(iter(replies))
            for payload in replies.pop(oldest):
                self._bytes -= len(payload)
            if oldest > self._forgotten:
                self._forgotten = oldest

    def keep(self, number: int, payload: bytes) -> None:
        """Keep a part of its reply for a resend, as long as there is room."""
        parts = self._replies.get(number)
        if parts is not None and len(parts) < _KEPT_PARTS and self._bytes + len(payload) <= _REPLY_BYTES:
            self._replies[number] = (*parts, payload) if parts else (payload,)
            self._bytes += len(payload)

    def replies(self, number: int) -> Sequence[bytes]:
        """What was replied, as far as it is kept."""
        return self._replies.get(number, ())
