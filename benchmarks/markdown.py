"""Tables in Markdown, and pages with a generated part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path


def head(cells: Sequence[str], right_from: int | None = None) -> Iterator[str]:
    """The head of a table; columns from `right_from` on are aligned to the right."""
    yield row(cells)
    yield row(["---:" if right_from is not None and column >= right_from else "---" for column in range(len(cells))])


def row(cells: Sequence[str]) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def put_between(page: Path, begin: str, end: str, lines: Sequence[str]) -> None:
    """Replace what stands between two marks in a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n" + "\n".join(lines) + f"\n{end}{after}", encoding="utf-8")
