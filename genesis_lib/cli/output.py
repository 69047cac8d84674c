"""Where things are written: answers to stdout, everything else to stderr."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import RenderableType

_NO_LIMIT = 100_000
_WIDE = 100


def write(text: str, *, newline: bool = True) -> None:
    """Write an answer. On a terminal, control characters that others sent are shown and not obeyed."""
    click.echo(visible(text) if sys.stdout.isatty() else text, nl=newline)
    sys.stdout.flush()


def write_json(value: Any) -> None:
    """Write a JSON value in one line."""
    click.echo(json.dumps(value, ensure_ascii=False, default=list))
    sys.stdout.flush()


def complain(message: str) -> None:
    """Say to a person what is wrong or worth knowing."""
    click.echo(f"genesis: {visible(message)}", err=True)


def visible(text: str) -> str:
    """The text with control characters other than line breaks and tabs written as escapes."""
    return "".join(
        char if char in "\n\t" or not _is_control(char) else char.encode("unicode_escape").decode() for char in text
    )


def _is_control(char: str) -> bool:
    code = ord(char)
    return code < 0x20 or 0x7F <= code < 0xA0 or 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069


def is_narrow() -> bool:
    """Stdout is a terminal with fewer columns than a table with whole ids takes."""
    return sys.stdout.isatty() and shutil.get_terminal_size().columns < _WIDE


def show(*parts: RenderableType) -> None:
    """Write tables and styled text to stdout: as wide as the terminal, elsewhere plain and as wide as it needs."""
    from rich.console import Console

    on_terminal = sys.stdout.isatty()
    console = Console(highlight=False, width=None if on_terminal else _NO_LIMIT)
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    lines = captured.get().splitlines()
    click.echo("\n".join(lines if on_terminal else (line.rstrip() for line in lines)), color=on_terminal)


def say(text: str, style: str = "", *, before: bool = False) -> None:
    """Write a line to stdout, indented and broken between words; `before` leaves a line blank before it."""
    from rich.padding import Padding
    from rich.text import Text

    show(Padding(Text(visible(text), style), (int(before), 0, 0, 2), expand=False))
    sys.stdout.flush()


class WrappedLine:
    """A line on stdout that grows word by word, indented and broken between words as `say` does."""

    def __init__(self) -> None:
        self._width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _NO_LIMIT
        self._column = 0

    def add(self, words: str) -> None:
        """Append; the text is not broken."""
        if self._column and self._column + len(words) > self._width:
            self.end()
        indent = "" if self._column else "  "
        write(indent + words, newline=False)
        self._column += len(indent + words)

    def end(self) -> None:
        """Go to the next line."""
        write("")
        self._column = 0
