"""Several items for one handler."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from genesis_lib.handle_each import handle_each


async def test_an_error_costs_the_others_nothing() -> None:
    handled: list[int] = []
    reported: list[BaseException] = []

    def handle(item: int) -> None:
        if item % 2:
            raise ValueError(item)
        handled.append(item)

    def report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        reported.append(context["exception"])

    asyncio.get_running_loop().set_exception_handler(report)
    handle_each(range(10_000), handle)
    assert handled == list(range(0, 10_000, 2))
    assert [error.args for error in reported] == [(item,) for item in range(1, 10_000, 2)]


async def test_what_ends_the_process_is_no_error() -> None:
    def interrupt(item: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        handle_each([1, 2], interrupt)


async def test_nothing_to_handle() -> None:
    handle_each([], lambda item: None)
