"""Which peers on a topic do not fit, told in the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from genesis_lib.dds.blocking import BlockingCalls
from genesis_lib.dds.compatibility import misfits
from genesis_lib.dds.port import Endpoint, TopicSpec

logger = logging.getLogger(__name__)

_REMEMBERED = 1024


class MisfitReports:
    """Names the peers of one reader or writer that do not fit, each once: what the middleware says of an incompatible peer
    does not tell which one it is.

    Args:
        find: the peers on the topic; it blocks.
        topic: what the reader or writer is on.
        lease_seconds: what liveliness is compared with.
        blocking: where `find` runs.
    """

    def __init__(
        self, find: Callable[[], Sequence[Endpoint]], topic: TopicSpec, lease_seconds: float, blocking: BlockingCalls
    ) -> None:
        self._find = find
        self._topic = topic
        self._lease_seconds = lease_seconds
        self._blocking = blocking
        self._reported: dict[tuple[bytes, bool, str], None] = {}
        self._looking: asyncio.Task[None] | None = None
        self._again = False

    def look(self) -> None:
        """There is a peer that does not fit. However many come at once, they are looked for one time after the other."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        else:
            self._again = True

    async def close(self) -> None:
        """Wait until nothing is looked for any more."""
        self._again = False
        if self._looking is not None:
            await asyncio.gather(self._looking, return_exceptions=True)

    async def _look(self) -> None:
        while True:
            self._again = False
            for peer in await self._blocking.run(self._find):
                self._report(peer)
            if not self._again:
                return

    def _report(self, peer: Endpoint) -> None:
        problems = "; ".join(map(str, misfits(peer, self._topic, self._lease_seconds)))
        key = (peer.participant, peer.is_writer, problems)
        if not problems or key in self._reported:
            return
        self._reported[key] = None
        if len(self._reported) > _REMEMBERED:
            del self._reported[next(iter(self._reported))]
        logger.warning(
            "refused: participant %s has a %s on topic %s that does not fit (%s)",
            peer.participant.hex(),
            "writer" if peer.is_writer else "reader",
            self._topic.name,
            problems,
        )
