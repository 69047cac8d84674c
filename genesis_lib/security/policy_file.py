"""Access policies as TOML files, and where in the file a mistake is."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from genesis_lib.errors import ConfigError
from genesis_lib.security.policy import AccessPolicy, AccessRule, PolicyError

_POLICY_KEYS = ("default", "rule")
_RULE_KEYS = ("effect", "callers", "targets", "functions", "capabilities")
_STATEMENT = re.compile(r"""\s*(\[|["'\w][^=,#]*=)""")
_LINE_OF_SYNTAX_ERROR = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class PolicyFileError(ConfigError):
    """A policy file cannot be used.

    Attributes:
        path: the file.
        line: where the mistake is, from 1; None when the file could not be read at all.
        reason: what is wrong.
    """

    def __init__(self, path: Path, line: int | None, reason: str) -> None:
        where = f"{path}" if line is None else f"{path}, line {line}"
        super().__init__(f"access policy {where}: {reason}")
        self.path = path
        self.line = line
        self.reason = reason


def load_policy(path: Path) -> AccessPolicy:
    """Read a policy file. Blocks while it reads.

    Raises:
        PolicyFileError: it cannot be read, or is no policy.
    """
    return parse_policy(read_content(path), path)


def read_content(path: Path) -> bytes:
    """What is in the file.

    Raises:
        PolicyFileError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise PolicyFileError(path, None, f"it cannot be read: {error.strerror}") from error


def parse_policy(content: bytes, path: Path) -> AccessPolicy:
    """The policy in the content of a file.

    Raises:
        PolicyFileError: it is none.
    """
    text = _decode(content, path)
    table = _parse(text, path)

    def refuse(reason: str, *where: str | int) -> PolicyFileError:
        return PolicyFileError(path, _line_of(text, where), reason)

    for key in _unknown(table, _POLICY_KEYS):
        raise refuse(_explain_unknown(key, _POLICY_KEYS), key)
    if "default" not in table:
        raise PolicyFileError(path, 1, 'default is missing: say what happens when no rule applies, "allow" or "deny"')
    entries = table.get("rule", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise refuse("each rule is a table of its own, with the heading [[rule]]", "rule")
    rules = []
    for index, entry in enumerate(entries):
        try:
            rules.append(_rule(entry))
        except PolicyError as error:
            raise refuse(str(error), "rule", index, *(key for key in entry if key == error.member)) from None
    try:
        return AccessPolicy(table["default"], rules)
    except PolicyError as error:
        raise refuse(str(error), error.member) from None


def _decode(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PolicyFileError(path, content.count(b"\n", 0, error.start) + 1, "this is not UTF-8 text") from None


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _LINE_OF_SYNTAX_ERROR.search(str(error))
        line = int(found[1]) if found and found[1] else text.rstrip("\n").count("\n") + 1
        raise PolicyFileError(path, line, _LINE_OF_SYNTAX_ERROR.sub("", str(error))) from None
    except RecursionError:
        raise PolicyFileError(path, 1, "it is nested too deeply") from None


def _rule(entry: dict[str, Any]) -> AccessRule:
    for key in _unknown(entry, _RULE_KEYS):
        raise PolicyError(key, _explain_unknown(key, _RULE_KEYS))
    if "effect" not in entry:
        raise PolicyError("effect", 'effect is missing: "allow" or "deny"')
    return AccessRule(**entry)


def _unknown(table: Mapping[str, Any], known: Iterable[str]) -> list[str]:
    return [key for key in table if key not in known]


def _explain_unknown(key: str, known: Iterable[str]) -> str:
    return f"unknown key {key!r}; known are {', '.join(known)}"


def _line_of(text: str, where: Sequence[str | int]) -> int:
    """The line of the statement that brings this key or element into being, found by parsing only what comes before."""
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if _STATEMENT.match(line)]

    def is_there(count: int) -> bool:
        for statements in range(count, 0, -1):
            end = starts[statements] if statements < len(starts) else len(lines)
            try:
                return _holds(tomllib.loads("\n".join([*lines[:end], ""])), where)
            except tomllib.TOMLDecodeError:
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
