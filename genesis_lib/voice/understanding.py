"""Whether what was heard says what was awaited. Recognisers make mistakes: similar words count, and a few may be missing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from math import ceil

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_SIMILARITY = 0.8
_SHARE = 2 / 3
REPEAT_WORDS = ("repeat", "again", "pardon")


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return _WORD.findall(text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))


def understood(expected: Iterable[str], heard: str) -> bool:
    """Are two thirds of the expected words, rounded up, among those heard? Nothing expected is never understood."""
    wanted = [word for phrase in expected for word in words_of(phrase)]
    there = words_of(heard)
    found = sum(bool(get_close_matches(word, there, 1, _SIMILARITY)) for word in wanted)
    return bool(wanted) and found >= ceil(len(wanted) * _SHARE)


def is_nothing_but(phrase: str, heard: str) -> bool:
    """Was this phrase heard, and hardly a word besides?"""
    return understood([phrase], heard) and len(words_of(heard)) <= len(words_of(phrase)) + 2


def asks_to_repeat(heard: str) -> bool:
    """Does this ask for something to be said again?"""
    return any(understood([word], heard) for word in REPEAT_WORDS)
