"""Countries and states of the USA that people name after a place, as OpenWeatherMap's geocoding wants to hear them.

`regions.json` holds their ISO 3166-1 alpha-2 and USPS codes with their usual English names.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Region:
    """A country, or a state of the USA: `country` and `state` are codes, `names` what it is called, folded."""

    country: str
    state: str
    names: frozenset[str]

    @property
    def query(self) -> str:
        """What follows the place's name in a geocoding query."""
        return f"{self.state},{self.country}" if self.state else self.country


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Text as names are compared: no case, no accents, no punctuation, single blanks."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(re.findall(r"\w+", plain))


def regions_called(name: str) -> tuple[Region, ...]:
    """The regions of this name or, in upper case, of this code: "Georgia" is a country and a state."""
    if name.isupper() and (by_code := _by_code().get(name)):
        return by_code
    return _by_name().get(fold(name), ())


@lru_cache(maxsize=1)
def _regions() -> tuple[Region, ...]:
    data = json.loads(files(__package__).joinpath("regions.json").read_text(encoding="utf-8"))
    states = [Region("US", code, frozenset(map(fold, names))) for code, names in data["us_states"].items()]
    return (*states, *(Region(code, "", frozenset(map(fold, names))) for code, names in data["countries"].items()))


@lru_cache(maxsize=1)
def _by_name() -> dict[str, tuple[Region, ...]]:
    return {name: tuple(r for r in _regions() if name in r.names) for region in _regions() for name in region.names}


@lru_cache(maxsize=1)
def _by_code() -> dict[str, tuple[Region, ...]]:
    codes = {region.state or region.country for region in _regions()}
    return {code: tuple(r for r in _regions() if code == (r.state or r.country)) for code in codes}
