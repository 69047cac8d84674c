"""Words as they are spoken, and how many of them were misheard."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from genesis_lib.voice.speech.libraries import load

_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
}
_SYMBOLS = {"%": "percent", "&": "and", "@": "at", "+": "plus", "°": "degrees"}
_SAME_WORD = {"ok": "okay", "mr": "mister", "mrs": "missus", "pm": "p m"}
_CONTRACTIONS = {"can't": "can not", "cannot": "can not", "won't": "will not", "shan't": "shall not", "let's": "let us"}
_ENDINGS = {"n't": " not", "'re": " are", "'ve": " have", "'ll": " will", "'m": " am", "'d": " would"}
_BEFORE_IS = ("it", "that", "he", "she", "what", "who", "where", "when", "there", "here", "how")

_NUMBER = re.compile(
    r"""(?P<currency>[$€£])\s?(?P<units>\d{1,3}(?:,\d{3}){1,3}|\d{1,9})(?:\.(?P<cents>\d\d))?(?![\d,.]*\d)
    | (?P<hour>\d{1,2}):(?P<minute>\d\d)(?!\d)(?P<half>\s?[ap]\.?m\b)?
    | (?P<ordinal>\d{1,6})(?:st|nd|rd|th)\b
    | (?P<grouped>\d{1,3}(?:,\d{3}){1,3})(?![\d,]*\d)
    | (?P<whole>\d{1,6})\.(?P<fraction>\d{1,9})(?![\d.]*\d)
    | (?P<digits>\d+)
    | (?P<symbol>[%&@+°])""",
    re.VERBOSE | re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class WordEdit:
    """One difference: `spoken` is "" for an insertion, `heard` is "" for a deletion."""

    kind: Literal["substitution", "deletion", "insertion"]
    spoken: str
    heard: str


@dataclass(frozen=True, slots=True)
class WordErrors:
    """How what was heard differs from what was spoken. Those of several utterances add up with `+`."""

    spoken_words: int = 0
    edits: tuple[WordEdit, ...] = ()

    @property
    def rate(self) -> float:
        """The word error rate: (substitutions + deletions + insertions) / spoken words, with at least 1 below the line.
        Over 1 when more was heard than spoken."""
        return len(self.edits) / max(1, self.spoken_words)

    def __add__(self, other: WordErrors) -> WordErrors:
        return WordErrors(self.spoken_words + other.spoken_words, self.edits + other.edits)


def spell_out(text: str) -> str:
    """The text with numbers, amounts, times, ordinals and symbols as English words; all else is left as it is.

    Numbers of four and more digits without commas are read as years from 1900 to 2099, as numbers when they are round, digit
    by digit otherwise.

    Raises:
        VoiceError: the package `num2words` is missing.
    """
    text = unicodedata.normalize("NFKC", text)
    return _NUMBER.sub(lambda found: _apart(_number_words(found), found), text)


def spoken_words(text: str) -> list[str]:
    """The words of a text as they are pronounced: lower case, no digits, no punctuation but the apostrophe in "don't".

    Raises:
        VoiceError: the package `num2words` is missing.
    """
    return _WORD.findall(spell_out(text).replace("\u2019", "'").lower())


def comparable_words(text: str) -> list[str]:
    """The spoken words with contractions written out ("I'm": "i am") and some spellings made one ("ok": "okay").

    Raises:
        VoiceError: the package `num2words` is missing.
    """
    return " ".join(_written_out(word) for word in spoken_words(text)).split()


def word_errors(spoken: str, heard: str) -> WordErrors:
    """Compare what was spoken with what was heard, as comparable words, by the fewest edits (Levenshtein).

    Raises:
        VoiceError: the packages `num2words` or `rapidfuzz` are missing.
    """
    return _edits(comparable_words(spoken), comparable_words(heard))


def _edits(spoken: Sequence[str], heard: Sequence[str]) -> WordErrors:
    levenshtein = load("rapidfuzz.distance", "voice").Levenshtein
    edits = []
    for operation in levenshtein.editops(spoken, heard):
        match operation.tag:
            case "replace":
                edits.append(WordEdit("substitution", spoken[operation.src_pos], heard[operation.dest_pos]))
            case "delete":
                edits.append(WordEdit("deletion", spoken[operation.src_pos], ""))
            case _:
                edits.append(WordEdit("insertion", "", heard[operation.dest_pos]))
    return WordErrors(len(spoken), tuple(edits))


def _apart(words: str, found: re.Match[str]) -> str:
    """Keep what was one token with letters beside it, as in A4711, from becoming one word."""
    before = found.string[found.start() - 1 : found.start()] if found.start() else ""
    after = found.string[found.end() : found.end() + 1]
    return " " * before.isalnum() + words + " " * after.isalnum()


def _number_words(found: re.Match[str]) -> str:
    part = found.groupdict()
    if part["currency"]:
        return _amount(part["currency"], int(part["units"].replace(",", "")), int(part["cents"] or 0))
    if part["hour"]:
        return _time(int(part["hour"]), int(part["minute"]), part["half"] or "")
    if part["ordinal"]:
        return _cardinal(int(part["ordinal"]), to="ordinal")
    if part["grouped"]:
        return _cardinal(int(part["grouped"].replace(",", "")))
    if part["whole"]:
        return f"{_cardinal(int(part['whole']))} point {_digit_by_digit(part['fraction'])}"
    if part["symbol"]:
        return f" {_SYMBOLS[part['symbol']]} "
    return _digits(part["digits"])


def _amount(currency: str, units: int, cents: int) -> str:
    unit, unit_plural, cent, cent_plural = _CURRENCIES[currency]
    words = f"{_cardinal(units)} {unit if units == 1 else unit_plural}"
    return f"{words} {_cardinal(cents)} {cent if cents == 1 else cent_plural}" if cents else words


def _time(hour: int, minute: int, half: str) -> str:
    words = [_cardinal(hour)]
    if 0 < minute < 10:
        words.append("oh")
    if minute:
        words.append(_cardinal(minute))
    elif not half:
        words.append("o'clock")
    return " ".join(words + list(half.lower().replace(".", "").strip()))


def _digits(digits: str) -> str:
    if len(digits) > 6 or (len(digits) > 1 and int(digits[0]) == 0):
        return _digit_by_digit(digits)
    number = int(digits)
    if 1900 <= number <= 2099:
        return _cardinal(number, to="year")
    return _cardinal(number) if number < 1000 or number % 100 == 0 else _digit_by_digit(digits)


def _digit_by_digit(digits: str) -> str:
    return " ".join(_cardinal(int(digit)) for digit in digits)


def _cardinal(number: int, to: str = "cardinal") -> str:
    words: str = load("num2words", "voice").num2words(number, to=to)
    return words.replace(",", "").replace(" and ", " ").replace("-", " ")


def _written_out(word: str) -> str:
    if word in _CONTRACTIONS:
        return _CONTRACTIONS[word]
    if word.removesuffix("'s") in _BEFORE_IS:
        return word.replace("'s", " is")
    for ending, written in _ENDINGS.items():
        if word.endswith(ending):
            return word.removesuffix(ending) + written
    return _SAME_WORD.get(word, word)
