"""Which endpoints of the called agent a Requester has matched."""

from __future__ import annotations

import logging
from collections.abc import Callable

from genesis_lib.dds.port import Match
from genesis_lib.log_limit import LimitedWarnings
from genesis_lib.messages import AgentInfo

logger = logging.getLogger(__name__)
_warnings = LimitedWarnings(logger)


class PeerMatches:
    """The readers of requests and the writers of replies of one agent, and of nobody else who uses its topics.

    Args:
        info: the agent.
        peer: the key of the participant that announced it; b"" for any, when it is not known.

    Attributes:
        request_readers: how many of its readers of requests are matched.
        reply_writers: handles of its writers of replies.
    """

    def __init__(self, info: AgentInfo, peer: bytes) -> None:
        self._info = info
        self._peer = peer
        self._refused_writers: set[int] = set()
        self.request_readers = 0
        self.reply_writers: set[int] = set()

    @property
    def complete(self) -> bool:
        """Matched in both directions."""
        return bool(self.request_readers and self.reply_writers)

    def on_request_reader(self, match: Match) -> None:
        """A reader of requests came or went."""
        if self._is_peer(match):
            self.request_readers += 1 if match.matched else -1

    def on_reply_writer(self, match: Match) -> None:
        """A writer of replies came or went."""
        if not match.matched:
            self.reply_writers.discard(match.handle)
            self._refused_writers.discard(match.handle)
        elif self._is_peer(match):
            self.reply_writers.add(match.handle)

    def accepts(self, publication: int, lookup: Callable[[int], Match | None]) -> bool:
        """Whether a reply from this writer, which is not matched yet, is the agent's: a sample may overtake the match."""
        match = lookup(publication)
        if match is not None and self._is_peer(match):
            return True
        if publication not in self._refused_writers:
            self._refused_writers.add(publication)
            _warnings.warn(
                self._info.agent_id,
                "refused replies in the name of %s (%s) from participant %s, which did not announce it",
                self._info.name,
                self._info.agent_id,
                match.participant.hex() if match is not None else "unknown",
            )
        return False

    def _is_peer(self, match: Match) -> bool:
        return not self._peer or match.participant == self._peer
