"""Answers written for the eye, made fit to be spoken."""

from __future__ import annotations

import re

_UNITS = {
    "°C": "degrees",
    "°F": "degrees Fahrenheit",
    "%": "percent",
    "mm": "millimetres",
    "m/s": "metres per second",
    "km/h": "kilometres per hour",
    "km": "kilometres",
    "€": "euros",
}
_UNIT = re.compile(rf"(\d)\s*({'|'.join(map(re.escape, _UNITS))})(?!\w)")
_FULL_HOUR = re.compile(r"\b0?(\d{1,2}):00\b")
_BRACKETS = re.compile(r"\s*(\([^()]*\)|\[[^\[\]]*\])")
_MARKUP = re.compile(r"[*_`#>|]+")


def speakable(text: str) -> str:
    """The text in one line, without Markdown's marks and what stands in brackets, its units in words."""
    text = _MARKUP.sub(" ", _BRACKETS.sub("", text))
    text = _FULL_HOUR.sub(r"\1 o'clock", text)
    text = _UNIT.sub(lambda found: f"{found[1]} {_UNITS[found[2]]}", text)
    return " ".join(text.split())
