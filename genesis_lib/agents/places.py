"""Which place a request speaks of. Spans of its words are only proposed here: a geocoder decides which of them is a place.

A span's strength says how likely it is to be one: after "in" more than after "for", with a capital more than without.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice, takewhile

from genesis_lib.agents.regions import Region, fold, regions_called
from genesis_lib.agents.weather_data import Place
from genesis_lib.agents.weather_words import CALENDAR_WORDS, FILLER_WORDS, WEATHER_WORDS

Geocode = Callable[[str], Awaitable[Sequence[Place]]]

CAPITAL = 1
"""From this strength on a span has a capital, or follows a word such as "in"."""
STRONG = 2
"""From this strength on a span looks so much like a place that it being none is worth saying."""

MAX_QUERIES = 12
_LONGEST_REQUEST = 2000  # characters; a place that comes later is not found
_LONGEST_NAME = 100
_MAX_NAME_WORDS = 5
_WORDS_LOOKED_BACK = 3
_MAX_REGION_WORDS = 4
_MAX_REGIONS = 2
_LOCATIVE = dict.fromkeys(("in", "at", "near", "around", "across"), 3) | dict.fromkeys(
    ("for", "of", "to", "from", "about", "over"), 2
)
_TOKEN = re.compile(r"[^\W_]+(?:[.'\u2019\-][^\W_]+)*\.?|[^\w\s]|\n")
_POSSESSIVES = ("'s", "\u2019s", "'S", "\u2019S")
_LONGEST_ABBREVIATION = 3


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a possessive ending or a punctuation mark, and where it is."""

    text: str
    start: int
    end: int

    @property
    def folded(self) -> str:
        return fold(self.text)

    @property
    def is_filler(self) -> bool:
        """Also when something is contracted to it, as in "I'll"."""
        return fold(re.split(r"['\u2019]", self.text)[0]) in FILLER_WORDS

    @property
    def is_word(self) -> bool:
        return self.text[0].isalnum() or self.is_possessive

    @property
    def is_possessive(self) -> bool:
        return self.text in _POSSESSIVES

    @property
    def is_capital(self) -> bool:
        """Also true where a script knows no case, and for digits."""
        return not self.text[0].islower()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A span that may be a place's name, and the words after it that may say in which region it is."""

    tokens: tuple[Token, ...]
    regions: tuple[tuple[Token, ...], ...]
    strength: int

    @property
    def name(self) -> str:
        """The name as it stands in the text."""
        return _join(self.tokens).rstrip(".")

    @property
    def phrase(self) -> str:
        """The name and, where one follows, the region as they stand in the text."""
        return ", ".join((self.name, *self._region()[0]))

    @property
    def queries(self) -> list[str]:
        """What to ask the geocoder, the most exact first."""
        return [*(f"{self.name},{region.query}" for region in self._region()[1]), self.name]

    def _region(self) -> tuple[list[str], tuple[Region, ...]]:
        for words in self.regions:
            for n in range(len(words), 0, -1):
                name = _join(words[:n])
                if regions := regions_called(name):
                    return [name], regions
        return [], ()


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """A place, and the request without the words that named it."""

    place: Place
    rest: str


async def find_place(text: str, geocode: Geocode, *, least_strength: int = 0) -> FoundPlace | None:
    """The place that the strongest confirmed candidate names; among equals the one that covers most words.

    Asks the geocoder at most MAX_QUERIES times, at once for candidates of the same strength. Raises what it raises.
    """
    left = MAX_QUERIES
    for strength, group in groupby(candidates(text), key=lambda candidate: candidate.strength):
        if strength < least_strength:
            break
        asked = list(islice(((candidate, query) for candidate in group for query in candidate.queries), left))
        left -= len(asked)
        answers = await _ask_all(geocode, [query for _, query in asked])
        matches = [
            _match(candidate, place) for (candidate, _), places in zip(asked, answers, strict=True) for place in places
        ]
        usable = [match for match in matches if match.named or strength >= STRONG]
        if usable:
            best = max(usable, key=lambda match: (match.named, match.covered))
            return FoundPlace(best.place, f"{text[: best.start]} {text[best.end :]}")
    return None


def candidates(text: str) -> list[Candidate]:
    """The spans of a request that may name a place, the strongest first, then the longest."""
    tokens = tokenise(text[:_LONGEST_REQUEST])
    cases = {token.is_capital for token in tokens if token.is_word}
    case_tells = cases == {True, False}
    return sorted(_spans(tokens, case_tells=case_tells), key=lambda c: (-c.strength, -len(c.tokens)))


