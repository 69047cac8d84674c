"""What sessions of livekit-agents fail with, as the end of a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from livekit.agents import AgentSession, APIError, ErrorEvent

from genesis_lib.errors import GenesisError


def reason_of(error: BaseException) -> str:
    """An error as the reason that a call ended with. What this library's adapters give to livekit is told as it was."""
    if isinstance(error, APIError) and isinstance(error.__cause__, GenesisError):
        error = error.__cause__
    return f"{type(error).__name__}: {error}"


def end_on_errors(session: AgentSession[Any], end: Callable[[str], None]) -> None:
    """Let the call end with the first error of speaker, recogniser or brain that trying again does not mend. By itself a
    session goes on until there were several: mute or deaf, which the other side cannot know."""

    def on_error(event: ErrorEvent) -> None:
        if not event.error.recoverable:
            end(reason_of(event.error.error))

    session.on("error", on_error)
