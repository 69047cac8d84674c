"""The documents: where they are, and the fenced blocks, links and headings in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"```(\S*) *(.*)")
_DIRECTIVE = re.compile(r"<!-- test: (.+?) -->")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"#+ +(.+)")


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is that of its fence, from 1. ` ```python file=a.py ` has the words {"file": "a.py"}."""

    page: Path
    line: int
    language: str
    words: dict[str, str]
    text: str

    def __str__(self) -> str:
        return f"{page_id(self.page)}:{self.line}"


def page_id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found: list[Block] = []
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), start=1))
    for number, line in lines:
        fence = _FENCE.fullmatch(line)
        if fence is None:
            continue
        words = {name: value for name, _, value in (word.partition("=") for word in shlex.split(fence[2]))}
        inside: list[str] = []
        for _, text in lines:
            if text == "```":
                break
            inside.append(text + "\n")
        found.append(Block(page, number, fence[1], words, "".join(inside)))
    return found


def directives(page: Path) -> list[list[str]]:
    """What a page wants around its examples: `<!-- test: model rain=WeatherExpert -->` is ["model", "rain=..."]."""
    return [shlex.split(match[1]) for match in _DIRECTIVE.finditer(page.read_text(encoding="utf-8"))]


def links(page: Path) -> Iterator[str]:
    """The targets of links and images outside of fenced blocks."""
    for match in _LINK.finditer("\n".join(_prose(page))):
        yield match[1]


def anchors(page: Path) -> set[str]:
    """The fragments that headings can be linked by, as GitHub makes them."""
    return {
        re.sub(r"[^\w\- ]", "", heading[1].lower()).strip().replace(" ", "-")
        for line in _prose(page)
        if (heading := _HEADING.fullmatch(line))
    } | set(re.findall(r'<a id="([^"]+)"></a>', page.read_text(encoding="utf-8")))


def _prose(page: Path) -> Iterator[str]:
    inside = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            inside = not inside
        elif not inside:
            yield line
