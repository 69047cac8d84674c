"""Which failed requests are sent again, and when."""

from __future__ import annotations

import random
from dataclasses import dataclass

from genesis_lib.errors import AgentLost, AgentUnavailable, GenesisError, Overloaded, RateLimited

_NEVER_RAN = (AgentUnavailable, Overloaded, RateLimited)
_HINT_JITTER = 0.2


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Retries with exponential backoff and full jitter
    (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).

    Attributes:
        attempts: how often a request is sent at most, the first time included.
        backoff_seconds: longest wait before the second attempt; doubles with each one after.
        max_backoff_seconds: longest wait between two attempts, unless the other side asked for a longer one.
    """

    attempts: int
    backoff_seconds: float
    max_backoff_seconds: float

    def may_repeat(self, error: GenesisError, *, idempotent: bool) -> bool:
        """Can the request be sent again after this? Only where it cannot have run, or where running twice does no harm."""
        return isinstance(error, _NEVER_RAN) or (idempotent and isinstance(error, AgentLost))

    def delay_seconds(self, attempt: int, hint_seconds: float | None) -> float:
        """How long to wait after the given attempt, the first being 1. Never shorter than the other side's hint."""
        backoff = random.uniform(0, min(self.backoff_seconds * 2.0 ** (attempt - 1), self.max_backoff_seconds))
        if hint_seconds is None:
            return backoff
        # Those who were refused together shall not come back together.
        return max(backoff, hint_seconds * random.uniform(1, 1 + _HINT_JITTER))
