"""Values of every shape for the topic types, and the same values as each DDS product holds them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cyclonedds.idl import IdlStruct
from hypothesis import strategies as st

from genesis_lib.dds.cdr_check import Leaf, flatten
from genesis_lib.dds.cyclone_types import build_struct
from genesis_lib.dds.datamodel import Struct

_RANGES = {
    "octet": (0, 2**8 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
}


def leaves(declared: Struct) -> tuple[Leaf, ...]:
    return tuple(flatten(declared))


def values(declared: Struct) -> st.SearchStrategy[tuple[Any, ...]]:
    """Flattened values of a struct, in the order of its codec."""
    return st.tuples(*(leaf_values(leaf) for leaf in leaves(declared)))


def leaf_values(leaf: Leaf) -> st.SearchStrategy[Any]:
    if leaf.kind == "string":
        return texts(leaf.bound)
    if leaf.kind == "sequence":
        return st.one_of(st.binary(max_size=9), st.binary(min_size=5000, max_size=5000))
    if leaf.kind == "array":
        return st.binary(min_size=leaf.bound or 0, max_size=leaf.bound)
    if leaf.kind == "boolean":
        return st.booleans()
    if leaf.kind == "enum":
        return st.sampled_from(sorted(leaf.enumerators))
    low, high = _RANGES[leaf.kind]
    return st.one_of(st.sampled_from([low, high, 0]), st.integers(low, high))


def texts(bound: int | None) -> st.SearchStrategy[str]:
    """Text that fits: any character but NUL, astral ones and combining ones too; sometimes exactly at the bound."""
    some = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
    longest = bound or 10_000
    full = st.sampled_from(
        ["x" * longest, "\N{GRINNING FACE}" * (longest // 4), "e\N{COMBINING ACUTE ACCENT}" * (longest // 3)]
    )
    return st.one_of(some.map(lambda text: text.encode()[:longest].decode(errors="ignore")), st.just(""), full)


def cyclone_sample(declared: Struct, flat: Sequence[Any]) -> Any:
    """The binding's object of these flattened values."""
    return _nested(declared, iter(flat))


def cyclone_payload(sample: IdlStruct) -> bytes:
    """What the binding's DataWriter.write hands to the C layer."""
    serialized: bytes = sample.serialize()
    return serialized.ljust(len(serialized) + 3 & -4, b"\0")


def cyclone_values(declared: Struct, sample: Any) -> tuple[Any, ...]:
    """The flattened values of the binding's object."""
    return tuple(_flat(declared, sample))


def _nested(declared: Struct, flat: Iterator[Any]) -> Any:
    arguments = (
        _nested(member.type, flat) if isinstance(member.type, Struct) else next(flat) for member in declared.members
    )
    return build_struct(declared)(*arguments)


def _flat(declared: Struct, sample: Any) -> Iterator[Any]:
    for member in declared.members:
        value = getattr(sample, member.name)
        if isinstance(member.type, Struct):
            yield from _flat(member.type, value)
        elif member.sequence or member.array_length is not None:
            yield bytes(value)
        else:
            yield getattr(value, "value", value)
