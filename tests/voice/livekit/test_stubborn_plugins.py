"""Speech plugins of LiveKit that cannot be closed: this module is the one they are in."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from livekit.agents import utils, vad

from genesis_lib.voice.speech.livekit import (
    open_livekit_recogniser,
    open_livekit_speaker,
    open_livekit_voice_activity,
)
from tests.voice.livekit_sessions import parrots

SESSIONS: list[aiohttp.ClientSession] = []


class Whistle(parrots.Whistle):
    def __init__(self) -> None:
        super().__init__()
        SESSIONS.append(utils.http_context.http_session())

    async def aclose(self) -> None:
        raise RuntimeError("stuck")


class Meter(parrots.Meter):
    def __init__(self) -> None:
        super().__init__()
        SESSIONS.append(utils.http_context.http_session())

    async def aclose(self) -> None:
        raise RuntimeError("stuck")


class Ear(vad.VAD):
    def __init__(self) -> None:
        super().__init__(capabilities=vad.VADCapabilities(update_interval=0.1))
        SESSIONS.append(utils.http_context.http_session())

    def stream(self) -> vad.VADStream:
        return _Listening(self)


class _Listening(vad.VADStream):
    async def _main_task(self) -> None:
        async for _ in self._input_ch:
            pass

    async def aclose(self) -> None:
        await super().aclose()
        raise RuntimeError("stuck")


@pytest.mark.parametrize(
    ("name", "open_plugin"),
    [
        ("Whistle", open_livekit_speaker),
        ("Meter", open_livekit_recogniser),
        ("Ear", open_livekit_voice_activity),
    ],
)
async def test_the_connections_of_a_plugin_that_cannot_be_closed_are(
    monkeypatch: pytest.MonkeyPatch, name: str, open_plugin: Callable[[str], Awaitable[Any]]
) -> None:
    monkeypatch.setitem(sys.modules, "livekit.plugins.stubborn", sys.modules[__name__])
    engine = await open_plugin(f"stubborn.{name}")
    assert not SESSIONS[-1].closed
    with pytest.raises(RuntimeError, match="stuck"):
        await engine.close()
    assert SESSIONS[-1].closed
