"""Several items for one handler: an error with one of them costs the others nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


def handle_each(items: Iterable[T], handle: Callable[[T], None]) -> None:
    """Call the handler with each item, in order, on the event loop. What it raises goes to the loop's exception handler, as
    from a callback of its own."""
    rest = iter(items)
    through = False
    while not through:
        with _reported:
            for item in rest:
                handle(item)
            through = True


class _Reported:
    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, Exception):
            return False
        what = "genesis_lib could not handle something that arrived"
        asyncio.get_running_loop().call_exception_handler({"message": what, "exception": error})
        return True


_reported = _Reported()
