"""What was measured, and the ratios drawn from it."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from benchmarks.load import Outcome
from benchmarks.plan import Cell

Quantity = Literal["p50_us", "requests_per_second"]


@dataclass(frozen=True, slots=True)
class Figures:
    """Latencies in microseconds and the rate, of one slice or of all slices of a cell."""

    requests: int
    p50_us: float
    p99_us: float
    requests_per_second: float


def figures(outcomes: list[Outcome]) -> Figures:
    """The figures of these slices taken together."""
    latencies = sorted(latency for outcome in outcomes for latency in outcome.latencies_ns)
    elapsed = sum(outcome.elapsed_seconds for outcome in outcomes)
    return Figures(
        len(latencies),
        _quantile(latencies, 0.50) / 1000,
        _quantile(latencies, 0.99) / 1000,
        len(latencies) / elapsed,
    )


def _quantile(ordered: list[int], fraction: float) -> int:
    return ordered[min(len(ordered) - 1, int(len(ordered) * fraction))]


@dataclass(slots=True)
class Results:
    """Slices by stack and cell, and why something is missing. `skipped` is by stack, `failed` by stack and cell."""

    stacks: list[str]
    slices: defaultdict[tuple[str, Cell], list[Outcome]] = field(default_factory=lambda: defaultdict(list))
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[tuple[str, Cell], str] = field(default_factory=dict)

    def figures(self, stack: str, cell: Cell) -> Figures | None:
        """All slices of the cell together; None when it was not measured or failed in any round."""
        outcomes = self.slices.get((stack, cell))
        return figures(outcomes) if outcomes and (stack, cell) not in self.failed else None

    def rounds(self, stack: str, cell: Cell) -> list[Figures]:
        """The figures of each slice."""
        return [figures([outcome]) for outcome in self.slices.get((stack, cell), [])]


@dataclass(frozen=True, slots=True)
class Ratio:
    """One stack's figure over another's at one cell, and what the library has to reach."""

    quantity: Quantity
    numerator: str
    denominator: str
    cell: Cell
    at_most: float | None = None
    at_least: float | None = None

    @property
    def title(self) -> str:
        what = {"p50_us": "p50", "requests_per_second": "requests/s"}[self.quantity]
        return f"{what}, {self.numerator} / {self.denominator}, {self.cell.in_flight} in flight"

    @property
    def goal(self) -> str:
        return f"at most {self.at_most:g}" if self.at_most is not None else f"at least {self.at_least:g}"

    def reached(self, value: float) -> bool:
        """Whether the value meets the goal."""
        return (self.at_most is None or value <= self.at_most) and (self.at_least is None or value >= self.at_least)


@dataclass(frozen=True, slots=True)
class RatioResult:
    """The median of the ratios of the rounds, each between slices that ran next to one another, and their range."""

    ratio: Ratio
    median: float
    lowest: float
    highest: float

    def as_json(self) -> dict[str, Any]:
        return {
            "title": self.ratio.title,
            "goal": self.ratio.goal,
            "reached": self.ratio.reached(self.median),
            "median": self.median,
            "lowest": self.lowest,
            "highest": self.highest,
        }


def _ratios_for(genesis: str) -> Iterator[Ratio]:
    one, many = Cell(100, 1), Cell(100, 32)
    yield Ratio("p50_us", genesis, "floor", one, at_most=1.6)
    yield Ratio("requests_per_second", genesis, "nats", many, at_least=1.0)
    yield Ratio("requests_per_second", genesis, "grpc", many, at_least=5.0)
    yield Ratio("p50_us", "a2a", genesis, one, at_least=10.0)
    yield Ratio("p50_us", "a2a_streaming", genesis, one, at_least=10.0)


RATIOS = (
    *_ratios_for("genesis"),
    Ratio("p50_us", "a2a_asyncio", "genesis", Cell(100, 1), at_least=10.0),
    *_ratios_for("genesis_uvloop"),
)


def ratio_results(results: Results) -> list[RatioResult]:
    """Every ratio both of whose stacks were measured."""
    found = []
    for ratio in RATIOS:
        above = results.rounds(ratio.numerator, ratio.cell)
        below = results.rounds(ratio.denominator, ratio.cell)
        values = [
            getattr(one, ratio.quantity) / getattr(other, ratio.quantity)
            for one, other in zip(above, below, strict=False)
        ]
        if values:
            found.append(RatioResult(ratio, statistics.median(values), min(values), max(values)))
    return found
