"""Which place a request speaks of. Spans of its words are only proposed here: a geocoder decides which of them is a place.

A span's strength says how likely it is to be one: after "in" more than after "for", with a capital more than without.
Common words, such as "city" and "the", only set the order in which spans of the same strength are asked about.
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
_QUERIES_AT_ONCE = 6
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
    def is_common(self) -> bool:
        """A word that requests have anyway, so that it says little about a place."""
        return (
            self.is_filler
            or self.is_possessive
            or self.folded in WEATHER_WORDS
            or self.folded in CALENDAR_WORDS
            or self.text[0].isdecimal()
        )

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
    ordinary_words: int

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

    Asks the geocoder at most MAX_QUERIES times, some at once. Raises what it raises.
    """
    proposed = [candidate for candidate in candidates(text) if candidate.strength >= least_strength]
    match = await _first_confirmed(proposed, geocode)
    return None if match is None else FoundPlace(match.place, f"{text[: match.start]} {text[match.end :]}")


async def find_named(phrase: str, geocode: Geocode) -> Place | None:
    """The place that a phrase names, all of which is a place's name, with or without regions after it."""
    match = await _first_confirmed(list(_readings_of_name(phrase)), geocode)
    return None if match is None else match.place


def candidates(text: str) -> list[Candidate]:
    """The spans of a request that may name a place, the strongest first, then the longest.

    One ordinary word is usual in names, as in "Cape Town" and "The Hague"; spans with more come after the others.
    """
    return sorted(_spans(text), key=lambda c: (-c.strength, max(0, c.ordinary_words - 1), -len(c.tokens)))


def likeliest(text: str) -> Candidate | None:
    """The span that most looks like the place's name, to speak of when no geocoder confirms one."""
    return max(_spans(text), key=lambda c: (c.strength, -c.ordinary_words, len(c.tokens)), default=None)


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


def _spans(text: str) -> Iterator[Candidate]:
    tokens = tokenise(text[:_LONGEST_REQUEST])
    case_tells = {token.is_capital for token in tokens if token.is_word} == {True, False}
    befores = [tokens[max(0, i - _WORDS_LOOKED_BACK) : i] for i in range(len(tokens))]
    strengths = [_strength(*of, case_tells) for of in zip(tokens, befores, strict=True)]
    for i, first in enumerate(tokens):
        if first.is_possessive or first.folded in _LOCATIVE:
            continue
        words = tuple(takewhile(lambda t: t.is_word, tokens[i : i + _MAX_NAME_WORDS]))
        for length in range(1, len(words) + 1):
            span, end = words[:length], i + length
            if span[-1].end - first.start > _LONGEST_NAME:
                break
            after = tokens[end] if end < len(tokens) else None
            regions = _regions_after(tokens, end)
            telling = [strengths[n] for n in range(i, end) if not tokens[n].is_common]
            if telling:
                is_name = _has_name_shape(span)
                is_all = i == 0 and (after is None or not after.is_word)
                strength = max(*telling, CAPITAL if is_all else 0)
            else:
                is_name = _is_capital_name(span, befores[i], case_tells) or _is_set_off_by_region(after, regions)
                strength = strengths[i]
            if is_name:
                yield Candidate(span, regions, strength, _ordinary_words(span, befores[i], case_tells))


def _readings_of_name(phrase: str) -> Iterator[Candidate]:
    tokens = tokenise(phrase)
    words = tuple(takewhile(lambda t: t.is_word, tokens))
    for length in range(len(words), 0, -1):
        rest = words[length:]
        if not rest or regions_called(_join(rest)):
            yield Candidate(words[:length], _regions_after(tokens, length), STRONG, 0)


def _has_name_shape(span: Sequence[Token]) -> bool:
    """Has at most one common word at each end, next to one that is none: "Hot Springs", "Mexico City", "Isle of Man"."""
    return not (span[0].is_common and span[1].is_common) and not (span[-1].is_common and span[-2].is_common)


def _is_capital_name(span: Sequence[Token], before: Sequence[Token], case_tells: bool) -> bool:
    """Whether common words are a name by their capitals, as "Nice" and "Sun City" are, but not "Friday Morning"."""
    return (
        case_tells
        and all(token.text[0].isupper() for token in span)
        and not span[0].is_filler
        and span[-1].folded not in CALENDAR_WORDS
        and (len(span) > 1 or not _begins_sentence(before))
    )


def _is_set_off_by_region(after: Token | None, regions: Sequence[Sequence[Token]]) -> bool:
    """Whether common words are a name by what follows, as in "nice, france"."""
    return (
        after is not None
        and after.text == ","
        and any(regions_called(_join(words[:n])) for words in regions for n in range(1, len(words) + 1))
    )


def _ordinary_words(span: Sequence[Token], before: Sequence[Token], case_tells: bool) -> int:
    """How many words would stand like this in a sentence without being part of a name."""
    if case_tells and any(token.is_capital for token in span):
        first_is_ordinary = span[0].is_capital and span[0].is_common and _begins_sentence(before)
        return sum(not token.is_capital for token in span) + first_is_ordinary
    return sum(token.is_common for token in span)


def _begins_sentence(before: Sequence[Token]) -> bool:
    return not before or not (before[-1].is_word or (before[-1].text == "," and len(before) > 1))


def _locative_strength(before: Sequence[Token]) -> int:
    if before and before[-1].folded == "the":
        before = before[:-1]
    return _LOCATIVE.get(before[-1].folded, 0) if before else 0


def _strength(token: Token, before: Sequence[Token], case_tells: bool) -> int:
    return _locative_strength(before) + (_capital_strength(token, before) if case_tells else 0)


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
    ordinary_words: int
    covered: int
    start: int
    end: int


async def _first_confirmed(proposed: Sequence[Candidate], geocode: Geocode) -> _Match | None:
    """The best match of the strongest candidates that have one; only strong ones may match by another name than theirs."""
    left = MAX_QUERIES
    for strength, group in groupby(proposed, key=lambda candidate: candidate.strength):
        questions = ((candidate, query) for candidate in group for query in candidate.queries)
        others: list[_Match] = []
        while asked := list(islice(questions, min(_QUERIES_AT_ONCE, left))):
            left -= len(asked)
            answers = await _ask_all(geocode, [query for _, query in asked])
            matches = [
                _match(candidate, place)
                for (candidate, _), places in zip(asked, answers, strict=True)
                for place in places
            ]
            if named := [match for match in matches if match.named]:
                return max(named, key=lambda match: match.covered)
            others += matches
        if others and strength >= STRONG:
            return max(others, key=lambda match: (-match.ordinary_words, match.covered))
    return None


def _match(candidate: Candidate, place: Place) -> _Match:
    """How well a place that the geocoder gave fits the words it was asked with, and those after them."""
    names = {fold(name) for name in (place.name, *place.local_names.values())}
    covered, end = len(candidate.tokens), candidate.tokens[-1].end
    for words in candidate.regions:
        n = next((n for n in range(len(words), 0, -1) if _lies_in(place, _join(words[:n]))), 0)
        if n:
            covered, end = covered + n, words[n - 1].end
    named = fold(candidate.name) in names
    return _Match(place, named, candidate.ordinary_words, covered, candidate.tokens[0].start, end)


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
