"""Access policies as TOML files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from genesis_lib import toml_file
from genesis_lib.security.policy import AccessPolicy, AccessRule, PolicyError
from genesis_lib.toml_file import TomlFileError, explain_unknown, parse_toml, unknown_keys

_POLICY_KEYS = ("default", "rule")
_RULE_KEYS = ("effect", "callers", "targets", "functions", "capabilities")


class PolicyFileError(TomlFileError):
    """A policy file cannot be used.

    Attributes:
        path: the file.
        line: where the mistake is, from 1; None when the file could not be read at all.
        reason: what is wrong.
    """

    kind: ClassVar = "access policy"


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
    return toml_file.read_content(path, PolicyFileError)


def parse_policy(content: bytes, path: Path) -> AccessPolicy:
    """The policy in the content of a file.

    Raises:
        PolicyFileError: it is none.
    """
    file = parse_toml(content, path, PolicyFileError)
    table = file.table
    for key in unknown_keys(table, _POLICY_KEYS):
        raise file.refusal(explain_unknown(key, _POLICY_KEYS), key)
    if "default" not in table:
        raise file.refusal('default is missing: say what happens when no rule applies, "allow" or "deny"')
    entries = table.get("rule", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise file.refusal("each rule is a table of its own, with the heading [[rule]]", "rule")
    rules = []
    for index, entry in enumerate(entries):
        try:
            rules.append(_rule(entry))
        except PolicyError as error:
            raise file.refusal(str(error), "rule", index, *(key for key in entry if key == error.member)) from None
    try:
        return AccessPolicy(table["default"], rules)
    except PolicyError as error:
        raise file.refusal(str(error), error.member) from None


def _rule(entry: dict[str, Any]) -> AccessRule:
    for key in unknown_keys(entry, _RULE_KEYS):
        raise PolicyError(key, explain_unknown(key, _RULE_KEYS))
    if "effect" not in entry:
        raise PolicyError("effect", 'effect is missing: "allow" or "deny"')
    return AccessRule(**entry)
