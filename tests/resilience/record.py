"""What the fault suite measured, a row for each fault, from the tests to the table in docs/reliability.md.

A test takes the fixture `record` and, once it has its figures, calls it:

    record(
        "The agent is killed in mid-call",
        trials=30,
        promised="AgentLost within 1.5 leases",
        measured=spread(seconds),
        lost=0,
        duplicated=0,
    )

`pytest --long --reliability-json FILE` writes the rows of the tests that passed. Rows of other faults that the file has
already stay, so that a long run may be made in parts. `python -m tests.resilience.document FILE` makes the table.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import pytest

_PROPERTY = "reliability"


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one fault. `lost` and `duplicated` count calls: without an answer or a typed error by their deadline,
    and executed more than once; None where the fault has no calls to count."""

    fault: str
    trials: int
    promised: str
    measured: str
    lost: int | None
    duplicated: int | None


class Record(Protocol):
    """Notes a row; see the module."""

    def __call__(
        self,
        fault: str,
        *,
        trials: int,
        promised: str,
        measured: str,
        lost: int | None = None,
        duplicated: int | None = None,
    ) -> None: ...


def recorder(item: pytest.Item) -> Record:
    """A Record whose rows travel with the test's report, between the processes of pytest-xdist too."""

    def record(
        fault: str,
        *,
        trials: int,
        promised: str,
        measured: str,
        lost: int | None = None,
        duplicated: int | None = None,
    ) -> None:
        row = Row(fault, trials, promised, measured, lost, duplicated)
        item.user_properties.append((_PROPERTY, asdict(row)))

    return record


class RecordFile:
    """The pytest plugin that writes the rows of a session."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write the rows of a test that passed, at once: a long run may be broken off."""
        if report.when == "call" and report.passed:
            rows = [row for name, row in report.user_properties if name == _PROPERTY and isinstance(row, dict)]
            if rows:
                self._write([{"test": report.nodeid, **row} for row in rows])

    def _write(self, rows: Sequence[dict[str, object]]) -> None:
        known = {str(row["fault"]): row for row in read_rows(self._path)} if self._path.exists() else {}
        known.update({str(row["fault"]): row for row in rows})
        ordered = sorted(known.values(), key=lambda row: str(row["test"]))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")


def read_rows(path: Path) -> list[dict[str, object]]:
    """The rows of a file."""
    rows: list[dict[str, object]] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def spread(seconds: Sequence[float]) -> str:
    """Durations in words: median and worst."""
    ordered = sorted(seconds)
    return f"{duration(ordered[len(ordered) // 2])}, worst {duration(ordered[-1])}"


def duration(seconds: float) -> str:
    """A duration in words."""
    if seconds < 0.01:
        return f"{seconds * 1e6:,.0f} us"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(len(ordered) * percent / 100))]
