"""Which cells are measured, for how long, and which stacks leave one out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

IN_FLIGHT = (1, 32, 256)
PAYLOAD_BYTES = (100, 10_000, 1_000_000)


class Cell(NamedTuple):
    """One load: requests in flight, and the size of each."""

    payload_bytes: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How often every stack gets its turn at every cell, and how long each turn takes."""

    rounds: int
    slice_seconds: float
    warm_up_seconds: float


FULL = Plan(rounds=5, slice_seconds=0.25, warm_up_seconds=0.05)
QUICK = Plan(rounds=2, slice_seconds=0.15, warm_up_seconds=0.05)

CELLS = tuple(Cell(payload, in_flight) for payload in PAYLOAD_BYTES for in_flight in IN_FLIGHT)

# A2A takes 3 ms and more for a request and 90 ms for 1 MB: beyond this a slice would last for many seconds.
A2A_MOST_BYTES_IN_FLIGHT = 1_000_000


def is_sane(stack: str, cell: Cell) -> bool:
    """Whether a slice of this cell ends in reasonable time on this stack."""
    return not stack.startswith("a2a") or cell.payload_bytes * cell.in_flight <= A2A_MOST_BYTES_IN_FLIGHT


def rotation(stacks: list[str], turn: int) -> list[str]:
    """The stacks in the order of this turn: each comes first equally often."""
    start = turn % len(stacks) if stacks else 0
    return stacks[start:] + stacks[:start]
