"""Keeps a caller whose every request is refused from flooding the log and the monitoring topic, too."""

from __future__ import annotations

from dataclasses import dataclass

_INTERVAL_SECONDS = 1.0
_REMEMBERED = 1024


@dataclass(slots=True)
class _Reported:
    at: float
    suppressed: int = 0


class RefusalLimiter:
    """Lets one refusal a second through for each caller and kind of error."""

    def __init__(self) -> None:
        self._reported: dict[tuple[str, str], _Reported] = {}

    def report(self, caller: str, kind: str, now: float) -> int | None:
        """How many were held back since the last report, or None when this one is to be held back. `now` is in seconds."""
        key = (caller, kind)
        reported = self._reported.get(key)
        if reported is not None and now - reported.at < _INTERVAL_SECONDS:
            reported.suppressed += 1
            return None
        self._reported.pop(key, None)
        self._reported[key] = _Reported(now)
        if len(self._reported) > _REMEMBERED:
            del self._reported[next(iter(self._reported))]
        return reported.suppressed if reported is not None else 0
