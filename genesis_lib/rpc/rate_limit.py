"""So many requests a second: a token bucket for each caller, and one for the agent as a whole."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from genesis_lib.errors import DecodeError, RateLimited
from genesis_lib.messages import AgentRequest, RequestKind
from genesis_lib.rpc.caller_identity import CallerIdentity
from genesis_lib.rpc.guards import Guard
from genesis_lib.rpc.wire import load_json

_BATCH = RequestKind.BATCH
_FEW_BUCKETS = 64
_LONGEST_RETRY_SECONDS = 86400.0
_ROUNDING = 1e-6  # of a token

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """`per_second` requests a second on average, `burst` of them at once after a pause."""

    per_second: float
    burst: int

    @classmethod
    def of(cls, per_second: float | None, burst: int | None) -> RateLimit | None:
        """The limit that two settings make: None without a rate; a second's worth may come at once by default."""
        return None if per_second is None else cls(per_second, burst or math.ceil(per_second))


class TokenBucket:
    """Starts full. A request takes a token, tokens come back with time."""

    __slots__ = ("_limit", "_tokens", "_updated")

    def __init__(self, limit: RateLimit, now: float) -> None:
        self._limit = limit
        self._tokens = float(limit.burst)
        self._updated = now

    def seconds_until(self, requests: int, now: float) -> float:
        """How long until so many requests can be taken, 0.0 for now. More than the burst need a full bucket."""
        self._refill(now)
        missing = min(requests, self._limit.burst) - self._tokens
        return missing / self._limit.per_second if missing > _ROUNDING else 0.0

    def take(self, requests: int) -> None:
        """Take their tokens; more than there are leave a debt."""
        self._tokens -= requests

    def is_full(self, now: float) -> bool:
        """It is as a new one would be."""
        self._refill(now)
        return self._tokens >= self._limit.burst

    def _refill(self, now: float) -> None:
        self._tokens = min(self._limit.burst, self._tokens + (now - self._updated) * self._limit.per_second)
        self._updated = now


class CallerBuckets:
    """A bucket for each caller that has lately sent something. Those that are full again are forgotten."""

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._buckets: dict[tuple[bytes, str], TokenBucket] = {}
        self._tidy_at = _FEW_BUCKETS

    def __len__(self) -> int:
        return len(self._buckets)

    def bucket_of(self, caller: CallerIdentity, now: float) -> TokenBucket:
        """The caller's bucket."""
        bucket = self._buckets.get(caller.key)
        if bucket is None:
            if len(self._buckets) >= self._tidy_at:
                self._buckets = {key: used for key, used in self._buckets.items() if not used.is_full(now)}
                self._tidy_at = max(_FEW_BUCKETS, 2 * len(self._buckets))
            bucket = self._buckets[caller.key] = TokenBucket(self._limit, now)
        return bucket


def rate_guard(
    agent_id: str, per_caller: RateLimit | None, overall: RateLimit | None, clock: Clock = time.monotonic
) -> Guard:
    """Refuse what comes faster than a caller may send, or than the agent takes from all of them together.

    A batch counts as many requests as it has items. What is refused takes no token.

    Args:
        agent_id: for what refusals say.
        per_caller: for each caller, as `CallerIdentity` tells them apart.
        overall: for all callers together.
        clock: tells the time in seconds.
    """
    buckets = CallerBuckets(per_caller) if per_caller is not None else None
    all_callers = TokenBucket(overall, clock()) if overall is not None else None

    def check(request: AgentRequest, caller: CallerIdentity) -> RateLimited | None:
        now = clock()
        own = buckets.bucket_of(caller, now) if buckets is not None else None

        def refusal(requests: int) -> RateLimited | None:
            own_wait = own.seconds_until(requests, now) if own is not None else 0.0
            wait = all_callers.seconds_until(requests, now) if all_callers is not None else 0.0
            if per_caller is not None and 0.0 < own_wait >= wait:
                return _refusal(agent_id, caller, "each caller", "rate_limit_per_caller", per_caller, own_wait)
            if overall is not None and wait > 0.0:
                return _refusal(agent_id, caller, "all callers together", "rate_limit", overall, wait)
            return None

        error, requests = refusal(1), 1
        if error is None and request.kind is _BATCH:  # what is refused anyway is not worth parsing
            requests = _items_in(request)
            error = refusal(requests)
        if error is None:
            for bucket in (own, all_callers):
                if bucket is not None:
                    bucket.take(requests)
        return error

    return check


def _items_in(batch: AgentRequest) -> int:
    try:
        items = load_json(batch.message, "a batch's message")
    except DecodeError:
        return 1  # the handler says what is wrong with it
    return max(1, len(items)) if isinstance(items, list) else 1


def _refusal(
    agent_id: str, caller: CallerIdentity, whose: str, setting: str, limit: RateLimit, wait: float
) -> RateLimited:
    wait = min(wait, _LONGEST_RETRY_SECONDS)
    return RateLimited(
        f"agent {agent_id} takes {limit.per_second:g} requests a second from {whose}, {limit.burst} at once"
        f" (setting {setting}); try again in {wait:.2f} s, caller {caller.name}",
        target=agent_id,
        retry_after_seconds=wait,
    )
