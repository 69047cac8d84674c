"""TOML files that people write, and where in such a file a mistake is."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from genesis_lib.errors import ConfigError

_STATEMENT = re.compile(r"""\s*(\[|("([^"\\]|\\.)*"|'[^']*'|[\w-])[^=,#]*=)""")
_LINE_OF_SYNTAX_ERROR = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class TomlFileError(ConfigError):
    """A TOML file cannot be used. Subclasses say in `kind` what the file is.

    Attributes:
        path: the file.
        line: where the mistake is, from 1; None when the file could not be read at all.
        reason: what is wrong.
    """

    kind: ClassVar = "file"

    def __init__(self, path: Path, line: int | None, reason: str) -> None:
        where = f"{path}" if line is None else f"{path}, line {line}"
        super().__init__(f"{self.kind} {where}: {reason}")
        self.path = path
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class TomlFile:
    """A file's content, parsed. Mistakes in what it says are raised as `error`."""

    path: Path
    text: str
    table: Mapping[str, Any]
    error: type[TomlFileError]

    def refusal(self, reason: str, *where: str | int) -> TomlFileError:
        """The error for a mistake in the member that these keys and positions lead to; none lead to the first line."""
        return self.error(self.path, _line_of(self.text, where) if where else 1, reason)


def read_content(path: Path, error: type[TomlFileError]) -> bytes:
    """What is in the file. Blocks while it reads.

    Raises:
        TomlFileError: it cannot be read; of the given class.
    """
    try:
        return path.read_bytes()
    except OSError as failure:
        raise error(path, None, f"it cannot be read: {failure.strerror}") from failure


def parse_toml(content: bytes, path: Path, error: type[TomlFileError]) -> TomlFile:
    """The content of a file as TOML.

    Raises:
        TomlFileError: it is none; of the given class.
    """
    text = _decode(content, path, error)
    try:
        return TomlFile(path, text, tomllib.loads(text), error)
    except ValueError as failure:  # TOMLDecodeError, or a number with too many digits
        found = _LINE_OF_SYNTAX_ERROR.search(str(failure))
        line = int(found[1]) if found and found[1] else text.rstrip("\n").count("\n") + 1
        raise error(path, line, _LINE_OF_SYNTAX_ERROR.sub("", str(failure))) from None
    except RecursionError:
        raise error(path, 1, "it is nested too deeply") from None


def unknown_keys(table: Mapping[str, Any], known: Iterable[str]) -> list[str]:
    """The keys that are none of the known ones."""
    return [key for key in table if key not in known]


def explain_unknown(key: str, known: Iterable[str]) -> str:
    """What to say of such a key."""
    return f"unknown key {key!r}; known are {', '.join(known)}"


def _decode(content: bytes, path: Path, error: type[TomlFileError]) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as failure:
        raise error(path, content.count(b"\n", 0, failure.start) + 1, "this is not UTF-8 text") from None


def _line_of(text: str, where: Sequence[str | int]) -> int:
    """The line of the statement that brings this key or element into being, found by parsing only what comes before."""
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if _STATEMENT.match(line)]

    def is_there(count: int) -> bool:
        for statements in range(count, 0, -1):
            end = starts[statements] if statements < len(starts) else len(lines)
            try:
                return _holds(tomllib.loads("\n".join([*lines[:end], ""])), where)
            except ValueError:
                continue  # it ends within a value of several lines
        return False

    return starts[bisect_left(range(1, len(starts)), True, key=is_there)] + 1


def _holds(table: Any, where: Iterable[str | int]) -> bool:
    for step in where:
        try:
            table = table[step]
        except (KeyError, IndexError):
            return False
    return True
