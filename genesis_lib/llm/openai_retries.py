"""How long the OpenAI client lets an endpoint make it wait before it asks again."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx2


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """The pause that an endpoint asks for, None when it asks for none that can be read."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            pause = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        return max(0.0, pause) if math.isfinite(pause) else None
    try:
        return max(0.0, parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


async def refuse_long_pause(response: httpx2.Response) -> None:
    """Tell the client not to wait for a pause that is longer than one attempt may take: its caller would hear nothing.

    A hook on responses. The header is how endpoints themselves tell the client whether to ask again.
    """
    pause = retry_after_seconds(response.headers)
    if pause is not None and pause > response.request.extensions["timeout"]["read"]:
        response.headers["x-should-retry"] = "false"
