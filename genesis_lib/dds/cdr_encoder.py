"""The encoder of a struct: Python source with a few `struct` calls, generated from its leaves."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from genesis_lib.dds.cdr_check import ENCAPSULATION, Leaf, refuse
from genesis_lib.dds.cdr_layout import Block, blocks, fixed_checks
from genesis_lib.memo import Memo

_RECURRING_CHARACTERS = 128

_pack_length = struct.Struct("<I").pack
_ENDS = (b"\0\0\0\0", b"\0\0\0", b"\0\0", b"\0")  # of a string with so many bytes modulo 4


def _string(bound: int | None, text: str) -> bytes:
    """A string as it stands in a payload: the length, the text, NUL, zeros up to a multiple of 4.

    Raises:
        AttributeError, TypeError, ValueError: it is no string, or does not fit.
    """
    encoded = text.encode()
    size = len(encoded)
    if "\0" in text or (bound is not None and size > bound):
        raise ValueError("it has a NUL character or is too long")
    return _pack_length(size + 1) + encoded + _ENDS[size & 3]


def _is_worth_keeping(text: str) -> bool:
    """Not where it is of a class that may have an equality of its own."""
    return type(text) is str and len(text) <= _RECURRING_CHARACTERS


def compile_encoder(type_name: str, leaves: Sequence[Leaf], recurring: Collection[str] = ()) -> Callable[..., bytes]:
    """All leaves, positionally, to a payload. The strings named as recurring are looked up before they are encoded."""
    scope: dict[str, Any] = {
        "join": b"".join,
        "header": ENCAPSULATION,
        "bad_values": (AttributeError, TypeError, ValueError, struct.error),
        "refuse": lambda *values: refuse(type_name, leaves, values),
    }
    prepare, checks, parts, sizes = [], [], [], []
    for number, block in enumerate(blocks(leaves, recurring)):
        for index, leaf in enumerate(block.fixed, block.start):
            checks += fixed_checks(leaf, f"m{index}", f"values{index}", scope)
        arguments = block.names
        index = block.follower
        if block.variable is not None and block.recurring:
            scope[f"strings{index}"] = Memo(partial(_string, block.variable.bound), _is_worth_keeping)
            prepare.append(f"b{index} = strings{index}[m{index}]")
        elif block.variable is not None:
            prepare += [_to_bytes(block.variable, index), f"n{index} = len(b{index})"]
            checks += _variable_checks(block.variable, index)
            arguments.append(f"n{index} + 1" if block.variable.kind == "string" else f"n{index}")
        parts += _pack(number, block, arguments, scope)
        sizes.append(_size(block))
        if block.variable is not None:
            parts.append(f"b{index}")
            if block.recurring:
                sizes.append(f"len(b{index})")
    parameters = ", ".join(f"m{index}" for index in range(len(leaves)))
    source = f"""
def encode({parameters}):
    try:
        {"; ".join(prepare) or "pass"}
        if {" or ".join(checks) or "False"}:
            refuse({parameters})
        return join(({", ".join(parts)},))
    except bad_values:
        refuse({parameters})
""".replace("SIZE", " + ".join(sizes))
    exec(source, scope)
    encode: Callable[..., bytes] = scope["encode"]
    return encode


def _pack(number: int, block: Block, arguments: list[str], scope: dict[str, Any]) -> list[str]:
    padded = not block.counts
    if number == 0:
        scope["pack0"] = block.struct_at(0, "4sI", padded=padded).pack
        return [f"pack0({', '.join(['header', 'SIZE', *arguments])})"]
    if block.after is None:
        scope[f"pack{number}"] = block.struct_at(0, padded=padded).pack
        return [f"pack{number}({', '.join(arguments)})"] if arguments else []
    structs = [block.struct_at(residue, padded=padded) for residue in range(4)]
    residue = f"n{block.start - 1} & 3"
    if arguments:
        scope[f"pack{number}"] = tuple(each.pack for each in structs)
        return [f"pack{number}[{residue}]({', '.join(arguments)})"]
    scope[f"padding{number}"] = tuple(each.pack() for each in structs)
    return [f"padding{number}[{residue}]"]


def _size(block: Block) -> str:
    """Expression for the size of what stands before the block and of the block, which the next string makes a multiple of 4."""
    end = block.end("0" if block.after is None else f"n{block.start - 1}")
    return f"({end})" if block.variable is None or block.counts else f"({end} + 3 & -4)"


def _to_bytes(leaf: Leaf, index: int) -> str:
    return f"b{index} = m{index}.encode()" if leaf.kind == "string" else f"b{index} = m{index}"


def _variable_checks(leaf: Leaf, index: int) -> list[str]:
    checks = [f"'\\0' in m{index}" if leaf.kind == "string" else f"type(m{index}) is not bytes"]
    if leaf.bound is not None:
        checks.append(f"n{index} > {leaf.bound}")
    return checks
