"""Circuit breakers, one for each agent that failed lately: who does not answer is left alone for a while."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from genesis_lib.errors import AgentLost, AgentUnavailable, GenesisError, RequestTimeout
from genesis_lib.messages import AgentInfo

logger = logging.getLogger(__name__)

_FAILURES = (AgentUnavailable, AgentLost, RequestTimeout)
_REMEMBERED = 1024


class CircuitState(StrEnum):
    """State of the circuit to one agent.

    CLOSED: calls go through. OPEN: they are refused at once. HALF_OPEN: one goes through to see whether the agent answers
    again, the others are refused.
    """

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


OnCircuitChange = Callable[[AgentInfo, CircuitState], None]


@dataclass(slots=True)
class _Circuit:
    failures: int = 0
    state: CircuitState = CircuitState.CLOSED
    refuses_until: float = 0.0


class CircuitBreakers:
    """Counts failures in a row for each agent: no connection, an agent lost in mid-call, no answer in time. Any answer, an
    error included, sets the count back.

    Args:
        threshold: failures in a row that open a circuit.
        open_seconds: how long it stays open before one call may try.
        clock: seconds, as the event loop's `time`.
        on_change: told of each circuit that opens or closes.
    """

    def __init__(
        self, threshold: int, open_seconds: float, clock: Callable[[], float], on_change: OnCircuitChange
    ) -> None:
        self._threshold = threshold
        self._open_seconds = open_seconds
        self._clock = clock
        self._on_change = on_change
        self._circuits: dict[str, _Circuit] = {}
        self.refusing: set[str] = set()

    @property
    def states(self) -> dict[str, CircuitState]:
        """The state by agent id, of every agent that failed since it last answered."""
        return {agent_id: circuit.state for agent_id, circuit in self._circuits.items()}

    def admit(self, info: AgentInfo) -> None:
        """Ask before a call to an agent of which `refusing` knows.

        Raises:
            AgentUnavailable: its circuit is open. `retry_after_seconds` is when a call may try.
        """
        circuit = self._circuits[info.agent_id]
        now = self._clock()
        if now >= circuit.refuses_until:
            # One may try. Should it neither fail nor be answered, because its caller left, the next one may, later.
            circuit.state, circuit.refuses_until = CircuitState.HALF_OPEN, now + self._open_seconds
            return
        left = circuit.refuses_until - now
        raise AgentUnavailable(
            f"{info.name} ({info.agent_id}) failed {circuit.failures} times in a row; it is tried again in {left:.1f} s"
            " (circuit breaker), or as soon as it announces itself anew",
            target=info.agent_id,
            retry_after_seconds=left,
        )

    def failed(self, info: AgentInfo, error: GenesisError) -> None:
        """A call ended with this error. One that the agent itself answered with is no failure of the agent; one that was
        raised here, before there was a request or with too little time to connect, says nothing about it."""
        if not error.request_id:
            return
        if not isinstance(error, _FAILURES):
            self.answered(info)
            return
        circuit = self._circuits.setdefault(info.agent_id, _Circuit())
        circuit.failures += 1
        self._forget_oldest()
        if circuit.state is CircuitState.CLOSED and circuit.failures < self._threshold:
            return
        was, circuit.state = circuit.state, CircuitState.OPEN
        if was is not CircuitState.OPEN:
            circuit.refuses_until = self._clock() + self._open_seconds
            self.refusing.add(info.agent_id)
        if was is CircuitState.CLOSED:
            logger.warning("circuit to %s (%s) opened: %s", info.name, info.agent_id, error)
            self._on_change(info, CircuitState.OPEN)

    def answered(self, info: AgentInfo) -> None:
        """The agent answered, or announced itself anew."""
        circuit = self._circuits.pop(info.agent_id, None)
        if circuit is not None and circuit.state is not CircuitState.CLOSED:
            self.refusing.discard(info.agent_id)
            logger.info("circuit to %s (%s) closed", info.name, info.agent_id)
            self._on_change(info, CircuitState.CLOSED)

    def _forget_oldest(self) -> None:
        if len(self._circuits) > _REMEMBERED:
            forgotten = next(iter(self._circuits))
            del self._circuits[forgotten]
            self.refusing.discard(forgotten)