def tokenise(text: str) -> list[Token]:
    """Words and punctuation marks; "Paris's" is two tokens, "St." is one, the last word of a sentence is without its dot."""
    tokens: list[Token] = []
    for match in _TOKEN.finditer(text):
        word, start = match[0], match.start()
        cut = len(word)
        if word[-2:] in _POSSESSIVES and len(word) > 2:
            cut -= 2
        elif word.endswith(".") and cut > 1 and (cut - 1 > _LONGEST_ABBREVIATION or match.end() == len(text)):
            cut -= 1
        tokens.append(Token(word[:cut], start, start + cut))
        if cut < len(word):
            tokens.append(Token(word[cut:], start + cut, match.end()))
    return tokens


def _spans(tokens: Sequence[Token], *, case_tells: bool) -> Iterator[Candidate]:
    for i, token in enumerate(tokens):
        follows = tokens[i + 1] if i + 1 < len(tokens) else None
        before = tokens[max(0, i - _WORDS_LOOKED_BACK) : i]
        if not token.is_word or token.is_possessive or not _may_begin(token, follows, before, case_tells):
            continue
        strength = _locative_strength(before) + (_capital_strength(token, before) if case_tells else 0)
        name = takewhile(lambda t: t.is_word, tokens[i : i + _MAX_NAME_WORDS])
        for length, last in enumerate(name, start=1):
            if last.end - token.start > _LONGEST_NAME or not _may_end(last, case_tells and token.is_capital, length):
                continue
            yield Candidate(tuple(tokens[i : i + length]), _regions_after(tokens, i + length), strength)


def _may_begin(token: Token, follows: Token | None, before: Sequence[Token], case_tells: bool) -> bool:
    capital_follows = follows is not None and follows.is_word and follows.is_capital
    capital = case_tells and token.is_capital
    if token.folded == "the":
        return case_tells and capital_follows and _locative_strength(before) > 0
    if token.folded in CALENDAR_WORDS:
        return capital and capital_follows
    if token.folded in WEATHER_WORDS:
        return capital and (capital_follows or not _begins_sentence(before))
    return not token.is_filler


def _may_end(token: Token, begins_with_capital: bool, length: int) -> bool:
    if token.is_possessive or token.text.isdecimal():
        return length > 1
    if begins_with_capital and not token.is_capital:
        return False
    if token.is_filler or token.folded in WEATHER_WORDS:
        return begins_with_capital
    return token.folded not in CALENDAR_WORDS


def _begins_sentence(before: Sequence[Token]) -> bool:
    return not before or not (before[-1].is_word or (before[-1].text == "," and len(before) > 1))


def _locative_strength(before: Sequence[Token]) -> int:
    if before and before[-1].folded == "the":
        before = before[:-1]
    return _LOCATIVE.get(before[-1].folded, 0) if before else 0


def _capital_strength(token: Token, before: Sequence[Token]) -> int:
    if not token.is_capital:
        return 0
    if _begins_sentence(before):
        return 1
    if before[-1].text == ",":
        before = before[:-1]
    previous = before[-1]
    continues = (
        previous.is_word and previous.is_capital and not previous.is_filler and previous.folded not in CALENDAR_WORDS
    )
    return 1 if continues else 2


def _regions_after(tokens: Sequence[Token], i: int) -> tuple[tuple[Token, ...], ...]:
    """The words after a name that may be its state and country: "Monument, Colorado", "Paris France", "Nice in France"."""
    found: list[tuple[Token, ...]] = []
    while len(found) < _MAX_REGIONS:
        if i < len(tokens) and tokens[i].text in (",", "in"):
            i += 1
        words = tuple(takewhile(lambda t: t.is_word, tokens[i : i + _MAX_REGION_WORDS]))
        if not words:
            break
        found.append(words)
        i += next((n for n in range(len(words), 0, -1) if regions_called(_join(words[:n]))), len(words))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Match:
    place: Place
    named: bool
    covered: int
    start: int
    end: int


def _match(candidate: Candidate, place: Place) -> _Match:
    """How well a place that the geocoder gave fits the words it was asked with, and those after them."""
    names = {fold(name) for name in (place.name, *place.local_names.values())}
    covered, end = len(candidate.tokens), candidate.tokens[-1].end
    for words in candidate.regions:
        n = next((n for n in range(len(words), 0, -1) if _lies_in(place, _join(words[:n]))), 0)
        if n:
            covered, end = covered + n, words[n - 1].end
    return _Match(place, fold(candidate.name) in names, covered, candidate.tokens[0].start, end)


def _lies_in(place: Place, region_name: str) -> bool:
    state = fold(place.state or "")
    return (state != "" and state == fold(region_name)) or any(
        place.country == region.country and (not region.state or state in ("", fold(region.state), *region.names))
        for region in regions_called(region_name)
    )


def _join(tokens: Sequence[Token]) -> str:
    text = " ".join(token.text for token in tokens)
    for possessive in _POSSESSIVES:
        text = text.replace(f" {possessive}", possessive)
    return text


async def _ask_all(geocode: Geocode, queries: Sequence[str]) -> list[Sequence[Place]]:
    tasks = [asyncio.ensure_future(geocode(query)) for query in queries]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
