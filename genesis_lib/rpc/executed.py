"""Which requests of one client were executed, so that a resend never runs a second time."""

from __future__ import annotations

from collections import deque

_REMEMBERED_PAYLOADS = 256
_LARGEST_PAYLOAD = 4096


class ExecutedRequests:
    """What one client has sent so far.

    A Requester writes its requests with rising numbers, over a reliable writer that keeps their order: a number that does
    not rise is a resend. The newest replies are kept for such, up to 256 payloads of up to 4 KiB each. A resend whose reply
    is not kept is not answered, but never run again.
    """

    def __init__(self) -> None:
        self._newest = -1
        self._replies: deque[tuple[int, bytes]] = deque(maxlen=_REMEMBERED_PAYLOADS)

    def admit(self, number: int) -> bool:
        """Is this number new? From here on it counts as executed."""
        if number <= self._newest:
            return False
        self._newest = number
        return True

    def keep(self, number: int, payload: bytes) -> None:
        """Keep a part of its reply for a resend."""
        if len(payload) <= _LARGEST_PAYLOAD:
            self._replies.append((number, payload))

    def replies(self, number: int) -> list[bytes]:
        """What was replied, as far as it is kept."""
        return [payload for kept, payload in self._replies if kept == number]

    def forget_replies(self) -> None:
        """Nobody takes them in any more."""
        self._replies.clear()
