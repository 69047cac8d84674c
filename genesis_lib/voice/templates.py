"""Texts with {placeholders}."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def placeholders(template: str) -> set[str]:
    """The names of the placeholders in it."""
    return set(_PLACEHOLDER.findall(template))


def fill(template: str, values: Mapping[str, str]) -> str:
    """The text with those placeholders filled that there is a value for."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)


def fragments(template: str) -> list[str]:
    """The texts between its placeholders."""
    return [part.strip() for part in _PLACEHOLDER.sub("\n", template).split("\n") if re.search(r"\w", part)]
