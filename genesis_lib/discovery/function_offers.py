"""What was announced of functions, by whom: anybody can announce a function in the name of any agent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from genesis_lib.messages import FunctionInfo

MOST_FUNCTIONS = 1024

Key = tuple[str, str]


class FunctionOffers:
    """Functions by (provider id, name), then by the publication that announced them: 1,024 of each at most."""

    def __init__(self) -> None:
        self._offers: dict[Key, dict[int, FunctionInfo]] = {}
        self._keys_of: dict[int, set[Key]] = {}

    def __iter__(self) -> Iterator[tuple[int, FunctionInfo]]:
        return ((publication, info) for offers in self._offers.values() for publication, info in offers.items())

    def of(self, key: Key) -> Mapping[int, FunctionInfo]:
        """The function as each publication describes it, the latest last."""
        return self._offers.get(key, {})

    def add(self, publication: int, info: FunctionInfo) -> bool:
        """Take an announcement in; False when there are too many of this publication."""
        key = info.provider_id, info.name
        keys = self._keys_of.setdefault(publication, set())
        if key not in keys and len(keys) >= MOST_FUNCTIONS:
            return False
        keys.add(key)
        offers = self._offers.setdefault(key, {})
        offers.pop(publication, None)
        offers[publication] = info
        return True

    def remove(self, publication: int, key: Key) -> None:
        """This publication offers the function no more."""
        self._keys_of.get(publication, set()).discard(key)
        offers = self._offers.get(key, {})
        offers.pop(publication, None)
        if not offers:
            self._offers.pop(key, None)

    def remove_all_of(self, publication: int) -> None:
        """The writer is gone."""
        for key in list(self._keys_of.get(publication, ())):
            self.remove(publication, key)
        self._keys_of.pop(publication, None)

    def remove_everywhere(self, key: Key) -> None:
        """Nobody offers the function any more."""
        for publication in list(self.of(key)):
            self.remove(publication, key)
