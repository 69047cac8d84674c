"""The plot: p50 with one request in flight, and requests/s with 32 and 256, for each payload."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.plan import PAYLOAD_BYTES, Cell
from benchmarks.report import microseconds, size
from benchmarks.results import Quantity, Results

ROWS: tuple[tuple[Quantity, int, str], ...] = (
    ("p50_us", 1, "p50, 1 in flight (shorter is better)"),
    ("requests_per_second", 32, "requests/s, 32 in flight (longer is better)"),
    ("requests_per_second", 256, "requests/s, 256 in flight (longer is better)"),
)
OURS, FLOOR, OTHERS = "#1f6fb4", "#8a8a8a", "#c9a66b"


def draw(results: Results, path: Path) -> None:
    """Write the plot; the file's ending picks the format (png, svg, pdf)."""
    mpl.use("agg")
    figure = Figure(figsize=(15, 10), layout="constrained")
    grid = figure.subplots(len(ROWS), len(PAYLOAD_BYTES), squeeze=False)
    for (quantity, in_flight, title), axes_row in zip(ROWS, grid, strict=True):
        for payload_bytes, axes in zip(PAYLOAD_BYTES, axes_row, strict=True):
            axes.set_title(f"{size(payload_bytes)}: {title}", fontsize=9)
            _bars(axes, results, quantity, Cell(payload_bytes, in_flight))
    figure.suptitle("Echo between two processes on loopback")
    figure.savefig(path, dpi=120)


def _bars(axes: Axes, results: Results, quantity: Quantity, cell: Cell) -> None:
    measured = {
        stack: getattr(found, quantity) for stack in reversed(results.stacks) if (found := results.figures(stack, cell))
    }
    bars = axes.barh(list(measured), list(measured.values()), color=[_colour(stack) for stack in measured])
    labels = [microseconds(value) if quantity == "p50_us" else f"{value:,.0f}" for value in measured.values()]
    axes.bar_label(bars, labels=labels, padding=3, fontsize=8)
    axes.margins(x=0.2)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.xaxis.set_visible(False)
    axes.tick_params(labelsize=8)


def _colour(stack: str) -> str:
    if stack.startswith("genesis"):
        return OURS
    return FLOOR if stack == "floor" else OTHERS
