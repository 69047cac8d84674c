"""How a struct's leaves lie in a payload: blocks of fixed size, and the strings and sequences between them."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from genesis_lib.dds.cdr_check import CODES, Leaf


@dataclass(frozen=True, slots=True)
class Block:
    """Leaves of fixed size before a string or sequence, the length of that one included unless it is `recurring`.

    A block starts where the bytes of the string or sequence before it end: a few octets in a row, a string's terminating
    NUL the first of them, then, from the next multiple of 4, what needs alignment. After a recurring string, which brings
    its own end along, it starts at a multiple of 4. So does every string and sequence.
    """

    start: int
    fixed: tuple[Leaf, ...]
    variable: Leaf | None
    recurring: bool
    after: Leaf | None

    @property
    def counts(self) -> bool:
        """It holds the length of what follows."""
        return self.variable is not None and not self.recurring

    @property
    def names(self) -> list[str]:
        """A variable's name for each leaf."""
        return [f"m{self.start + index}" for index in range(len(self.fixed))]

    @property
    def follower(self) -> int:
        """Index of the string or sequence that follows."""
        return self.start + len(self.fixed)

    def struct_at(self, residue: int, prefix: str = "", *, padded: bool = False) -> struct.Struct:
        """The block when it starts at an offset with this residue modulo 4; `padded` up to a multiple of 4."""
        layout = "<" + prefix + "x" * self._nul
        position = residue + self._nul
        for code, size, alignment in self._parts():
            padding = -position % alignment
            layout += "x" * padding + code
            position += padding + size
        return struct.Struct(layout + "x" * (-position % 4) * padded)

    def end(self, start: str) -> str:
        """Expression for the offset behind this block when it starts at the offset `start`."""
        lead = self._nul
        for _, size, alignment in self._parts():
            if alignment > 1:
                rest = self.struct_at(0).size - (lead + 3 & -4)
                return f"({start} + {lead + 3} & -4) + {rest}"
            lead += size
        return f"{start} + {lead}" if lead else start

    @property
    def _nul(self) -> int:
        return int(self.after is not None and self.after.kind == "string")

    def _parts(self) -> Iterator[tuple[str, int, int]]:
        for leaf in self.fixed:
            yield _part(leaf)
        if self.counts:
            yield CODES["uint32"]


def _part(leaf: Leaf) -> tuple[str, int, int]:
    return (f"{leaf.bound}s", leaf.bound or 0, 1) if leaf.kind == "array" else CODES[leaf.kind]


def blocks(leaves: Sequence[Leaf], recurring: Collection[str] = ()) -> list[Block]:
    """The blocks of a struct, in order. A string counts as recurring when it is named as such, and its end at a multiple of
    4 is all that lies between it and what follows."""
    found: list[Block] = []
    start, after = 0, None
    for index, leaf in enumerate(leaves):
        if leaf.kind in ("string", "sequence"):
            recurs = leaf.name in recurring and leaf.kind == "string" and _is_aligned(leaves[index + 1 :])
            found.append(Block(start, tuple(leaves[start:index]), leaf, recurs, after))
            start, after = index + 1, None if recurs else leaf
    found.append(Block(start, tuple(leaves[start:]), None, False, after))
    return found


def _is_aligned(following: Sequence[Leaf]) -> bool:
    return bool(following) and (following[0].kind in ("string", "sequence") or _part(following[0])[2] > 1)


def fixed_checks(leaf: Leaf, variable: str, values: str, scope: dict[str, Any]) -> list[str]:
    """Expressions that are true when the variable holds no value of this leaf; what they need goes into the scope."""
    if leaf.kind == "array":
        return [f"type({variable}) is not bytes", f"len({variable}) != {leaf.bound}"]
    if leaf.kind == "boolean":
        return [f"{variable} is not True and {variable} is not False"]
    if leaf.kind == "enum":
        scope[values] = leaf.enumerators
        return [f"{variable} not in {values}"]
    return []
