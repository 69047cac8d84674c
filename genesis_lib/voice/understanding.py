"""Whether what was heard says what was awaited. Recognisers make mistakes: similar words count, and a few may be missing.

Digits among the words need the package `num2words`; without it these functions raise VoiceError.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from math import ceil

from genesis_lib.voice.words import comparable_words

REPEAT_WORDS = ("repeat", "again", "pardon")
_SIMILARITY = 0.8
_SHARE = 2 / 3


def understood(expected: Iterable[str], heard: str) -> bool:
    """Are two thirds of the expected words, rounded up, among those heard? Nothing expected is never understood."""
    wanted = comparable_words(" ".join(expected))
    there = comparable_words(heard)
    found = sum(bool(get_close_matches(word, there, 1, _SIMILARITY)) for word in wanted)
    return bool(wanted) and found >= ceil(len(wanted) * _SHARE)


def is_nothing_but(phrase: str, heard: str) -> bool:
    """Was this phrase heard, and hardly a word besides?"""
    return understood([phrase], heard) and len(comparable_words(heard)) <= len(comparable_words(phrase)) + 2


def asks_to_repeat(heard: str) -> bool:
    """Does this ask for something to be said again?"""
    return any(understood([word], heard) for word in REPEAT_WORDS)
