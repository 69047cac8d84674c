"""`python -m tests.resilience.document FILE`: put the rows that `pytest --reliability-json` wrote into docs/reliability.md."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.resilience.record import read_rows

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- figures: begin, written by tests.resilience.document -->", "<!-- figures: end -->"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.resilience.document", description=__doc__)
    parser.add_argument("rows", type=Path, help="what pytest --reliability-json wrote")
    rows = read_rows(parser.parse_args().rows)
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n" + "\n".join(table(rows)) + f"\n{END}{after}", encoding="utf-8")


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The rows as a Markdown table."""
    yield "| fault | trials | promised | measured | lost | duplicated |"
    yield "| --- | ---: | --- | --- | ---: | ---: |"
    for row in rows:
        cells = [row["fault"], f"{row['trials']:,}", row["promised"], row["measured"]]
        yield f"| {' | '.join([*cells, _count(row['lost']), _count(row['duplicated'])])} |"


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


if __name__ == "__main__":
    main()
