"""The decoder of a struct: Python source with a few `struct` calls, generated from its leaves."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from genesis_lib.dds.cdr_check import ENCAPSULATION, Leaf, decode_checked
from genesis_lib.dds.cdr_layout import Block, blocks, fixed_checks

_NEXT = "\n        "


def compile_decoder(type_name: str, leaves: Sequence[Leaf], *, complete: bool) -> Callable[[bytes], tuple[Any, ...]]:
    """A payload to a tuple of leaves. Without `complete`, the last ones may be missing."""
    scope: dict[str, Any] = {
        "encapsulation": ENCAPSULATION,
        "bad_bytes": (IndexError, UnicodeDecodeError, struct.error),
        "check": partial(decode_checked, type_name, leaves, complete=complete),
    }
    lines, checks = [], []
    end = "0"
    for number, block in enumerate(blocks(leaves)):
        for index, leaf in enumerate(block.fixed, block.start):
            if leaf.kind == "enum":
                checks += fixed_checks(leaf, f"m{index}", f"values{index}", scope)
        lines += _unpack(number, block, end, scope)
        end = str(8 + block.struct_at(0).size) if number == 0 else block.end(end)
        if block.variable is None:
            break
        index = block.follower
        if not end.isdecimal():
            lines.append(f"p = {end}")
            end = "p"
        start, end = end, f"e{index}"
        if block.variable.kind == "string":
            lines += _string(block.variable, index, start)
            checks.append(f"data[{end}]")
        else:
            lines += [f"{end} = {start} + n{index}", f"m{index} = data[{start}:{end}]"]
            checks += _too_long(block.variable, index)
    values = "".join(f"m{index}, " for index in range(len(leaves)))
    source = f"""
def decode(data):
    try:
        {_NEXT.join(lines)}
        if {end} > size + 8 or size + 8 > len(data) or start[:2] != encapsulation[:2] or {" or ".join(checks) or "False"}:
            return check(data)
        return ({values})
    except bad_bytes:
        return check(data)
"""
    exec(source, scope)
    decode: Callable[[bytes], tuple[Any, ...]] = scope["decode"]
    return decode


def _string(leaf: Leaf, index: int, start: str) -> list[str]:
    """Lines that read a string of n bytes from the offset `start`, with little to do for an empty one."""
    problems = " or ".join([f"'\\0' in m{index}", *_too_long(leaf, index)])
    return [
        f"if n{index} == 1:",
        f"    e{index} = {start}; m{index} = ''",
        "else:",
        f"    e{index} = {start} + n{index} - 1; m{index} = data[{start}:e{index}].decode()",
        f"    if {problems}:",
        "        return check(data)",
    ]


def _too_long(leaf: Leaf, index: int) -> list[str]:
    return [] if leaf.bound is None else [f"n{index} > {leaf.bound + (leaf.kind == 'string')}"]


def _unpack(number: int, block: Block, end: str, scope: dict[str, Any]) -> list[str]:
    """Lines that read a block which starts at the offset `end`."""
    targets = block.names + ([f"n{block.follower}"] if block.counts else [])
    if number == 0:
        scope["unpack0"] = block.struct_at(0, "4sI").unpack_from
        return [f"{', '.join(['start', 'size', *targets])} = unpack0(data)"]
    if not targets:
        return []
    scope[f"unpack{number}"] = tuple(block.struct_at(residue).unpack_from for residue in range(4))
    return [f"{', '.join(targets)}, = unpack{number}[{end} & 3](data, {end})"]
