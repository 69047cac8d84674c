"""Warnings that others can cause as often as they like, kept from flooding the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable
from dataclasses import dataclass

_AT_ONCE = 20
_PER_SECOND = 1.0
_REMEMBERED = 1024


@dataclass(slots=True)
class _Source:
    tokens: float
    updated: float
    held_back: int = 0


class LimitedWarnings:
    """Writes warnings to a logger: of each source twenty at once, then one a second, with the number of those left out."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._sources: dict[Hashable, _Source] = {}

    def warn(self, source: Hashable, message: str, *args: object, cause: BaseException | None = None) -> None:
        """Log the message, %-formatted, and the traceback of its cause, unless its source has had its share."""
        now = time.monotonic()
        seen = self._sources.pop(source, None) or _Source(_AT_ONCE, now)
        self._sources[source] = seen  # the latest are last
        if len(self._sources) > _REMEMBERED:
            del self._sources[next(iter(self._sources))]
        seen.tokens = min(_AT_ONCE, seen.tokens + (now - seen.updated) * _PER_SECOND)
        seen.updated = now
        if seen.tokens < 1:
            seen.held_back += 1
            return
        seen.tokens -= 1
        more = f" ({seen.held_back} like it were not logged)" if seen.held_back else ""
        seen.held_back = 0
        self._logger.warning(message + more, *args, exc_info=cause)
